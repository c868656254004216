/* Pack files: the outputs of many tasks in one append-only file, and the truth from which the store can be rebuilt.
 *
 * A pack begins with a header {magic "AMZPACK1", version, rank, epoch, node}; then frames follow, each with a magic, a length and
 * CRC-32s of head and content, so that a reader finds its way past a torn or zeroed stretch (bytes: src/store/pack_format.h):
 *   DATA  index, attempt, stream (1 stdout, 2 stderr), offset of this attempt's previous frame (0: first),
 *         bytes (<= AMZ_PACK_DATA_MAX)
 *   END   index, attempt, seq, outcome, exit code, signal, slot, start, wall, cpu, rss, stdout bytes, stderr bytes,
 *         offset of this attempt's last DATA frame (0: none)
 * The back links let one task's output be read without scanning. All numbers little-endian. */
#ifndef AMORSIZE_PACK_H
#define AMORSIZE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>
#include <amorsize/message.h>

#define AMZ_PACK_DATA_MAX (1u << 16)

/* What an END frame says: the result (its `position` holds the task index) and the sizes of both streams. */
struct amz_pack_end {
  struct amz_result result;
  uint64_t stdout_bytes, stderr_bytes;
};

/* ---- writing: used by the spawn helper; needs nothing but a descriptor ------------------------------------------------ */

struct amz_pack_writer {
  int fd;
  uint64_t offset;   /* where the next frame goes */
  uint64_t next_seq; /* of END frames, from 1 */
  uint32_t seed;     /* of the frames' checksums; from the header */
  bool holding;      /* frames are gathered in `held`, and the file ends at held_from: */
  struct amz_buf held;
  uint64_t held_from, held_seq; /* offset and next_seq when holding began */
};

/* Creates the file (it must not exist), writes its header.
 * \return AMZ_OK; AMZ_EIO with *err. */
int amz_pack_create(const char *path, uint32_t rank, uint32_t epoch, struct amz_error *err, struct amz_pack_writer *ret);
/* Both append whole frames: on failure (ENOSPC …) the file is cut back to where it was and errno is that of the failing call.
 * `*link` is the attempt's chain: start with 0, pass the same variable each time.
 * \return AMZ_OK; AMZ_EIO; AMZ_EINVAL: more than AMZ_PACK_DATA_MAX bytes, or no such stream. No bytes: no frame. */
int amz_pack_data(struct amz_pack_writer *w, uint64_t index, uint32_t attempt, int stream, const void *bytes, size_t n,
                  uint64_t *link);
/* Fills in end->result.seq and .pack_offset; small output that wasn't written yet goes along in the same write: `tail` are
 * {stdout, stderr} bytes, each <= AMZ_PACK_DATA_MAX. */
struct amz_pack_tail {
  const void *bytes[2];
  size_t n[2];
};
/* \return as amz_pack_data. `tail` may be NULL. */
int amz_pack_finish(struct amz_pack_writer *w, struct amz_pack_end *end, const struct amz_pack_tail *tail, uint64_t *link);
/* From hold to flush, frames are gathered and then written at once: of many small ones, each write of its own would cost more
 * than the rest of it. A flush that fails takes all of them back, offsets and numbers included.
 * \return of flush: AMZ_OK; AMZ_EIO, errno is that of the failing call. */
void amz_pack_hold(struct amz_pack_writer *w);
int amz_pack_flush(struct amz_pack_writer *w) AMZ_MUST_CHECK;
void amz_pack_close(struct amz_pack_writer *w);

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

struct amz_pack_reader;

/* \return AMZ_OK; AMZ_EIO, AMZ_ENOENT; AMZ_ECORRUPT: no pack header. Release with amz_pack_reader_free (accepts NULL). */
int amz_pack_open(const char *path, struct amz_error *err, struct amz_pack_reader **ret);
void amz_pack_reader_free(struct amz_pack_reader *r);
uint32_t amz_pack_rank(const struct amz_pack_reader *r);
uint32_t amz_pack_epoch(const struct amz_pack_reader *r);
/* The host name of the node on which it was written; empty when that is unknown. Lives as long as the reader. */
const char *amz_pack_node(const struct amz_pack_reader *r);
/* The next intact END frame at or behind *offset (0: from the start), which moves behind it; damaged stretches are passed
 * over, and their bytes counted per call in *ret_skipped_bytes (may be NULL). At the end *offset stays behind the last intact
 * frame, so that one can go on there when the pack has grown.
 * \return 1 with *ret; 0 at the end of what is intact; AMZ_EIO. */
int amz_pack_next_end(struct amz_pack_reader *r, uint64_t *offset, struct amz_pack_end *ret, uint64_t *ret_skipped_bytes,
                      struct amz_error *err);
/* Writes one stream (1 or 2) of the attempt whose END frame is at end_offset, in order, by calling put for each piece.
 * \return AMZ_OK; what put returned when negative; AMZ_ECORRUPT; AMZ_EIO. */
int amz_pack_read_stream(struct amz_pack_reader *r, uint64_t end_offset, int stream,
                         int (*put)(void *ctx, const void *bytes, size_t n), void *ctx, struct amz_error *err);

#endif

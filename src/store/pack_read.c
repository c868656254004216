/* The reader of pack files: END frames in the order of the file, past any damage; the output of one attempt by its back links.
 *
 * Invariants: memory is bounded by one frame (and eight bytes per frame of the attempt that is read); nothing read is believed
 * before its checksum is verified; back links must lead strictly backwards, so that no file can make us go in circles. */
#include <amorsize/pack.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#include "pack_format.h"
#include "pack_private.h"

#define WINDOW_BYTES 32768

struct amz_pack_reader {
  int fd;
  uint32_t rank, epoch, seed;
  bool header_ok;
  char node[AMZ_PACK_NODE_BYTES + 1]; /* empty: unknown */
  char *path;
  uint64_t at; /* file offset of window[0] */
  size_t have; /* bytes of the window that are filled */
  unsigned char window[WINDOW_BYTES];
};

/* Up to n bytes; fewer only at the end of the file. \return how many; negative AMZ_EIO with errno. */
static ssize_t read_at(int fd, uint64_t offset, void *bytes, size_t n)
{
  size_t done = 0;

  while (done < n) {
    ssize_t got = pread(fd, (char *)bytes + done, n - done, (off_t)(offset + done));

    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return AMZ_EIO;
    if (got == 0)
      break;
    done += (size_t)got;
  }
  return (ssize_t)done;
}

static int read_failed(const struct amz_pack_reader *r, struct amz_error *err)
{
  return amz_error_sys(err, AMZ_EIO, errno, "%s: cannot read the pack file", r->path);
}

static int damaged(const struct amz_pack_reader *r, uint64_t offset, struct amz_error *err)
{
  return amz_error_set(err, AMZ_ECORRUPT, "%s: damaged at byte %llu", r->path, (unsigned long long)offset);
}

/* The node stands apart from whose pack it is: damage there costs the name alone. */
static void read_node(struct amz_pack_reader *r, const unsigned char *at)
{
  struct amz_cursor c = amz_cursor_over(at + AMZ_PACK_NODE_BYTES, 4);

  if (amz_cursor_u32(&c) == (uint32_t)crc32(0, at, AMZ_PACK_NODE_BYTES))
    memcpy(r->node, at, AMZ_PACK_NODE_BYTES);
}

static int check_header(struct amz_pack_reader *r, bool named, struct amz_error *err)
{
  unsigned char header[AMZ_PACK_HEADER_BYTES] = {0}, expected[AMZ_PACK_WHOSE_BYTES];
  ssize_t n = read_at(r->fd, 0, header, sizeof header);
  struct amz_cursor c = amz_cursor_over(header + 12, 8);
  uint32_t rank = amz_cursor_u32(&c), epoch = amz_cursor_u32(&c);

  if (n < 0)
    return read_failed(r, err);
  amz_pack_whose_fill(expected, rank, epoch);
  r->header_ok = n >= (ssize_t)sizeof expected && memcmp(header, expected, sizeof expected) == 0;
  if (r->header_ok && n == sizeof header)
    read_node(r, header + sizeof expected);
  if (r->header_ok && named && (rank != r->rank || epoch != r->epoch))
    return amz_error_set(err, AMZ_ECORRUPT, "%s: belongs to rank %u, epoch %u: it was renamed or copied", r->path, rank, epoch);
  if (!r->header_ok && !named)
    return amz_error_set(err, AMZ_ECORRUPT, "%s: not a pack file (its header is missing or damaged)", r->path);
  if (!named) {
    r->rank = rank;
    r->epoch = epoch;
  }
  r->seed = amz_pack_seed(r->rank, r->epoch);
  return AMZ_OK;
}

static int pack_open(const char *path, bool named, uint32_t rank, uint32_t epoch, struct amz_error *err,
                     struct amz_pack_reader **ret)
{
  struct amz_pack_reader *r = calloc(1, sizeof *r);
  int rc = AMZ_ENOMEM;

  if (!r)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  r->fd = -1;
  r->rank = rank;
  r->epoch = epoch;
  r->path = amz_strndup(path, strlen(path));
  if (!r->path) {
    rc = amz_error_set(err, AMZ_ENOMEM, "out of memory");
    goto fail;
  }
  r->fd = open(path, O_RDONLY | O_CLOEXEC);
  if (r->fd < 0) {
    rc = amz_error_sys(err, errno == ENOENT ? AMZ_ENOENT : AMZ_EIO, errno, "%s", path);
    goto fail;
  }
  rc = check_header(r, named, err);
  if (rc < 0)
    goto fail;
  *ret = r;
  return AMZ_OK;
fail:
  amz_pack_reader_free(r);
  return rc;
}

int amz_pack_open(const char *path, struct amz_error *err, struct amz_pack_reader **ret)
{
  return pack_open(path, false, 0, 0, err, ret);
}

int amz_pack_open_named(const char *path, uint32_t rank, uint32_t epoch, struct amz_error *err, struct amz_pack_reader **ret)
{
  return pack_open(path, true, rank, epoch, err, ret);
}

void amz_pack_reader_free(struct amz_pack_reader *r)
{
  if (!r)
    return;
  if (r->fd >= 0)
    (void)close(r->fd);
  free(r->path);
  free(r);
}

uint32_t amz_pack_rank(const struct amz_pack_reader *r)
{
  return r->rank;
}

uint32_t amz_pack_epoch(const struct amz_pack_reader *r)
{
  return r->epoch;
}

const char *amz_pack_node(const struct amz_pack_reader *r)
{
  return r->node;
}

int amz_pack_reader_fd(const struct amz_pack_reader *r)
{
  return r->fd;
}

/* ---- frames ------------------------------------------------------------------------------------------------------------ */

struct data_head {
  uint32_t n, crc;
  uint64_t index;
  uint32_t attempt, stream;
  uint64_t link;
};

static uint32_t magic_at(const unsigned char *bytes)
{
  struct amz_cursor c = amz_cursor_over(bytes, 4);

  return amz_cursor_u32(&c);
}

static bool crc_holds(const struct amz_pack_reader *r, uint64_t offset, const unsigned char *head, size_t n)
{
  struct amz_cursor c = amz_cursor_over(head + 4, 4);

  return amz_cursor_u32(&c) == amz_pack_frame_crc(r->seed, offset, head, n);
}

static bool decode_data(const struct amz_pack_reader *r, uint64_t offset, const unsigned char *bytes, struct data_head *ret)
{
  struct amz_cursor c = amz_cursor_over(bytes + AMZ_PACK_CRC_FROM, AMZ_PACK_DATA_HEAD - AMZ_PACK_CRC_FROM);

  if (magic_at(bytes) != AMZ_PACK_DATA_MAGIC || !crc_holds(r, offset, bytes, AMZ_PACK_DATA_HEAD))
    return false;
  ret->n = amz_cursor_u32(&c);
  ret->crc = amz_cursor_u32(&c);
  ret->index = amz_cursor_u64(&c);
  ret->attempt = amz_cursor_u32(&c);
  ret->stream = amz_cursor_u32(&c);
  ret->link = amz_cursor_u64(&c);
  return ret->n > 0 && ret->n <= AMZ_PACK_DATA_MAX && (ret->stream == 1 || ret->stream == 2);
}

static bool decode_end(const struct amz_pack_reader *r, uint64_t offset, const unsigned char *bytes, struct amz_pack_end *ret,
                       uint64_t *ret_link)
{
  struct amz_cursor c = amz_cursor_over(bytes + AMZ_PACK_CRC_FROM, AMZ_PACK_END_BYTES - AMZ_PACK_CRC_FROM);
  struct amz_result *x = &ret->result;
  uint32_t outcome;

  if (magic_at(bytes) != AMZ_PACK_END_MAGIC || !crc_holds(r, offset, bytes, AMZ_PACK_END_BYTES))
    return false;
  x->error = NULL; /* what it said is its output */
  x->position = amz_cursor_u64(&c);
  x->seq = amz_cursor_u64(&c);
  x->attempt = amz_cursor_u32(&c);
  outcome = amz_cursor_u32(&c);
  x->exit_code = (int32_t)amz_cursor_u32(&c);
  x->signal = (int32_t)amz_cursor_u32(&c);
  x->slot = amz_cursor_u32(&c);
  (void)amz_cursor_u32(&c);
  x->start_ns = amz_cursor_i64(&c);
  x->wall_ns = amz_cursor_i64(&c);
  x->cpu_ns = amz_cursor_i64(&c);
  x->max_rss_bytes = amz_cursor_u64(&c);
  ret->stdout_bytes = amz_cursor_u64(&c);
  ret->stderr_bytes = amz_cursor_u64(&c);
  *ret_link = amz_cursor_u64(&c);
  x->output_bytes = ret->stdout_bytes + ret->stderr_bytes;
  x->pack_offset = offset;
  if (outcome < AMZ_SUCCEEDED || outcome > AMZ_CANCELLED)
    return false;
  x->outcome = (enum amz_outcome)outcome;
  return true;
}

/* ---- the scan ---------------------------------------------------------------------------------------------------------- */

/* Has the window hold bytes from offset on, at least `need` unless the file ends. \return how many there are; AMZ_EIO. */
static ssize_t look_at(struct amz_pack_reader *r, uint64_t offset, size_t need)
{
  ssize_t n;

  if (offset >= r->at && offset + need <= r->at + r->have)
    return (ssize_t)(r->at + r->have - offset);
  n = read_at(r->fd, offset, r->window, sizeof r->window);
  r->at = offset;
  r->have = n < 0 ? 0 : (size_t)n;
  return n;
}

/* Where a frame may begin at or behind offset: at a magic's first byte. \return 1 with *offset; 0: nowhere; AMZ_EIO. */
static int find_magic(struct amz_pack_reader *r, uint64_t *offset)
{
  for (;;) {
    ssize_t n = look_at(r, *offset, 1);
    const unsigned char *from, *hit;

    if (n <= 0)
      return (int)n;
    from = r->window + (*offset - r->at);
    hit = memchr(from, AMZ_PACK_MAGIC_FIRST, (size_t)n);
    if (hit) {
      *offset += (uint64_t)(hit - from);
      return 1;
    }
    *offset += (uint64_t)n;
  }
}

enum frame { FRAME_NONE, FRAME_DATA, FRAME_END };

/* What begins at offset. \return enum frame with the size of it in the file; AMZ_EIO. */
static int frame_at(struct amz_pack_reader *r, uint64_t offset, struct amz_pack_end *ret_end, uint64_t *ret_bytes)
{
  ssize_t n = look_at(r, offset, AMZ_PACK_END_BYTES);
  const unsigned char *bytes;
  struct data_head data;
  uint64_t link;

  if (n < 0)
    return AMZ_EIO;
  bytes = r->window + (offset - r->at);
  if (n >= AMZ_PACK_DATA_HEAD && decode_data(r, offset, bytes, &data)) {
    *ret_bytes = AMZ_PACK_DATA_HEAD + (uint64_t)data.n;
    return FRAME_DATA;
  }
  if (n >= AMZ_PACK_END_BYTES && decode_end(r, offset, bytes, ret_end, &link)) {
    *ret_bytes = AMZ_PACK_END_BYTES;
    return FRAME_END;
  }
  return FRAME_NONE;
}

/* The scan's end: what lies behind the last intact frame is no frame (yet). */
static int scan_ended(struct amz_pack_reader *r, uint64_t intact, uint64_t size, uint64_t *skipped)
{
  r->have = 0; /* the writer may have overwritten a torn end by the time we are asked again */
  if (skipped && size > intact)
    *skipped += size - intact;
  return 0;
}

int amz_pack_next_end(struct amz_pack_reader *r, uint64_t *offset, struct amz_pack_end *ret, uint64_t *ret_skipped_bytes,
                      struct amz_error *err)
{
  uint64_t at = *offset < AMZ_PACK_HEADER_BYTES ? AMZ_PACK_HEADER_BYTES : *offset;
  uint64_t bytes = 0, ignored;
  uint64_t *skipped = ret_skipped_bytes ? ret_skipped_bytes : &ignored;
  struct stat st;

  *skipped = 0;
  *offset = at;
  if (fstat(r->fd, &st) < 0)
    return read_failed(r, err);
  for (;;) {
    int found = find_magic(r, &at);
    int kind = found > 0 ? frame_at(r, at, ret, &bytes) : found;

    if (kind < 0)
      return read_failed(r, err);
    if (found == 0)
      break;
    if (kind == FRAME_NONE) {
      at++;
      continue;
    }
    if (at + bytes > (uint64_t)st.st_size)
      break; /* a DATA frame whose content was cut off: nothing can follow it */
    *skipped += at - *offset;
    *offset = at += bytes;
    if (kind == FRAME_END)
      return 1;
  }
  return scan_ended(r, *offset, (uint64_t)st.st_size, skipped);
}

/* ---- one attempt's output ------------------------------------------------------------------------------------------------ */

struct chain {
  uint64_t *offsets; /* of this stream's frames, last first */
  size_t count, cap;
};

static int read_end(struct amz_pack_reader *r, uint64_t offset, struct amz_pack_end *ret, uint64_t *ret_link,
                    struct amz_error *err)
{
  unsigned char bytes[AMZ_PACK_END_BYTES];
  ssize_t n = read_at(r->fd, offset, bytes, sizeof bytes);

  if (n < 0)
    return read_failed(r, err);
  return n == sizeof bytes && decode_end(r, offset, bytes, ret, ret_link) ? AMZ_OK : damaged(r, offset, err);
}

static int read_data_head(struct amz_pack_reader *r, uint64_t offset, struct data_head *ret, struct amz_error *err)
{
  unsigned char bytes[AMZ_PACK_DATA_HEAD];
  ssize_t n = read_at(r->fd, offset, bytes, sizeof bytes);

  if (n < 0)
    return read_failed(r, err);
  return n == sizeof bytes && decode_data(r, offset, bytes, ret) ? AMZ_OK : damaged(r, offset, err);
}

/* Follows the links from the END frame back to the attempt's first frame; the bytes must be as many as the END frame says. An END
 * frame that links to nothing counts output that was not to be kept. */
static int collect(struct amz_pack_reader *r, uint64_t end_offset, int stream, struct chain *chain, struct amz_error *err)
{
  struct amz_pack_end end;
  struct data_head data;
  uint64_t link, before = end_offset, sum = 0;
  int rc = read_end(r, end_offset, &end, &link, err);

  if (rc < 0 || link == 0)
    return rc;
  for (; rc == AMZ_OK && link != 0; before = link, link = data.link) {
    if (link >= before)
      return damaged(r, before, err);
    rc = read_data_head(r, link, &data, err);
    if (rc < 0)
      return rc;
    if (data.index != end.result.position || data.attempt != end.result.attempt)
      return damaged(r, link, err);
    if (data.stream != (uint32_t)stream)
      continue;
    rc = amz_grow((void **)&chain->offsets, &chain->cap, chain->count + 1, sizeof *chain->offsets);
    if (rc < 0)
      return amz_error_set(err, rc, "out of memory");
    chain->offsets[chain->count++] = link;
    sum += data.n;
  }
  if (rc == AMZ_OK && sum != (stream == 1 ? end.stdout_bytes : end.stderr_bytes))
    return damaged(r, end_offset, err);
  return rc;
}

/* \return AMZ_OK; AMZ_EIO, AMZ_ECORRUPT; what put returned, apart in *ret_put. */
static int put_frame(struct amz_pack_reader *r, uint64_t offset, unsigned char *room,
                     int (*put)(void *ctx, const void *bytes, size_t n), void *ctx, struct amz_error *err)
{
  struct data_head data;
  int rc = read_data_head(r, offset, &data, err);
  ssize_t n;

  if (rc < 0)
    return rc;
  n = read_at(r->fd, offset + AMZ_PACK_DATA_HEAD, room, data.n);
  if (n < 0)
    return read_failed(r, err);
  if ((uint32_t)n != data.n || (uint32_t)crc32(0, room, data.n) != data.crc)
    return damaged(r, offset, err);
  rc = put ? put(ctx, room, data.n) : AMZ_OK;
  return rc < 0 ? rc : AMZ_OK;
}

int amz_pack_read_stream(struct amz_pack_reader *r, uint64_t end_offset, int stream,
                         int (*put)(void *ctx, const void *bytes, size_t n), void *ctx, struct amz_error *err)
{
  struct chain chain = {NULL, 0, 0};
  unsigned char *room = NULL;
  int rc = collect(r, end_offset, stream, &chain, err);

  if (rc == AMZ_OK && chain.count > 0) {
    room = malloc(AMZ_PACK_DATA_MAX);
    if (!room)
      rc = amz_error_set(err, AMZ_ENOMEM, "out of memory");
  }
  for (size_t i = chain.count; rc == AMZ_OK && i-- > 0;)
    rc = put_frame(r, chain.offsets[i], room, put, ctx, err);
  free(room);
  free(chain.offsets);
  return rc;
}

int amz_pack_check(struct amz_pack_reader *r, uint64_t end_offset, struct amz_error *err)
{
  int rc = amz_pack_read_stream(r, end_offset, 1, NULL, NULL, err);

  return rc < 0 ? rc : amz_pack_read_stream(r, end_offset, 2, NULL, NULL, err);
}

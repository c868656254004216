/* What the rank and its spawn helper tell each other, and its bytes. Room-private.
 *
 * A frame is a u32 length of what follows, a u8 version, a u8 kind and a body; all numbers little-endian. Strings travel with
 * their NUL, so that a decoded command points into the received bytes and nothing is copied. Frames are bounded (AMZ_WIRE_MAX);
 * bytes that do not decode are AMZ_ECORRUPT, whoever sent them. */
#ifndef AMZ_EXEC_WIRE_H
#define AMZ_EXEC_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>
#include <amorsize/exec.h>

#define AMZ_WIRE_VERSION 4
#define AMZ_WIRE_MAX (UINT32_C(1) << 28)
#define AMZ_WIRE_SLOTS_MAX (UINT32_C(1) << 16)

enum amz_wire_kind {
  AMZ_WIRE_SETUP = 1, /* rank → helper, first */
  AMZ_WIRE_READY,     /* helper → rank, the answer to SETUP */
  AMZ_WIRE_START,     /* rank → helper */
  AMZ_WIRE_KILL,      /* rank → helper */
  AMZ_WIRE_END,       /* helper → rank */
  AMZ_WIRE_ALIVE,     /* rank → helper: nothing but a sign of life */
  AMZ_WIRE_STREAM,    /* rank → helper: a slot is a stream's from now on */
  AMZ_WIRE_LINES,     /* rank → helper: tasks for a stream's slot; each is answered by an END */
  AMZ_WIRE_CLOSE,     /* rank → helper: nothing more comes for any stream */
  AMZ_WIRE_CLOSED,    /* helper → rank: all their programs have ended */
  AMZ_WIRE_NOTE       /* helper → rank: something to be told to the user */
};

struct amz_wire_setup {
  uint32_t slots, rank, epoch;
  bool discard_output;
  const char *pack_path; /* NULL: none; points into the decoded bytes, as does: */
  const char *workdir;   /* NULL: where the helper is */
  int64_t silence_ns;    /* 0: the rank may be silent for ever */
};

struct amz_wire_kill {
  uint32_t slot;
  int32_t signal;
  uint32_t as; /* enum amz_outcome or 0 */
};

/* A decoded START. The arrays are kept for the next one; strings point into the decoded bytes. Zero-initialised is empty. */
struct amz_wire_start {
  struct amz_exec_command command; /* argv and env are NULL-terminated */
  char **argv;                     /* [0] is spare, for an interpreter in front; command.argv is argv + 1 */
  size_t argv_cap;
  char **env;
  size_t env_cap;
  uint32_t *cpus;
  size_t cpus_cap;
  uint64_t ok_exit[4];
};

/* A decoded STREAM but for the command, whose body follows it as in a START. */
struct amz_wire_stream {
  uint32_t window;
  const char *sentinel, *fail_prefix; /* NULL: none */
  int64_t timeout_ns, kill_after_ns, advice_ns;
  uint64_t max_result;
};

/* A LINES frame while it is read. */
struct amz_wire_lines {
  uint32_t slot, attempt, left;
};

/* A frame in a receive buffer. */
struct amz_wire_frame {
  uint8_t kind;
  struct amz_cursor body;
};

/* Append one frame. \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL: the frame would be longer than AMZ_WIRE_MAX. On failure nothing is
 * appended. */
int amz_wire_add_alive(struct amz_buf *out);
int amz_wire_add_setup(struct amz_buf *out, const struct amz_wire_setup *setup) AMZ_MUST_CHECK;
int amz_wire_add_ready(struct amz_buf *out, const struct amz_error *err) AMZ_MUST_CHECK; /* err->code AMZ_OK: all is well */
int amz_wire_add_start(struct amz_buf *out, const struct amz_exec_command *command) AMZ_MUST_CHECK;
int amz_wire_add_kill(struct amz_buf *out, const struct amz_wire_kill *kill) AMZ_MUST_CHECK;
int amz_wire_add_end(struct amz_buf *out, const struct amz_exec_end *end) AMZ_MUST_CHECK;
int amz_wire_add_stream(struct amz_buf *out, const struct amz_exec_stream *stream) AMZ_MUST_CHECK;
int amz_wire_add_lines(struct amz_buf *out, uint32_t slot, uint32_t attempt, const struct amz_exec_line *lines,
                       size_t n) AMZ_MUST_CHECK;
int amz_wire_add_close(struct amz_buf *out, int64_t grace_ns) AMZ_MUST_CHECK;
int amz_wire_add_closed(struct amz_buf *out) AMZ_MUST_CHECK;
int amz_wire_add_note(struct amz_buf *out, const char *text) AMZ_MUST_CHECK;

/* The frame at *pos of what was received; *pos moves behind it.
 * \return 1 with *ret; 0: it isn't complete yet; AMZ_ECORRUPT: too long, too short, another version. */
int amz_wire_next(const struct amz_buf *in, size_t *pos, struct amz_wire_frame *ret) AMZ_MUST_CHECK;

/* Decode a frame's body. \return AMZ_OK; AMZ_ECORRUPT; AMZ_ENOMEM. */
int amz_wire_read_setup(struct amz_cursor *body, struct amz_wire_setup *ret) AMZ_MUST_CHECK;
int amz_wire_read_ready(struct amz_cursor *body, struct amz_error *ret) AMZ_MUST_CHECK;
int amz_wire_read_start(struct amz_cursor *body, struct amz_wire_start *ret) AMZ_MUST_CHECK;
int amz_wire_read_kill(struct amz_cursor *body, struct amz_wire_kill *ret) AMZ_MUST_CHECK;
int amz_wire_read_end(struct amz_cursor *body, struct amz_exec_end *ret) AMZ_MUST_CHECK;
/* The command of a STREAM is what is left of its body: for amz_wire_read_start. */
int amz_wire_read_stream(struct amz_cursor *body, struct amz_wire_stream *ret) AMZ_MUST_CHECK;
int amz_wire_read_lines(struct amz_cursor *body, struct amz_wire_lines *ret) AMZ_MUST_CHECK;
/* The next line. \return 1 with *ret, its text in the body; 0: that was the last; AMZ_ECORRUPT. */
int amz_wire_read_line(struct amz_cursor *body, struct amz_wire_lines *lines, struct amz_exec_line *ret) AMZ_MUST_CHECK;
int amz_wire_read_close(struct amz_cursor *body, int64_t *ret_grace_ns) AMZ_MUST_CHECK;
int amz_wire_read_note(struct amz_cursor *body, const char **ret) AMZ_MUST_CHECK;
void amz_wire_start_clear(struct amz_wire_start *start);

#endif

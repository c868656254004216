/* Frames between the rank and its spawn helper. */
#include "wire.h"

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#define HEAD 4u /* the length */

/* ---- writing ------------------------------------------------------------------------------------------------------------ */

static size_t frame_begin(struct amz_buf *out, enum amz_wire_kind kind)
{
  size_t at = out->len;

  amz_buf_add_u32(out, 0);
  amz_buf_add_u8(out, AMZ_WIRE_VERSION);
  amz_buf_add_u8(out, (uint8_t)kind);
  return at;
}

/* Fills in the length, or takes the whole frame back, so that a failed append leaves a stream that can still be read. */
static int frame_end(struct amz_buf *out, size_t at)
{
  bool failed = amz_buf_ok(out) < 0;
  size_t n = failed ? 0 : out->len - at - HEAD;

  if (failed || n > AMZ_WIRE_MAX) {
    out->failed = false;
    out->len = at;
    if (out->data)
      out->data[at] = '\0';
    return failed ? AMZ_ENOMEM : AMZ_EINVAL;
  }
  for (size_t i = 0; i < HEAD; i++)
    out->data[at + i] = (char)(unsigned char)(n >> (8 * i));
  return AMZ_OK;
}

static void add_string(struct amz_buf *out, const char *text)
{
  if (text)
    amz_buf_add_bytes(out, text, strlen(text) + 1);
  else
    amz_buf_add_u32(out, 0);
}

static void add_strings(struct amz_buf *out, const char *const *strings)
{
  uint32_t n = 0;

  while (strings && strings[n] && n < UINT32_MAX)
    n++;
  amz_buf_add_u32(out, n);
  for (uint32_t i = 0; i < n; i++)
    add_string(out, strings[i]);
}

int amz_wire_add_setup(struct amz_buf *out, const struct amz_wire_setup *setup)
{
  size_t at = frame_begin(out, AMZ_WIRE_SETUP);

  amz_buf_add_u32(out, setup->slots);
  amz_buf_add_u32(out, setup->rank);
  amz_buf_add_u32(out, setup->epoch);
  amz_buf_add_u8(out, setup->discard_output);
  add_string(out, setup->pack_path);
  add_string(out, setup->workdir);
  amz_buf_add_i64(out, setup->silence_ns);
  return frame_end(out, at);
}

int amz_wire_add_alive(struct amz_buf *out)
{
  return frame_end(out, frame_begin(out, AMZ_WIRE_ALIVE));
}

int amz_wire_add_ready(struct amz_buf *out, const struct amz_error *err)
{
  size_t at = frame_begin(out, AMZ_WIRE_READY);

  amz_buf_add_i64(out, err->code);
  amz_buf_add_i64(out, err->sys_errno);
  add_string(out, err->text);
  return frame_end(out, at);
}

static void add_command(struct amz_buf *out, const struct amz_exec_command *command)
{
  static const uint64_t zero_alone[4] = {1, 0, 0, 0};
  const uint64_t *ok_exit = command->ok_exit ? command->ok_exit : zero_alone;

  amz_buf_add_u32(out, command->slot);
  amz_buf_add_u64(out, command->index);
  amz_buf_add_u64(out, command->tag);
  amz_buf_add_u32(out, command->attempt);
  amz_buf_add_u8(out, command->shell);
  amz_buf_add_u8(out, command->service);
  for (size_t i = 0; i < 4; i++)
    amz_buf_add_u64(out, ok_exit[i]);
  add_strings(out, command->argv);
  add_strings(out, command->env);
  add_string(out, command->workdir);
  add_string(out, command->stdin_path);
  amz_buf_add_u32(out, (uint32_t)command->n_cpus);
  for (size_t i = 0; i < command->n_cpus; i++)
    amz_buf_add_u32(out, command->cpus[i]);
}

int amz_wire_add_start(struct amz_buf *out, const struct amz_exec_command *command)
{
  size_t at = frame_begin(out, AMZ_WIRE_START);

  add_command(out, command);
  return frame_end(out, at);
}

int amz_wire_add_stream(struct amz_buf *out, const struct amz_exec_stream *stream)
{
  size_t at = frame_begin(out, AMZ_WIRE_STREAM);

  amz_buf_add_u32(out, stream->window);
  add_string(out, stream->sentinel);
  add_string(out, stream->fail_prefix);
  amz_buf_add_i64(out, stream->timeout_ns);
  amz_buf_add_i64(out, stream->kill_after_ns);
  amz_buf_add_i64(out, stream->advice_ns);
  amz_buf_add_u64(out, stream->max_result);
  add_command(out, &stream->command);
  return frame_end(out, at);
}

int amz_wire_add_lines(struct amz_buf *out, uint32_t slot, uint32_t attempt, const struct amz_exec_line *lines, size_t n)
{
  size_t at = frame_begin(out, AMZ_WIRE_LINES);

  amz_buf_add_u32(out, slot);
  amz_buf_add_u32(out, attempt);
  amz_buf_add_u32(out, (uint32_t)n);
  for (size_t i = 0; i < n; i++) {
    amz_buf_add_u64(out, lines[i].index);
    amz_buf_add_u64(out, lines[i].tag);
    amz_buf_add_bytes(out, lines[i].text, lines[i].bytes);
  }
  return frame_end(out, at);
}

int amz_wire_add_close(struct amz_buf *out, int64_t grace_ns)
{
  size_t at = frame_begin(out, AMZ_WIRE_CLOSE);

  amz_buf_add_i64(out, grace_ns);
  return frame_end(out, at);
}

int amz_wire_add_closed(struct amz_buf *out)
{
  return frame_end(out, frame_begin(out, AMZ_WIRE_CLOSED));
}

int amz_wire_add_note(struct amz_buf *out, const char *text)
{
  size_t at = frame_begin(out, AMZ_WIRE_NOTE);

  add_string(out, text);
  return frame_end(out, at);
}

int amz_wire_add_kill(struct amz_buf *out, const struct amz_wire_kill *kill)
{
  size_t at = frame_begin(out, AMZ_WIRE_KILL);

  amz_buf_add_u32(out, kill->slot);
  amz_buf_add_u32(out, (uint32_t)kill->signal);
  amz_buf_add_u32(out, kill->as);
  return frame_end(out, at);
}

int amz_wire_add_end(struct amz_buf *out, const struct amz_exec_end *end)
{
  size_t at = frame_begin(out, AMZ_WIRE_END);

  amz_buf_add_u32(out, end->slot);
  amz_buf_add_u64(out, end->tag);
  amz_buf_add_u8(out, (uint8_t)end->outcome);
  amz_buf_add_u32(out, (uint32_t)end->exit_code);
  amz_buf_add_u32(out, (uint32_t)end->signal);
  amz_buf_add_u32(out, (uint32_t)end->start_errno);
  amz_buf_add_u32(out, (uint32_t)end->sink_errno);
  amz_buf_add_i64(out, end->start_ns);
  amz_buf_add_i64(out, end->wall_ns);
  amz_buf_add_i64(out, end->cpu_ns);
  amz_buf_add_u64(out, end->max_rss_bytes);
  amz_buf_add_u64(out, end->output_bytes);
  amz_buf_add_u64(out, end->input_bytes);
  amz_buf_add_i64(out, end->waited_ns);
  amz_buf_add_u64(out, end->pack_seq);
  amz_buf_add_u64(out, end->pack_offset);
  amz_buf_add_u8(out, end->cpus_differ);
  return frame_end(out, at);
}

/* ---- reading ------------------------------------------------------------------------------------------------------------ */

int amz_wire_next(const struct amz_buf *in, size_t *pos, struct amz_wire_frame *ret)
{
  size_t left = in->len - *pos;
  struct amz_cursor c;
  uint32_t n;

  if (left < HEAD)
    return 0;
  c = amz_cursor_over(in->data + *pos, left);
  n = amz_cursor_u32(&c);
  if (n < 2 || n > AMZ_WIRE_MAX)
    return AMZ_ECORRUPT;
  if (left - HEAD < n)
    return 0;
  c = amz_cursor_over(in->data + *pos + HEAD, n);
  if (amz_cursor_u8(&c) != AMZ_WIRE_VERSION)
    return AMZ_ECORRUPT;
  ret->kind = amz_cursor_u8(&c);
  ret->body = c;
  *pos += HEAD + n;
  return 1;
}

static int done(const struct amz_cursor *c)
{
  return c->failed || amz_cursor_left(c) > 0 ? AMZ_ECORRUPT : AMZ_OK;
}

static int32_t read_i32(struct amz_cursor *c)
{
  return (int32_t)amz_cursor_u32(c);
}

/* A string that ends with its only NUL, or NULL for none. */
static const char *read_string(struct amz_cursor *c)
{
  const void *bytes;
  const char *text;
  size_t n;

  amz_cursor_bytes(c, &bytes, &n);
  if (c->failed || n == 0)
    return NULL;
  text = bytes;
  if (memchr(text, '\0', n) != text + n - 1) {
    c->failed = true;
    return NULL;
  }
  return text;
}

static int read_strings(struct amz_cursor *c, size_t spare, char ***items, size_t *cap)
{
  size_t n = amz_cursor_u32(c);
  int rc;

  if (n > amz_cursor_left(c) / 4) /* each has a length at least */
    return AMZ_ECORRUPT;
  rc = amz_grow((void **)items, cap, spare + n + 1, sizeof **items);
  if (rc < 0)
    return rc;
  for (size_t i = 0; i < spare; i++)
    (*items)[i] = NULL;
  for (size_t i = 0; i < n; i++) {
    const char *text = read_string(c);

    if (!text)
      return AMZ_ECORRUPT;
    (*items)[spare + i] = (char *)(uintptr_t)text; /* execve takes char *, and doesn't write */
  }
  (*items)[spare + n] = NULL;
  return AMZ_OK;
}

static int read_cpus(struct amz_cursor *c, struct amz_wire_start *ret)
{
  size_t n = amz_cursor_u32(c);
  int rc;

  if (n > amz_cursor_left(c) / 4)
    return AMZ_ECORRUPT;
  rc = amz_grow((void **)&ret->cpus, &ret->cpus_cap, n, sizeof *ret->cpus);
  if (rc < 0)
    return rc;
  for (size_t i = 0; i < n; i++)
    ret->cpus[i] = amz_cursor_u32(c);
  ret->command.cpus = ret->cpus;
  ret->command.n_cpus = n;
  return AMZ_OK;
}

int amz_wire_read_setup(struct amz_cursor *body, struct amz_wire_setup *ret)
{
  ret->slots = amz_cursor_u32(body);
  ret->rank = amz_cursor_u32(body);
  ret->epoch = amz_cursor_u32(body);
  ret->discard_output = amz_cursor_u8(body) != 0;
  ret->pack_path = read_string(body);
  ret->workdir = read_string(body);
  ret->silence_ns = amz_cursor_i64(body);
  if (ret->slots == 0 || ret->slots > AMZ_WIRE_SLOTS_MAX)
    return AMZ_ECORRUPT;
  return done(body);
}

int amz_wire_read_ready(struct amz_cursor *body, struct amz_error *ret)
{
  int64_t code = amz_cursor_i64(body), sys_errno = amz_cursor_i64(body);
  const char *text = read_string(body);

  if (done(body) < 0 || !text || code > 0 || code < INT32_MIN)
    return AMZ_ECORRUPT;
  (void)amz_error_set(ret, (int)code, "%s", text);
  ret->sys_errno = (int)sys_errno;
  return AMZ_OK;
}

int amz_wire_read_start(struct amz_cursor *body, struct amz_wire_start *ret)
{
  struct amz_exec_command *command = &ret->command;
  int rc;

  command->slot = amz_cursor_u32(body);
  command->index = amz_cursor_u64(body);
  command->tag = amz_cursor_u64(body);
  command->attempt = amz_cursor_u32(body);
  command->shell = amz_cursor_u8(body) != 0;
  command->service = amz_cursor_u8(body) != 0;
  for (size_t i = 0; i < 4; i++)
    ret->ok_exit[i] = amz_cursor_u64(body);
  command->ok_exit = ret->ok_exit;
  if ((rc = read_strings(body, 1, &ret->argv, &ret->argv_cap)) < 0 || (rc = read_strings(body, 0, &ret->env, &ret->env_cap)) < 0)
    return rc;
  command->argv = (const char *const *)(ret->argv + 1);
  command->env = (const char *const *)ret->env;
  command->workdir = read_string(body);
  command->stdin_path = read_string(body);
  if ((rc = read_cpus(body, ret)) < 0)
    return rc;
  return command->argv[0] ? done(body) : AMZ_ECORRUPT;
}

int amz_wire_read_stream(struct amz_cursor *body, struct amz_wire_stream *ret)
{
  ret->window = amz_cursor_u32(body);
  ret->sentinel = read_string(body);
  ret->fail_prefix = read_string(body);
  ret->timeout_ns = amz_cursor_i64(body);
  ret->kill_after_ns = amz_cursor_i64(body);
  ret->advice_ns = amz_cursor_i64(body);
  ret->max_result = amz_cursor_u64(body);
  if (body->failed || ret->window == 0 || ret->timeout_ns < 0 || ret->kill_after_ns < 0 || ret->advice_ns < 0)
    return AMZ_ECORRUPT;
  return AMZ_OK;
}

int amz_wire_read_lines(struct amz_cursor *body, struct amz_wire_lines *ret)
{
  ret->slot = amz_cursor_u32(body);
  ret->attempt = amz_cursor_u32(body);
  ret->left = amz_cursor_u32(body);
  return body->failed ? AMZ_ECORRUPT : AMZ_OK;
}

int amz_wire_read_line(struct amz_cursor *body, struct amz_wire_lines *lines, struct amz_exec_line *ret)
{
  const void *bytes;

  if (lines->left == 0)
    return done(body) < 0 ? AMZ_ECORRUPT : 0;
  lines->left--;
  ret->index = amz_cursor_u64(body);
  ret->tag = amz_cursor_u64(body);
  amz_cursor_bytes(body, &bytes, &ret->bytes);
  ret->text = bytes;
  return body->failed || ret->bytes == 0 || ret->text[ret->bytes - 1] != '\n' ? AMZ_ECORRUPT : 1;
}

int amz_wire_read_close(struct amz_cursor *body, int64_t *ret_grace_ns)
{
  *ret_grace_ns = amz_cursor_i64(body);
  return done(body);
}

int amz_wire_read_note(struct amz_cursor *body, const char **ret)
{
  *ret = read_string(body);
  return *ret ? done(body) : AMZ_ECORRUPT;
}

int amz_wire_read_kill(struct amz_cursor *body, struct amz_wire_kill *ret)
{
  ret->slot = amz_cursor_u32(body);
  ret->signal = read_i32(body);
  ret->as = amz_cursor_u32(body);
  return done(body);
}

int amz_wire_read_end(struct amz_cursor *body, struct amz_exec_end *ret)
{
  uint8_t outcome;

  ret->slot = amz_cursor_u32(body);
  ret->tag = amz_cursor_u64(body);
  outcome = amz_cursor_u8(body);
  ret->outcome = (enum amz_outcome)outcome;
  ret->exit_code = read_i32(body);
  ret->signal = read_i32(body);
  ret->start_errno = read_i32(body);
  ret->sink_errno = read_i32(body);
  ret->start_ns = amz_cursor_i64(body);
  ret->wall_ns = amz_cursor_i64(body);
  ret->cpu_ns = amz_cursor_i64(body);
  ret->max_rss_bytes = amz_cursor_u64(body);
  ret->output_bytes = amz_cursor_u64(body);
  ret->input_bytes = amz_cursor_u64(body);
  ret->waited_ns = amz_cursor_i64(body);
  ret->pack_seq = amz_cursor_u64(body);
  ret->pack_offset = amz_cursor_u64(body);
  ret->cpus_differ = amz_cursor_u8(body) != 0;
  if (outcome < AMZ_SUCCEEDED || outcome > AMZ_CANCELLED)
    return AMZ_ECORRUPT;
  return done(body);
}

void amz_wire_start_clear(struct amz_wire_start *start)
{
  free(start->argv);
  free(start->env);
  free(start->cpus);
  *start = (struct amz_wire_start){0};
}

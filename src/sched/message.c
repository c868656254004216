/* Messages as bytes, and the window by which duplicates are known.
 *
 * Layout, little-endian: version u8, kind u8, epoch u32, rank u32, seq u64, then what the kind has:
 *   HELLO         slots u32, node (u32 length, bytes)
 *   REPORT, BYE   hungry u32, busy u32, durable_upto u64,
 *                 results (u32 count, RESULT_BYTES each, which end with the error's length u32, and behind each its error),
 *                 bulks (u32 count, BULK_BYTES each, which end with the partials' length u32, and behind each its partials)
 *   ASSIGN        chunks (u32 count, CHUNK_BYTES each)
 *   STOP          stop u8, grace_ns i64
 *   YIELD         slots u32, chunks as ASSIGN
 *   RECALL        nothing
 *
 * Invariant of decoding: no memory is asked for before the bytes it stands for are seen to be there, so that damaged counts
 * cost nothing; bytes left over are as wrong as missing ones. */
#include <amorsize/message.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#define RESULT_BYTES 85u
#define BULK_BYTES 84u
#define CHUNK_BYTES 28u

/* ---- encoding --------------------------------------------------------------------------------------------------------- */

static void put_result(struct amz_buf *out, const struct amz_result *r)
{
  amz_buf_add_u64(out, r->position);
  amz_buf_add_u32(out, r->attempt);
  amz_buf_add_u8(out, (uint8_t)r->outcome);
  amz_buf_add_u32(out, r->slot);
  amz_buf_add_u32(out, (uint32_t)r->exit_code);
  amz_buf_add_u32(out, (uint32_t)r->signal);
  amz_buf_add_u64(out, r->seq);
  amz_buf_add_u64(out, r->pack_offset);
  amz_buf_add_i64(out, r->start_ns);
  amz_buf_add_i64(out, r->wall_ns);
  amz_buf_add_i64(out, r->cpu_ns);
  amz_buf_add_u64(out, r->max_rss_bytes);
  amz_buf_add_u64(out, r->output_bytes);
  amz_buf_add_u64(out, r->input_bytes);
  amz_buf_add_i64(out, r->waited_ns);
  amz_buf_add_bytes(out, r->error, r->error ? strlen(r->error) : 0);
}

static void put_bulk(struct amz_buf *out, const struct amz_bulk *b)
{
  amz_buf_add_u64(out, b->chunk_id);
  amz_buf_add_u64(out, b->first);
  amz_buf_add_u64(out, b->count);
  amz_buf_add_u32(out, b->attempt);
  amz_buf_add_u32(out, b->slot);
  amz_buf_add_u64(out, b->seq);
  amz_buf_add_i64(out, b->start_ns);
  amz_buf_add_f64(out, b->wall_s);
  amz_buf_add_f64(out, b->wall_sq_s2);
  amz_buf_add_f64(out, b->cpu_s);
  amz_buf_add_u32(out, b->value_type);
  amz_buf_add_u32(out, b->value_width);
  amz_buf_add_bytes(out, b->partials, b->partials_bytes);
}

static void put_hello(const struct amz_message *m, struct amz_buf *out)
{
  const char *node = m->node ? m->node : "";

  amz_buf_add_u32(out, m->slots);
  amz_buf_add_bytes(out, node, strlen(node));
}

static void put_report(const struct amz_message *m, struct amz_buf *out)
{
  amz_buf_add_u32(out, m->hungry);
  amz_buf_add_u32(out, m->busy);
  amz_buf_add_u64(out, m->durable_upto);
  amz_buf_add_u32(out, (uint32_t)m->n_results);
  for (size_t i = 0; i < m->n_results; i++)
    put_result(out, &m->results[i]);
  amz_buf_add_u32(out, (uint32_t)m->n_bulks);
  for (size_t i = 0; i < m->n_bulks; i++)
    put_bulk(out, &m->bulks[i]);
}

static void put_assign(const struct amz_message *m, struct amz_buf *out)
{
  amz_buf_add_u32(out, (uint32_t)m->n_chunks);
  for (size_t i = 0; i < m->n_chunks; i++) {
    amz_buf_add_u64(out, m->chunks[i].id);
    amz_buf_add_u64(out, m->chunks[i].first);
    amz_buf_add_u64(out, m->chunks[i].count);
    amz_buf_add_u32(out, m->chunks[i].attempt);
  }
}

static void put_yield(const struct amz_message *m, struct amz_buf *out)
{
  amz_buf_add_u32(out, m->slots);
  put_assign(m, out);
}

static void put_stop(const struct amz_message *m, struct amz_buf *out)
{
  amz_buf_add_u8(out, (uint8_t)m->stop);
  amz_buf_add_i64(out, m->grace_ns);
}

static void put_nothing(const struct amz_message *m, struct amz_buf *out)
{
  (void)m;
  (void)out;
}

/* ---- decoding --------------------------------------------------------------------------------------------------------- */

static int32_t get_i32(struct amz_cursor *c)
{
  uint32_t bits = amz_cursor_u32(c);
  int32_t value;

  memcpy(&value, &bits, sizeof value); /* the two's complement, whatever the compiler says of casts */
  return value;
}

static int get_error(struct amz_cursor *c, struct amz_result *r)
{
  const void *bytes = NULL;
  size_t n = 0;

  amz_cursor_bytes(c, &bytes, &n);
  if (c->failed || n > AMZ_RESULT_ERROR_MAX || (n && memchr(bytes, '\0', n)))
    return AMZ_ECORRUPT;
  if (n == 0)
    return AMZ_OK;
  r->error = amz_strndup(bytes, n);
  return r->error ? AMZ_OK : AMZ_ENOMEM;
}

static int get_result(struct amz_cursor *c, struct amz_result *r)
{
  uint8_t outcome;

  r->position = amz_cursor_u64(c);
  r->attempt = amz_cursor_u32(c);
  outcome = amz_cursor_u8(c);
  r->outcome = (enum amz_outcome)outcome;
  r->slot = amz_cursor_u32(c);
  r->exit_code = get_i32(c);
  r->signal = get_i32(c);
  r->seq = amz_cursor_u64(c);
  r->pack_offset = amz_cursor_u64(c);
  r->start_ns = amz_cursor_i64(c);
  r->wall_ns = amz_cursor_i64(c);
  r->cpu_ns = amz_cursor_i64(c);
  r->max_rss_bytes = amz_cursor_u64(c);
  r->output_bytes = amz_cursor_u64(c);
  r->input_bytes = amz_cursor_u64(c);
  r->waited_ns = amz_cursor_i64(c);
  return outcome >= AMZ_SUCCEEDED && outcome <= AMZ_CANCELLED ? get_error(c, r) : AMZ_ECORRUPT;
}

static int get_partials(struct amz_cursor *c, struct amz_bulk *b)
{
  const void *bytes = NULL;
  size_t n = 0;

  amz_cursor_bytes(c, &bytes, &n);
  if (c->failed || n > AMZ_PARTIALS_MAX)
    return AMZ_ECORRUPT;
  if (n == 0)
    return AMZ_OK;
  b->partials = amz_strndup(bytes, n);
  b->partials_bytes = n;
  return b->partials ? AMZ_OK : AMZ_ENOMEM;
}

static int get_bulk(struct amz_cursor *c, struct amz_bulk *b)
{
  b->chunk_id = amz_cursor_u64(c);
  b->first = amz_cursor_u64(c);
  b->count = amz_cursor_u64(c);
  b->attempt = amz_cursor_u32(c);
  b->slot = amz_cursor_u32(c);
  b->seq = amz_cursor_u64(c);
  b->start_ns = amz_cursor_i64(c);
  b->wall_s = amz_cursor_f64(c);
  b->wall_sq_s2 = amz_cursor_f64(c);
  b->cpu_s = amz_cursor_f64(c);
  b->value_type = amz_cursor_u32(c);
  b->value_width = amz_cursor_u32(c);
  return isfinite(b->wall_s) && isfinite(b->wall_sq_s2) && isfinite(b->cpu_s) ? get_partials(c, b) : AMZ_ECORRUPT;
}

/* Reads a count and makes room for so many elements of `each` encoded bytes. \return AMZ_OK; AMZ_ECORRUPT; AMZ_ENOMEM. */
static int get_room(struct amz_cursor *c, size_t each, size_t size, void **ret_items, size_t *ret_n)
{
  uint32_t n = amz_cursor_u32(c);

  if (c->failed || n > amz_cursor_left(c) / each)
    return AMZ_ECORRUPT;
  *ret_items = NULL;
  *ret_n = n;
  if (n == 0)
    return AMZ_OK;
  *ret_items = amz_new_array(n, size);
  return *ret_items ? AMZ_OK : AMZ_ENOMEM;
}

static int get_hello(struct amz_cursor *c, struct amz_message *m)
{
  const void *bytes = NULL;
  size_t n = 0;

  m->slots = amz_cursor_u32(c);
  amz_cursor_bytes(c, &bytes, &n);
  if (c->failed || (n && memchr(bytes, '\0', n)))
    return AMZ_ECORRUPT;
  m->node = amz_strndup(bytes, n);
  return m->node ? AMZ_OK : AMZ_ENOMEM;
}

static int get_report(struct amz_cursor *c, struct amz_message *m)
{
  void *items;
  int rc;

  m->hungry = amz_cursor_u32(c);
  m->busy = amz_cursor_u32(c);
  m->durable_upto = amz_cursor_u64(c);
  rc = get_room(c, RESULT_BYTES, sizeof *m->results, &items, &m->n_results);
  if (rc < 0)
    return rc;
  m->results = items;
  for (size_t i = 0; i < m->n_results && rc == AMZ_OK; i++)
    rc = get_result(c, (struct amz_result *)items + i);
  if (rc < 0)
    return rc;
  rc = get_room(c, BULK_BYTES, sizeof *m->bulks, &items, &m->n_bulks);
  if (rc < 0)
    return rc;
  m->bulks = items;
  for (size_t i = 0; i < m->n_bulks && rc == AMZ_OK; i++)
    rc = get_bulk(c, (struct amz_bulk *)items + i);
  return rc;
}

static int get_assign(struct amz_cursor *c, struct amz_message *m)
{
  void *items;
  int rc = get_room(c, CHUNK_BYTES, sizeof *m->chunks, &items, &m->n_chunks);

  if (rc < 0)
    return rc;
  m->chunks = items;
  for (size_t i = 0; i < m->n_chunks; i++) {
    struct amz_chunk *chunk = (struct amz_chunk *)items + i;

    chunk->id = amz_cursor_u64(c);
    chunk->first = amz_cursor_u64(c);
    chunk->count = amz_cursor_u64(c);
    chunk->attempt = amz_cursor_u32(c);
  }
  return AMZ_OK;
}

static int get_yield(struct amz_cursor *c, struct amz_message *m)
{
  m->slots = amz_cursor_u32(c);
  return get_assign(c, m);
}

static int get_stop(struct amz_cursor *c, struct amz_message *m)
{
  uint8_t stop = amz_cursor_u8(c);

  m->grace_ns = amz_cursor_i64(c);
  if (stop > AMZ_STOP_CANCEL)
    return AMZ_ECORRUPT;
  m->stop = (enum amz_stop)stop;
  return AMZ_OK;
}

static int get_nothing(struct amz_cursor *c, struct amz_message *m)
{
  (void)c;
  (void)m;
  return AMZ_OK;
}

/* ---- both ------------------------------------------------------------------------------------------------------------- */

static const struct {
  void (*put)(const struct amz_message *m, struct amz_buf *out);
  int (*get)(struct amz_cursor *c, struct amz_message *m);
} kinds[] = {
  [AMZ_MSG_HELLO] = {put_hello, get_hello},   [AMZ_MSG_REPORT] = {put_report, get_report},
  [AMZ_MSG_BYE] = {put_report, get_report},   [AMZ_MSG_ASSIGN] = {put_assign, get_assign},
  [AMZ_MSG_STOP] = {put_stop, get_stop},      [AMZ_MSG_YIELD] = {put_yield, get_yield},
  [AMZ_MSG_RECALL] = {put_nothing, get_nothing},
};

static bool is_kind(unsigned kind)
{
  return kind < sizeof kinds / sizeof *kinds && kinds[kind].put;
}

static bool has_too_much(const struct amz_message *m)
{
  for (size_t i = 0; i < m->n_bulks; i++)
    if (m->bulks[i].partials_bytes > AMZ_PARTIALS_MAX)
      return true;
  for (size_t i = 0; i < m->n_results; i++)
    if (m->results[i].error && strlen(m->results[i].error) > AMZ_RESULT_ERROR_MAX)
      return true;
  return m->n_results > UINT32_MAX || m->n_bulks > UINT32_MAX || m->n_chunks > UINT32_MAX;
}

int amz_message_encode(const struct amz_message *m, struct amz_buf *out)
{
  if (!is_kind((unsigned)m->kind) || has_too_much(m))
    return AMZ_EINVAL;
  amz_buf_add_u8(out, AMZ_MESSAGE_VERSION);
  amz_buf_add_u8(out, (uint8_t)m->kind);
  amz_buf_add_u32(out, m->epoch);
  amz_buf_add_u32(out, m->rank);
  amz_buf_add_u64(out, m->seq);
  kinds[m->kind].put(m, out);
  return amz_buf_ok(out);
}

int amz_message_decode(const void *bytes, size_t n, struct amz_message *ret)
{
  struct amz_cursor c = amz_cursor_over(bytes, n);
  struct amz_message m = {0};
  uint8_t version = amz_cursor_u8(&c), kind = amz_cursor_u8(&c);
  int rc;

  if (version != AMZ_MESSAGE_VERSION || !is_kind(kind))
    return AMZ_ECORRUPT;
  m.kind = (enum amz_message_kind)kind;
  m.epoch = amz_cursor_u32(&c);
  m.rank = amz_cursor_u32(&c);
  m.seq = amz_cursor_u64(&c);
  rc = kinds[kind].get(&c, &m);
  if (rc == AMZ_OK && (c.failed || amz_cursor_left(&c) > 0))
    rc = AMZ_ECORRUPT;
  if (rc < 0) {
    amz_message_clear(&m);
    return rc;
  }
  *ret = m;
  return AMZ_OK;
}

/* What decode made is the message's own; the const of its pointers is for everybody else. */
static void release(const void *owned)
{
  free((void *)(uintptr_t)owned);
}

void amz_message_clear(struct amz_message *m)
{
  if (!m)
    return;
  release(m->node);
  for (size_t i = 0; m->results && i < m->n_results; i++)
    release(m->results[i].error);
  release(m->results);
  for (size_t i = 0; m->bulks && i < m->n_bulks; i++)
    release(m->bulks[i].partials);
  release(m->bulks);
  release(m->chunks);
  memset(m, 0, sizeof *m);
}

/* ---- replay window ---------------------------------------------------------------------------------------------------- */

/* The bits stand for numbers modulo the window, those above `whole`: advancing `highest` clears the bits of the numbers passed
 * over. */
static void advance(struct amz_replay *r, uint64_t seq)
{
  if (seq - r->highest >= AMZ_REPLAY_WINDOW)
    memset(r->seen, 0, sizeof r->seen);
  else
    for (uint64_t s = r->highest + 1; s <= seq && s != 0; s++)
      r->seen[s % AMZ_REPLAY_WINDOW / 64] &= ~(UINT64_C(1) << (s % 64));
  r->highest = seq;
}

static void mark(struct amz_replay *r, uint64_t seq)
{
  r->seen[seq % AMZ_REPLAY_WINDOW / 64] |= UINT64_C(1) << (seq % 64);
}

static bool is_marked(const struct amz_replay *r, uint64_t seq)
{
  return r->seen[seq % AMZ_REPLAY_WINDOW / 64] >> (seq % 64) & 1;
}

bool amz_replay_accept_other(struct amz_replay *r, uint64_t seq)
{
  if (seq <= r->whole || (seq <= r->highest && (r->highest - seq >= AMZ_REPLAY_WINDOW || is_marked(r, seq))))
    return false;
  if (seq > r->highest)
    advance(r, seq);
  mark(r, seq);
  if (r->highest - r->whole > AMZ_REPLAY_WINDOW)
    r->whole = r->highest - AMZ_REPLAY_WINDOW; /* what was missing there is too old by now */
  while (r->whole < r->highest && is_marked(r, r->whole + 1))
    r->whole++;
  return true;
}

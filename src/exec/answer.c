/* Cuts output into results. */
#include "answer.h"

#include <string.h>

void amz_answer_clear(struct amz_answer *a)
{
  amz_buf_clear(&a->stash);
  memset(a, 0, sizeof *a);
}

static void begin(struct amz_answer *a)
{
  a->bytes = 0;
  a->mid_line = a->differs = false;
}

void amz_answer_reset(struct amz_answer *a)
{
  begin(a);
  a->spent = false;
  amz_buf_reset(&a->stash);
}

static void check_prefix(struct amz_answer *a, const struct amz_answer_rules *rules, const struct amz_piece *p)
{
  size_t left = a->bytes < rules->fail_prefix_bytes ? rules->fail_prefix_bytes - a->bytes : 0, n = left < p->n ? left : p->n;

  if (n && memcmp(rules->fail_prefix + a->bytes, p->bytes, n) != 0)
    a->differs = true;
  a->bytes += p->n;
}

static size_t emit(struct amz_answer *a, const struct amz_answer_rules *rules, size_t used, struct amz_piece *p)
{
  check_prefix(a, rules, p);
  if (p->complete) {
    p->failed = rules->fail_prefix && !a->differs && a->bytes >= rules->fail_prefix_bytes;
    begin(a);
  }
  return used;
}

/* Whether the line that the stash begins and n more bytes go on may be, or begin, the sentinel. */
static bool may_be_sentinel(const struct amz_answer *a, const struct amz_answer_rules *rules, const char *bytes, size_t n)
{
  return n <= rules->sentinel_bytes && a->stash.len <= rules->sentinel_bytes - n &&
         memcmp(rules->sentinel + a->stash.len, bytes, n) == 0;
}

/* A line that turned out to be none: what was put aside of it comes first. */
static size_t unstash(struct amz_answer *a, const struct amz_answer_rules *rules, size_t used, struct amz_piece *p)
{
  p->bytes = a->stash.data;
  p->n = a->stash.len;
  a->spent = true;
  return emit(a, rules, used, p);
}

static size_t take_with_sentinel(struct amz_answer *a, const struct amz_answer_rules *rules, const char *bytes, size_t n,
                                 struct amz_piece *p)
{
  const char *newline = memchr(bytes, '\n', n);
  size_t content = newline ? (size_t)(newline - bytes) : n, used = newline ? content + 1 : n;

  if (!a->mid_line && may_be_sentinel(a, rules, bytes, content)) {
    if (newline && a->stash.len + content == rules->sentinel_bytes) {
      amz_buf_reset(&a->stash);
      p->complete = true;
      return emit(a, rules, used, p);
    }
    amz_buf_add(&a->stash, bytes, used);
    if (amz_buf_ok(&a->stash) < 0)
      return 0;
    return newline ? unstash(a, rules, used, p) : used;
  }
  a->mid_line = !newline;
  if (a->stash.len) {
    amz_buf_add(&a->stash, bytes, used);
    return amz_buf_ok(&a->stash) < 0 ? 0 : unstash(a, rules, used, p);
  }
  p->bytes = bytes;
  p->n = used;
  return emit(a, rules, used, p);
}

size_t amz_answer_take(struct amz_answer *a, const struct amz_answer_rules *rules, const char *bytes, size_t n,
                       struct amz_piece *ret)
{
  const char *newline;

  *ret = (struct amz_piece){.bytes = bytes};
  if (a->spent)
    amz_buf_reset(&a->stash);
  a->spent = false;
  if (rules->sentinel)
    return take_with_sentinel(a, rules, bytes, n, ret);
  newline = memchr(bytes, '\n', n);
  ret->n = newline ? (size_t)(newline - bytes) + 1 : n;
  ret->complete = newline != NULL;
  return emit(a, rules, ret->n, ret);
}

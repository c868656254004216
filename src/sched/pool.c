/* The pool. Invariants: fresh <= tasks; waiting = (tasks - fresh) + Σ returned counts + retries; no position is in it twice.
 *
 * Retries that are due go first, so that their number stays within what fails during one backoff, however many tasks there are. A
 * position may be settled while it lies here (a late success of a rank that was given up): it is passed over when taken. */
#include "pool.h"

#include <stdlib.h>

#include <amorsize/alloc.h>

#include "bits.h"

int amz_pool_init(struct amz_pool *p, uint64_t tasks)
{
  p->tasks = p->waiting = tasks;
  p->settled = amz_bits_new(tasks);
  return p->settled ? AMZ_OK : AMZ_ENOMEM;
}

void amz_pool_clear(struct amz_pool *p)
{
  free(p->settled);
  free(p->returned);
  amz_heap_clear(&p->retries);
}

/* Consecutive retries of one attempt that are due together make one chunk. */
static bool take_retry(struct amz_pool *p, int64_t now_ns, uint64_t want, struct amz_chunk *ret)
{
  *ret = (struct amz_chunk){0};
  while (p->retries.count && p->retries.items[0].at_ns <= now_ns && ret->count < want) {
    struct amz_heap_item item = p->retries.items[0];

    if (!amz_bits_has(p->settled, item.key)) {
      if (ret->count && (item.key != ret->first + ret->count || item.value != ret->attempt))
        break;
      if (ret->count++ == 0) {
        ret->first = item.key;
        ret->attempt = (uint32_t)item.value;
      }
    }
    (void)amz_heap_pop(&p->retries);
    p->waiting--;
  }
  return ret->count > 0;
}

static bool take_returned(struct amz_pool *p, uint64_t want, struct amz_chunk *ret)
{
  while (p->n_returned) {
    struct amz_returned *r = &p->returned[p->n_returned - 1];
    uint64_t end = r->first + r->count, first = amz_bits_next_clear(p->settled, r->first, end);
    uint64_t until = want < end - first ? first + want : end;
    uint64_t taken = amz_bits_next_set(p->settled, first, until) - first;

    *ret = (struct amz_chunk){.first = first, .count = taken, .attempt = r->attempt};
    p->waiting -= first + taken - r->first;
    r->first = first + taken;
    r->count = end - r->first;
    if (r->count == 0)
      p->n_returned--;
    if (taken)
      return true;
  }
  return false;
}

static inline bool take_fresh(struct amz_pool *p, uint64_t want, struct amz_chunk *ret)
{
  uint64_t left = p->tasks - p->fresh;

  if (left == 0)
    return false;
  *ret = (struct amz_chunk){.first = p->fresh, .count = want < left ? want : left, .attempt = 1};
  p->fresh += ret->count;
  p->waiting -= ret->count;
  return true;
}

bool amz_pool_take(struct amz_pool *p, int64_t now_ns, uint64_t want, struct amz_chunk *ret)
{
  return (p->retries.count && take_retry(p, now_ns, want, ret)) || (p->n_returned && take_returned(p, want, ret)) ||
      take_fresh(p, want, ret);
}

int amz_pool_give(struct amz_pool *p, uint64_t first, uint64_t count, uint32_t attempt)
{
  struct amz_returned *last = p->n_returned ? &p->returned[p->n_returned - 1] : NULL;

  if (last && last->attempt == attempt && last->first + last->count == first) {
    last->count += count;
  } else {
    if (amz_grow((void **)&p->returned, &p->cap_returned, p->n_returned + 1, sizeof *p->returned) < 0)
      return AMZ_ENOMEM;
    p->returned[p->n_returned++] = (struct amz_returned){first, count, attempt};
  }
  p->waiting += count;
  return AMZ_OK;
}

int amz_pool_retry(struct amz_pool *p, int64_t at_ns, uint64_t position, uint32_t attempt)
{
  if (amz_heap_push(&p->retries, (struct amz_heap_item){at_ns, position, attempt}) < 0)
    return AMZ_ENOMEM;
  p->waiting++;
  return AMZ_OK;
}

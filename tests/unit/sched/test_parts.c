/* The parts that the machines are made of, each against a plain model of it: bits, heap, what is held, the pool, actions. */
#include <amorsize/rng.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../../../src/sched/actions.h"
#include "../../../src/sched/bits.h"
#include "../../../src/sched/heap.h"
#include "../../../src/sched/held.h"
#include "../../../src/sched/pool.h"
#include "../../support/tap.h"

#define N 300

/* \return whether bits and model agree, asked by every question there is. */
static bool same_bits(const uint64_t *bits, const bool *model, uint64_t from, uint64_t end)
{
  uint64_t set = from, clear = from, count = 0;

  while (set < end && !model[set])
    set++;
  while (clear < end && model[clear])
    clear++;
  for (uint64_t i = from; i < end; i++)
    count += model[i];
  return amz_bits_next_set(bits, from, end) == set && amz_bits_next_clear(bits, from, end) == clear &&
         amz_bits_count(bits, from, end - from) == count &&
         (from == end || (amz_bits_has(bits, from) == model[from] && amz_bits_are_clear(bits, from, end - from) == (count == 0)));
}

static void test_bits(void)
{
  uint64_t *bits = amz_bits_new(N);
  bool model[N] = {false};
  struct amz_rng rng;

  CU_ASSERT_PTR_NOT_NULL_FATAL(bits);
  amz_rng_seed(&rng, 1);
  for (unsigned round = 0; round < 5000; round++) {
    uint64_t first = amz_rng_below(&rng, N), count = amz_rng_below(&rng, N - first + 1);
    bool on = amz_rng_below(&rng, 2);

    if (amz_rng_below(&rng, 2))
      count = count % 70 < N - first ? count % 70 : N - first;
    (on ? amz_bits_set : amz_bits_clear)(bits, first, count);
    for (uint64_t i = first; i < first + count; i++)
      model[i] = on;
    first = amz_rng_below(&rng, N);
    if (!same_bits(bits, model, first, first + amz_rng_below(&rng, N - first + 1))) {
      ASSERT_ROW_U64("bits differ in round", round, UINT64_MAX);
      break;
    }
  }
  free(bits);
}

static int by_time(const void *a, const void *b)
{
  const struct amz_heap_item *x = a, *y = b;

  if (x->at_ns != y->at_ns)
    return x->at_ns < y->at_ns ? -1 : 1;
  return x->key < y->key ? -1 : 1;
}

static void test_heap(void)
{
  struct amz_heap_item items[N];
  struct amz_heap heap = {0};
  struct amz_rng rng;

  amz_rng_seed(&rng, 2);
  for (uint64_t i = 0; i < N; i++) {
    items[i] = (struct amz_heap_item){.at_ns = (int64_t)amz_rng_below(&rng, 50), .key = i, .value = i};
    CU_ASSERT_EQUAL(amz_heap_push(&heap, items[i]), AMZ_OK);
  }
  qsort(items, N, sizeof *items, by_time);
  for (uint64_t i = 0; i < N / 2; i++)
    ASSERT_U64(amz_heap_pop(&heap).key, items[i].key);
  amz_heap_replace(&heap, (struct amz_heap_item){.at_ns = 1000, .key = 12345}); /* instead of the earliest: now the last */
  for (uint64_t i = N / 2 + 1; i < N; i++)
    ASSERT_U64(amz_heap_pop(&heap).key, items[i].key);
  ASSERT_U64(amz_heap_pop(&heap).key, 12345);
  ASSERT_U64(heap.count, 0);
  amz_heap_clear(&heap);
}

/* Model: who has each position (0: nobody, else rank + 1), and of which chunk. */
struct held_model {
  unsigned owner[N];
  uint64_t chunk[N];
};

static void tell_at_random(struct amz_held *h, struct amz_held_list *lists, struct held_model *model, struct amz_rng *rng)
{
  struct amz_told told = {.rank = (uint32_t)amz_rng_below(rng, 3), .first = amz_rng_below(rng, N)};
  uint64_t in_hand = 0, expected = 0;

  told.count = 1 + amz_rng_below(rng, amz_rng_below(rng, 2) ? 3 : 40);
  if (told.count > N - told.first)
    told.count = N - told.first;
  if (amz_rng_below(rng, 2))
    told.chunk_id = model->chunk[told.first];
  for (uint64_t i = told.first; i < told.first + told.count; i++)
    if (model->owner[i] == told.rank + 1 && (!told.chunk_id || told.chunk_id == model->chunk[i])) {
      model->owner[i] = 0;
      expected++;
    }
  if (amz_rng_below(rng, 2) && amz_held_tell_front(h, &lists[told.rank], &told))
    in_hand = told.count;
  else
    CU_ASSERT_EQUAL(amz_held_tell(h, &lists[told.rank], &told, &in_hand), AMZ_OK);
  ASSERT_U64(in_hand, expected);
}

static void add_at_random(struct amz_held *h, struct amz_held_list *lists, struct held_model *model, struct amz_rng *rng,
                          uint64_t id)
{
  struct amz_chunk c = {.id = id, .first = amz_rng_below(rng, N), .attempt = 1};
  uint32_t rank = (uint32_t)amz_rng_below(rng, 3);

  while (c.first + c.count < N && c.count < 30 && !model->owner[c.first + c.count])
    c.count++;
  for (uint64_t i = c.first; i < c.first + c.count; i++) {
    model->owner[i] = rank + 1;
    model->chunk[i] = id;
  }
  if (c.count)
    CU_ASSERT_EQUAL(amz_held_add(h, &lists[rank], rank, &c), AMZ_OK);
}

static void test_held(void)
{
  struct amz_held_list lists[3] = {AMZ_HELD_LIST_EMPTY, AMZ_HELD_LIST_EMPTY, AMZ_HELD_LIST_EMPTY};
  struct held_model model = {{0}, {0}};
  struct amz_held h = {0};
  struct amz_rng rng;
  struct amz_chunk c;

  amz_held_init(&h);
  amz_rng_seed(&rng, 3);
  for (uint64_t round = 1; round <= 20000; round++) {
    uint64_t count = 0;

    if (amz_rng_below(&rng, 3) == 0)
      add_at_random(&h, lists, &model, &rng, round);
    else
      tell_at_random(&h, lists, &model, &rng);
    for (unsigned i = 0; i < N; i++)
      count += model.owner[i] != 0;
    ASSERT_U64(h.count, count);
  }
  for (uint32_t rank = 0; rank < 3; rank++)
    while (amz_held_take(&h, &lists[rank], &c))
      for (uint64_t i = c.first; i < c.first + c.count; i++) {
        ASSERT_U64(model.owner[i], rank + 1);
        model.owner[i] = 0;
      }
  ASSERT_U64(h.count, 0);
  for (unsigned i = 0; i < N; i++)
    ASSERT_U64(model.owner[i], 0);
  amz_held_clear(&h);
}

static void test_pool(void)
{
  struct amz_pool p = {0};
  struct amz_chunk c;

  CU_ASSERT_EQUAL_FATAL(amz_pool_init(&p, 100), AMZ_OK);
  CU_ASSERT_TRUE(amz_pool_take(&p, 0, 90, &c));
  CU_ASSERT_TRUE(c.first == 0 && c.count == 90 && c.attempt == 1);
  CU_ASSERT_EQUAL(amz_pool_give(&p, 10, 5, 1), AMZ_OK);
  CU_ASSERT_EQUAL(amz_pool_give(&p, 15, 5, 1), AMZ_OK); /* joins */
  CU_ASSERT_EQUAL(amz_pool_give(&p, 20, 5, 2), AMZ_OK); /* another attempt doesn't */
  CU_ASSERT_EQUAL(amz_pool_retry(&p, 50, 40, 2), AMZ_OK);
  ASSERT_U64(p.waiting, 10 + 15 + 1);
  ASSERT_I64(amz_pool_retry_at(&p), 50);
  amz_bits_set(p.settled, 12, 2); /* settled while it lies here */
  CU_ASSERT_TRUE(amz_pool_take(&p, 49, 100, &c));
  CU_ASSERT_TRUE(c.first == 20 && c.count == 5 && c.attempt == 2);
  CU_ASSERT_TRUE(amz_pool_take(&p, 50, 100, &c)); /* a retry that is due goes first */
  CU_ASSERT_TRUE(c.first == 40 && c.count == 1 && c.attempt == 2);
  CU_ASSERT_TRUE(amz_pool_take(&p, 50, 100, &c));
  CU_ASSERT_TRUE(c.first == 10 && c.count == 2);
  CU_ASSERT_TRUE(amz_pool_take(&p, 50, 3, &c));
  CU_ASSERT_TRUE(c.first == 14 && c.count == 3);
  CU_ASSERT_TRUE(amz_pool_take(&p, 50, 100, &c));
  CU_ASSERT_TRUE(c.first == 17 && c.count == 3);
  CU_ASSERT_TRUE(amz_pool_take(&p, 50, 100, &c));
  CU_ASSERT_TRUE(c.first == 90 && c.count == 10 && c.attempt == 1);
  CU_ASSERT_FALSE(amz_pool_available(&p, 50));
  CU_ASSERT_FALSE(amz_pool_take(&p, 50, 1, &c));
  ASSERT_U64(p.waiting, 0);
  amz_pool_clear(&p);
}

static void test_actions(void)
{
  struct amz_actions *a = NULL;
  unsigned char *rooms[100];

  CU_ASSERT_EQUAL_FATAL(amz_actions_new(&a), AMZ_OK);
  for (unsigned turn = 0; turn < 3; turn++) {
    amz_actions_clear(a);
    for (unsigned i = 0; i < 100; i++) { /* of all sizes, also larger than a block */
      size_t size = i * i * 7 + 1;

      rooms[i] = amz_actions_room(a, size, 1);
      CU_ASSERT_PTR_NOT_NULL_FATAL(rooms[i]);
      ASSERT_U64((uintptr_t)rooms[i] % _Alignof(max_align_t), 0);
      memset(rooms[i], (int)i, size);
      CU_ASSERT_PTR_NOT_NULL(amz_actions_add(a, AMZ_DO_SYNC));
    }
    for (unsigned i = 0; i < 100; i++) /* none was written over */
      CU_ASSERT_TRUE(rooms[i][0] == i && rooms[i][i * i * 7] == i);
    ASSERT_U64(amz_actions_count(a), 100);
  }
  CU_ASSERT_PTR_NULL(amz_actions_room(a, SIZE_MAX / 2, 4));
  amz_actions_free(a);
  amz_actions_free(NULL);
}

/* What is taken out of a list outlives its clearing, and serves another one. */
static void test_actions_taken(void)
{
  struct amz_actions *a = NULL, *b = NULL;
  struct amz_actions_block *chain;
  struct amz_message *m;

  CU_ASSERT_FATAL(amz_actions_new(&a) == AMZ_OK && amz_actions_new(&b) == AMZ_OK);
  CU_ASSERT_PTR_NULL(amz_actions_take(a));
  m = amz_actions_send(a, 7, AMZ_MSG_REPORT);
  CU_ASSERT_PTR_NOT_NULL_FATAL(m);
  m->hungry = 3;
  CU_ASSERT_PTR_NOT_NULL(amz_actions_room(a, 100000, 1)); /* in a block of its own */
  chain = amz_actions_take(a);
  amz_actions_clear(a);
  CU_ASSERT_PTR_NOT_NULL_FATAL(amz_actions_send(a, 8, AMZ_MSG_HELLO));
  ASSERT_U64(m->rank, 7);
  ASSERT_U64(m->hungry, 3);
  amz_actions_give(b, chain);
  ASSERT_U64(amz_actions_count(b), 0);
  m = amz_actions_send(b, 9, AMZ_MSG_BYE);
  CU_ASSERT_FATAL(m != NULL && amz_actions_count(b) == 1);
  ASSERT_U64(m->hungry, 0);
  CU_ASSERT_PTR_EQUAL(amz_actions_at(b, 0)->message, m);
  amz_actions_drop(amz_actions_take(a));
  amz_actions_drop(NULL);
  amz_actions_free(a);
  amz_actions_free(b);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"bits against a list", test_bits},
    {"heap against sorting", test_heap},
    {"what is held against a list", test_held},
    {"the pool's sequence", test_pool},
    {"actions keep what they point to", test_actions},
    {"what actions point to can be taken", test_actions_taken},
    {NULL, NULL},
  };

  return amz_test_main("parts", tests, 30);
}

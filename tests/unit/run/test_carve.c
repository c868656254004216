/* Cores for tasks that differ in threads: each row is what is taken and released in sequence, and the cores that are then given,
 * worked out by hand. */
#include "../../../src/run/carve.h"

#include <stdlib.h>
#include <string.h>

#include <amorsize/rng.h>

#include "../../support/tap.h"

#define CORES 8u

/* Eight cores of two units each: core c has units c and c + 8. */
static void make_cores(struct amz_cores *c, uint32_t most)
{
  static uint32_t cpus[2 * CORES], starts[CORES + 1];

  for (uint32_t i = 0; i < CORES; i++) {
    cpus[2 * i] = i;
    cpus[2 * i + 1] = i + CORES;
    starts[i + 1] = 2 * (i + 1);
  }
  *c = (struct amz_cores){.count = CORES, .most = most, .cpus = cpus, .starts = starts};
}

/* Cores of the units given, as a bit set; 0 when a core came with one of its units only. */
static unsigned bits_of(const uint32_t *cpus, size_t n)
{
  unsigned first = 0, second = 0;

  for (size_t i = 0; i < n; i++)
    *(cpus[i] < CORES ? &first : &second) |= 1u << cpus[i] % CORES;
  return first == second ? first : 0;
}

/* "3+2 3- 1+4": slot 3 takes two cores, releases them, slot 1 takes four. */
static unsigned play(struct amz_carver *c, const char *moves)
{
  unsigned given = 0;

  for (const char *at = moves; *at; at += strcspn(at, " "), at += *at == ' ') {
    uint32_t slot = (uint32_t)(*at - '0');
    const uint32_t *cpus;
    size_t n;

    if (at[1] == '-') {
      amz_carver_release(c, slot);
      continue;
    }
    amz_carver_take(c, slot, (uint32_t)(at[2] - '0'), &cpus, &n);
    given = bits_of(cpus, n);
  }
  return given;
}

static void gives_by_hand(void)
{
  static const struct {
    const char *what, *moves;
    unsigned cores;
    uint32_t most;
  } rows[] = {
    {"the first ones", "0+2", 0x03, 8},
    {"the next ones", "0+2 1+3", 0x1c, 8},
    {"what was released is taken again", "0+2 1+3 0- 2+2", 0x03, 8},
    {"the smallest place that suffices", "0+2 1+1 2+2 3+3 0- 2- 3- 4+2", 0x03, 8},
    {"a stretch where there is one", "0+1 1+1 2+1 3+1 1- 4+2", 0x30, 8},
    {"else scattered", "0+1 1+1 2+1 3+1 4+1 5+1 6+2 0- 2- 7+2", 0x05, 8},
    {"all of them", "0+8", 0xff, 8},
    {"more than are free: bound to none of their own", "0+6 1+3", 0xff, 8},
    {"a quota leaves open which", "0+2 1+2", 0xff, 4},
    {"released twice, and what had none", "0+2 0- 0- 5- 1+8", 0xff, 8},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_carver *c = NULL;
    struct amz_cores cores;

    make_cores(&cores, rows[i].most);
    CU_ASSERT_FATAL(amz_carver_new(&cores, &c) == AMZ_OK);
    ASSERT_ROW_U64(rows[i].what, play(c, rows[i].moves), rows[i].cores);
    amz_carver_free(c);
  }
}

/* Whatever is taken and released, tasks that fit never share a core, and have as many as they asked for. */
static void nobody_shares(void)
{
  struct amz_carver *c = NULL;
  struct amz_cores cores;
  struct amz_rng rng;
  unsigned had[CORES] = {0}, taken = 0;

  make_cores(&cores, CORES);
  amz_rng_seed(&rng, 1);
  CU_ASSERT_FATAL(amz_carver_new(&cores, &c) == AMZ_OK);
  for (int i = 0; i < 10000; i++) {
    uint32_t slot = (uint32_t)amz_rng_below(&rng, CORES), wanted = 1 + (uint32_t)amz_rng_below(&rng, CORES);
    const uint32_t *cpus;
    size_t n;

    amz_carver_release(c, slot);
    taken &= ~had[slot];
    had[slot] = 0;
    if ((uint32_t)__builtin_popcount(taken) + wanted > CORES)
      continue;
    amz_carver_take(c, slot, wanted, &cpus, &n);
    had[slot] = bits_of(cpus, n);
    ASSERT_U64(__builtin_popcount(had[slot]), wanted);
    ASSERT_U64(had[slot] & taken, 0);
    taken |= had[slot];
  }
  amz_carver_free(c);
  amz_carver_free(NULL);
}

int main(void)
{
  static const struct amz_test tests[] = {{"gives by hand", gives_by_hand}, {"nobody shares", nobody_shares}, {NULL, NULL}};

  return amz_test_main("run/carve", tests, 10);
}

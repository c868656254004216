/* Free cores, and who has the others. Invariant: owner[i] is 0 when core i is free, else the slot that has it, counted from 1. */
#include "carve.h"

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

struct amz_carver {
  const struct amz_cores *cores;
  uint64_t *owner;
  uint32_t *cpus; /* of the task that was last given cores */
};

int amz_carver_new(const struct amz_cores *cores, struct amz_carver **ret)
{
  struct amz_carver *c = amz_new_array(1, sizeof *c);

  if (!c)
    return AMZ_ENOMEM;
  c->cores = cores;
  c->owner = amz_new_array(cores->count, sizeof *c->owner);
  c->cpus = amz_new_array(cores->starts[cores->count], sizeof *c->cpus);
  if (!c->owner || !c->cpus) {
    amz_carver_free(c);
    return AMZ_ENOMEM;
  }
  *ret = c;
  return AMZ_OK;
}

void amz_carver_free(struct amz_carver *c)
{
  if (!c)
    return;
  free(c->owner);
  free(c->cpus);
  free(c);
}

static uint32_t count_free(const struct amz_carver *c)
{
  uint32_t n = 0;

  for (uint32_t i = 0; i < c->cores->count; i++)
    n += c->owner[i] == 0;
  return n;
}

/* Where the smallest stretch of free cores begins that has so many; 0 when there is none, for then any will do. */
static uint32_t best_place(const struct amz_carver *c, uint32_t threads)
{
  uint32_t best = 0, best_length = UINT32_MAX;

  for (uint32_t i = 0, length; i < c->cores->count; i += length + 1) {
    for (length = 0; i + length < c->cores->count && c->owner[i + length] == 0; length++)
      ;
    if (length >= threads && length < best_length) {
      best = i;
      best_length = length;
    }
  }
  return best;
}

/* Appends a core's units at *n. */
static void give(struct amz_carver *c, uint32_t core, uint32_t slot, size_t *n)
{
  const struct amz_cores *cores = c->cores;
  size_t units = cores->starts[core + 1] - cores->starts[core];

  c->owner[core] = (uint64_t)slot + 1;
  memcpy(c->cpus + *n, cores->cpus + cores->starts[core], units * sizeof *c->cpus);
  *n += units;
}

void amz_carver_take(struct amz_carver *c, uint32_t slot, uint32_t threads, const uint32_t **ret_cpus, size_t *ret_n)
{
  const struct amz_cores *cores = c->cores;
  uint32_t left = threads;

  *ret_cpus = cores->cpus;
  *ret_n = cores->starts[cores->count];
  if (cores->most < cores->count || threads > count_free(c))
    return;
  *ret_cpus = c->cpus;
  *ret_n = 0;
  for (uint32_t i = best_place(c, threads); left && i < cores->count; i++)
    if (c->owner[i] == 0) {
      give(c, i, slot, ret_n);
      left--;
    }
}

void amz_carver_release(struct amz_carver *c, uint32_t slot)
{
  for (uint32_t i = 0; i < c->cores->count; i++)
    if (c->owner[i] == (uint64_t)slot + 1)
      c->owner[i] = 0;
}

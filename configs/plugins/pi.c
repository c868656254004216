/* Monte-Carlo π: each task throws so many darts and gives its own estimate; their mean is π.
 *
 * Arguments: the darts per task (default 1000000). Tasks draw from streams of their own, made from the task's index, so that the
 * result doesn't depend on who runs which. */
#include <amorsize/plugin.h>

#include <stdio.h>
#include <stdlib.h>

struct state {
  uint64_t darts;
};

static int open_pi(const struct amz_plugin_open *how, void **ret_state)
{
  struct state *s = malloc(sizeof *s);
  char *end = NULL;

  if (!s) {
    (void)snprintf(how->error, how->error_size, "out of memory");
    return 1;
  }
  s->darts = *how->args ? strtoull(how->args, &end, 10) : 1000000;
  if (s->darts == 0 || (end && *end)) {
    (void)snprintf(how->error, how->error_size, "args: expected a number of darts per task, got \"%s\"", how->args);
    free(s);
    return 1;
  }
  *ret_state = s;
  return 0;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next(uint64_t *x)
{
  uint64_t z = *x += UINT64_C(0x9e3779b97f4a7c15);

  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static double unit(uint64_t *x)
{
  return (double)(next(x) >> 11) * 0x1p-53;
}

static int run_pi(void *state, const struct amz_plugin_task *task, void *result)
{
  const struct state *s = state;
  uint64_t seed = task->index, x = next(&seed), hits = 0;

  for (uint64_t i = 0; i < s->darts; i++) {
    double a = unit(&x), b = unit(&x);

    hits += a * a + b * b < 1;
  }
  *(double *)result = 4 * (double)hits / (double)s->darts;
  return 0;
}

const struct amz_plugin_v1 amz_plugin_v1 = {
  .abi = AMZ_PLUGIN_ABI, .size = sizeof amz_plugin_v1, .name = "pi", .flags = AMZ_PLUGIN_THREAD_SAFE,
  .result_type = AMZ_PLUGIN_F64, .open = open_pi, .run = run_pi, .close = free,
};

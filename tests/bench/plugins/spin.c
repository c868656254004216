/* For benchmarks, of others too (peers.py calls amz_bench_spin): tasks that do nothing, or spin. Arguments: nanoseconds per task (default 0: nothing at all). With -DRESULT each task leaves its
 * index as a double. Spinning is by counting, measured against the clock when the slot begins, so that a task reads no clock. */
#include <amorsize/plugin.h>

#include <stdlib.h>
#include <time.h>

struct state {
  uint64_t turns;
};

static double now_ns(void)
{
  struct timespec ts = {0, 0};

  (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
  return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

void amz_bench_spin(uint64_t turns);
uint64_t amz_bench_turns(double task_ns);

void amz_bench_spin(uint64_t turns)
{
  for (uint64_t i = 0; i < turns; i++)
    __asm__ volatile("" ::: "memory");
}

/* The fastest of a few tries: what a core does when nobody is in its way. */
uint64_t amz_bench_turns(double task_ns)
{
  const uint64_t tried = UINT64_C(2000000);
  double best_ns = 1e18;

  for (int i = 0; i < 8; i++) {
    double began_ns = now_ns(), took_ns;

    amz_bench_spin(tried);
    took_ns = now_ns() - began_ns;
    best_ns = took_ns < best_ns ? took_ns : best_ns;
  }
  return (uint64_t)(task_ns * (double)tried / best_ns);
}

static int open_spin(const struct amz_plugin_open *how, void **ret_state)
{
  struct state *s = calloc(1, sizeof *s);
  double task_ns = strtod(how->args, NULL);

  if (!s)
    return 1;
  s->turns = task_ns > 0 ? amz_bench_turns(task_ns) : 0;
  *ret_state = s;
  return 0;
}

static int run_spin(void *state, const struct amz_plugin_task *task, void *result)
{
  const struct state *s = state;

  if (s->turns)
    amz_bench_spin(s->turns);
#ifdef RESULT
  *(double *)result = (double)task->index;
#else
  (void)task;
  (void)result;
#endif
  return 0;
}

const struct amz_plugin_v1 amz_plugin_v1 = {
  .abi = AMZ_PLUGIN_ABI, .size = sizeof amz_plugin_v1, .name = "spin", .flags = AMZ_PLUGIN_THREAD_SAFE,
#ifdef RESULT
  .result_type = AMZ_PLUGIN_F64,
#endif
  .open = open_spin, .run = run_spin, .close = free,
};

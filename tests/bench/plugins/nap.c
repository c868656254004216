/* For benchmarks: tasks that sleep for times that are known beforehand. Arguments: WHAT, one of
 *   trap      5000 tasks of 0.1 ms, then 200 of 100 ms
 *   bimodal   0.1 ms, but one in a hundred, as if drawn, takes 1000 times as long */
#include <amorsize/plugin.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

struct state {
  int64_t (*ns_of)(uint64_t index);
};

static int64_t trap_ns(uint64_t index)
{
  return index < 5000 ? 100000 : 100000000;
}

/* Knuth's multiplicative hash: as if drawn, and the same for all who ask. */
static int64_t bimodal_ns(uint64_t index)
{
  return (uint32_t)index * UINT32_C(2654435761) < UINT32_MAX / 100 ? 100000000 : 100000;
}

static int open_nap(const struct amz_plugin_open *how, void **ret_state)
{
  static const struct {
    const char *name;
    int64_t (*ns_of)(uint64_t index);
  } kinds[] = {{"trap", trap_ns}, {"bimodal", bimodal_ns}};
  struct state *s = calloc(1, sizeof *s);

  for (size_t i = 0; s && i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(how->args, kinds[i].name) == 0)
      s->ns_of = kinds[i].ns_of;
  if (!s || !s->ns_of) {
    (void)snprintf(how->error, how->error_size, "args: unknown kind \"%s\"", how->args);
    free(s);
    return 1;
  }
  (void)prctl(PR_SET_TIMERSLACK, 1UL); /* sleeps end when they should */
  *ret_state = s;
  return 0;
}

static int run_nap(void *state, const struct amz_plugin_task *task, void *result)
{
  const struct state *s = state;
  int64_t ns = s->ns_of(task->index);
  struct timespec left = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

  (void)result;
  while (nanosleep(&left, &left) < 0 && errno == EINTR)
    ;
  return 0;
}

const struct amz_plugin_v1 amz_plugin_v1 = {
  .abi = AMZ_PLUGIN_ABI, .size = sizeof amz_plugin_v1, .name = "nap", .flags = AMZ_PLUGIN_THREAD_SAFE,
  .open = open_nap, .run = run_nap, .close = free,
};

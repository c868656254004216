/* A plug-in that is not thread-safe and has a loop of its own, and ends its process in it: for tests/cli/plugin.sh. Arguments: TASK, which crashes (-1:
 * none). A task fails with 9 when its value `n` isn't its index + 1, with 8 when two slots share a process. */
#include <amorsize/plugin.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int opened; /* not guarded: that is the point */

static long bad_task;

static int open_odd(const struct amz_plugin_open *how, void **ret_state)
{
  opened++;
  bad_task = strtol(how->args, NULL, 10);
  *ret_state = &opened;
  return 0;
}

static int run_odd(void *state, const struct amz_plugin_task *task, void *result)
{
  const char *n = amz_plugin_value(task, "n");
  char expected[24];

  (void)snprintf(expected, sizeof expected, "%llu", (unsigned long long)task->index + 1);
  if (!n || strcmp(n, expected) != 0 || amz_plugin_value(task, "no such name"))
    return 9;
  if (*(const int *)state != 1)
    return 8;
  if ((long)task->index == bad_task)
    (void)raise(SIGBUS);
  *(int64_t *)result = (int64_t)task->index;
  return 0;
}

static int run_range_odd(void *state, uint64_t first, uint64_t count, void *results)
{
  int64_t *result = results;

  (void)state;
  for (uint64_t i = first; i < first + count; i++) {
    if ((long)i == bad_task)
      (void)raise(SIGBUS);
    *result++ = (int64_t)i;
  }
  return 0;
}

const struct amz_plugin_v1 amz_plugin_v1 = {
  .abi = AMZ_PLUGIN_ABI, .size = sizeof amz_plugin_v1, .name = "odd", .result_type = AMZ_PLUGIN_I64,
  .open = open_odd, .run = run_odd, .run_range = run_range_odd,
};

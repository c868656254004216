/* A plug-in that is not thread-safe and has a loop of its own, and ends its process in it: for tests/cli/plugin.sh and
 * tests/mpi/results.sh. Arguments:
 *
 *   TASK       which crashes (-1: none)
 *   gate TASK  tasks take a millisecond, and from this one on wait until there is a file ./go
 *   meet N     tasks wait until they run in N processes
 *   leave TASK ends its thread
 *   abort, stay   nothing in tasks: close aborts, or doesn't return
 *
 * A task fails with 9 when its value `n` isn't its index + 1, with 8 when two slots share a process. */
#define _GNU_SOURCE
#include <amorsize/plugin.h>

#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int opened; /* not guarded: that is the point */

static long bad_task = -1, gated_task = -1, last_task = -1;
static char at_close[8];
static unsigned long wanted; /* processes; 0: met already */

static void say_hello(void)
{
  char name[32];
  FILE *f;

  (void)snprintf(name, sizeof name, "met.%ld", (long)getpid());
  f = fopen(name, "w");
  if (f)
    (void)fclose(f);
}

static int open_odd(const struct amz_plugin_open *how, void **ret_state)
{
  opened++;
  if (sscanf(how->args, "gate %ld", &gated_task) != 1 && sscanf(how->args, "meet %lu", &wanted) != 1 &&
      sscanf(how->args, "leave %ld", &last_task) != 1 && sscanf(how->args, "%7[a-z]", at_close) != 1)
    bad_task = strtol(how->args, NULL, 10);
  if (wanted)
    say_hello();
  *ret_state = &opened;
  return 0;
}

static unsigned long count(const char *pattern)
{
  glob_t found = {.gl_pathc = 0};
  unsigned long n = glob(pattern, 0, NULL, &found) == 0 ? (unsigned long)found.gl_pathc : 0;

  globfree(&found);
  return n;
}

/* Waits until there are so many files, two minutes at most. */
static void await(const char *pattern, unsigned long n)
{
  const struct timespec moment = {.tv_nsec = 20000000};

  for (int i = 0; i < 6000 && count(pattern) < n; i++)
    (void)nanosleep(&moment, NULL);
}

static void hold(uint64_t index)
{
  const struct timespec millisecond = {.tv_nsec = 1000000};

  if (wanted)
    await("met.*", wanted);
  wanted = 0;
  if (gated_task < 0)
    return;
  (void)nanosleep(&millisecond, NULL);
  if ((long)index >= gated_task)
    await("go", 1);
}

static int run_odd(void *state, const struct amz_plugin_task *task, void *result)
{
  const char *n = amz_plugin_value(task, "n");
  char expected[24];

  hold(task->index);
  (void)snprintf(expected, sizeof expected, "%llu", (unsigned long long)task->index + 1);
  if (!n || strcmp(n, expected) != 0 || amz_plugin_value(task, "no such name"))
    return 9;
  if (*(const int *)state != 1)
    return 8;
  if ((long)task->index == bad_task)
    (void)raise(SIGBUS);
  if ((long)task->index == last_task)
    pthread_exit(NULL);
  *(int64_t *)result = (int64_t)task->index;
  return 0;
}

static int run_range_odd(void *state, uint64_t first, uint64_t n, void *results)
{
  int64_t *result = results;

  (void)state;
  for (uint64_t i = first; i < first + n; i++) {
    hold(i);
    if ((long)i == bad_task)
      (void)raise(SIGBUS);
    if ((long)i == last_task)
      pthread_exit(NULL);
    *result++ = (int64_t)i;
  }
  return 0;
}

static void close_odd(void *state)
{
  (void)state;
  if (strcmp(at_close, "abort") == 0)
    abort();
  while (strcmp(at_close, "stay") == 0)
    (void)pause();
}

const struct amz_plugin_v1 amz_plugin_v1 = {
  .abi = AMZ_PLUGIN_ABI, .size = sizeof amz_plugin_v1, .name = "odd", .result_type = AMZ_PLUGIN_I64,
  .open = open_odd, .run = run_odd, .run_range = run_range_odd, .close = close_odd,
};

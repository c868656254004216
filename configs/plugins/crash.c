/* A plug-in with a bad task: what it does, and which task it is, is said by the arguments. All others succeed. It shows that a
 * task can't take the results of others with it.
 *
 * Arguments: HOW TASK [MICROSECONDS], default "crash 7": crash (a null pointer), abort, exit (status 3), _exit (status 0), hang,
 * fail (return 4); the others take so many microseconds each. */
#include <amorsize/plugin.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct state {
  char how[16];
  unsigned long long task;
  long pause_us;
};

static int open_crash(const struct amz_plugin_open *how, void **ret_state)
{
  struct state *s = malloc(sizeof *s);

  if (!s)
    return 1;
  *s = (struct state){"crash", 7, 0};
  if (*how->args && sscanf(how->args, "%15s %llu %ld", s->how, &s->task, &s->pause_us) < 2) {
    (void)snprintf(how->error, how->error_size, "args: expected HOW TASK [MICROSECONDS], got \"%s\"", how->args);
    free(s);
    return 1;
  }
  if (strcmp(s->how, "open") == 0) { /* doesn't even begin */
    (void)snprintf(how->error, how->error_size, "not today");
    free(s);
    return 2;
  }
  *ret_state = s;
  return 0;
}

/* A sanitizer would see the null pointer first, and end the process in its own way: no crash at all. */
__attribute__((no_sanitize("undefined"))) static void crash(void)
{
  volatile int *nowhere = NULL;

  *nowhere = 1;
}

static int misbehave(const char *how, const struct amz_plugin_task *task)
{
  const struct timespec day = {.tv_sec = 86400};

  if (strcmp(how, "abort") == 0)
    abort();
  if (strcmp(how, "exit") == 0)
    exit(3);
  if (strcmp(how, "_exit") == 0)
    _exit(0);
  if (strcmp(how, "hang") == 0)
    for (;;)
      (void)nanosleep(&day, NULL);
  if (strcmp(how, "fail") != 0)
    crash();
  (void)snprintf(task->error, task->error_size, "task %llu is meant to fail", (unsigned long long)task->index);
  return 4;
}

static int run_crash(void *state, const struct amz_plugin_task *task, void *result)
{
  const struct state *s = state;
  const struct timespec pause = {.tv_sec = s->pause_us / 1000000, .tv_nsec = s->pause_us % 1000000 * 1000};

  (void)result;
  if (task->index == s->task)
    return misbehave(s->how, task);
  if (s->pause_us)
    (void)nanosleep(&pause, NULL);
  return 0;
}

const struct amz_plugin_v1 amz_plugin_v1 = {
  .abi = AMZ_PLUGIN_ABI, .size = sizeof amz_plugin_v1, .name = "crash", .flags = AMZ_PLUGIN_THREAD_SAFE,
  .open = open_crash, .run = run_crash, .close = free,
};

/* For benchmarks: a plug-in's tasks by bare threads that take them in turn from a counter, so list scheduling that costs next to
 * nothing, on the machine as it is now:
 *   bare PLUGIN.so ARGS TASKS THREADS [AT_ONCE]
 * Prints the makespan and the threads' CPU time, both in seconds, from when all threads have opened the plug-in. What real runs
 * take beyond that is their own; what tasks take beyond their nominal time (late timers, clocks that fall when all cores compute,
 * other work) is in both. AT_ONCE tasks (1) are taken at a time. No more threads than cores: each has a core of its own, as slots
 * have. */
#define _GNU_SOURCE
#include <amorsize/plugin.h>

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define THREADS_MAX 1024

struct work {
  const struct amz_plugin_v1 *plugin;
  const char *args;
  uint64_t tasks, at_once;
  _Atomic uint64_t next;
  pthread_barrier_t opened;
};

struct thread {
  struct work *work;
  pthread_t id;
  uint32_t number;
  int cpu; /* -1: any */
  double began_s, ended_s, cpu_s;
  bool failed;
};

static double now_s(clockid_t clock)
{
  struct timespec t = {0, 0};

  (void)clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool run_all(struct work *w, void *state)
{
  char error[256] = "";
  struct amz_plugin_task task = {.error = error, .error_size = sizeof error};
  _Alignas(16) char result[64] = "";

  for (;;) {
    uint64_t first = atomic_fetch_add(&w->next, w->at_once), end = first + w->at_once;

    if (first >= w->tasks)
      return true;
    for (task.index = first; task.index < end && task.index < w->tasks; task.index++)
      if (w->plugin->run(state, &task, result) != 0)
        return false;
  }
}

static void *serve(void *arg)
{
  struct thread *t = arg;
  struct work *w = t->work;
  char error[256] = "";
  const struct amz_plugin_open how = {.args = w->args, .tasks = w->tasks, .slot = t->number, .threads = 1, .error = error,
                                      .error_size = sizeof error};
  void *state = NULL;
  cpu_set_t set;

  CPU_ZERO(&set);
  if (t->cpu >= 0) {
    CPU_SET((size_t)t->cpu, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
  }
  t->failed = w->plugin->open && w->plugin->open(&how, &state) != 0;
  (void)pthread_barrier_wait(&w->opened);
  t->began_s = now_s(CLOCK_MONOTONIC);
  t->cpu_s = -now_s(CLOCK_THREAD_CPUTIME_ID);
  t->failed = t->failed || !run_all(w, state);
  t->cpu_s += now_s(CLOCK_THREAD_CPUTIME_ID);
  t->ended_s = now_s(CLOCK_MONOTONIC);
  if (w->plugin->close)
    w->plugin->close(state);
  return NULL;
}

/* A thread that can't be made would be waited for at the barrier: that is the end. */
static bool start_all(struct work *w, struct thread *threads, uint32_t n)
{
  cpu_set_t ours;
  int cpu = -1;
  bool apart = sched_getaffinity(0, sizeof ours, &ours) == 0 && (uint32_t)CPU_COUNT(&ours) >= n;

  for (uint32_t i = 0; i < n; i++) {
    for (cpu += apart; apart && !CPU_ISSET((size_t)cpu, &ours); cpu++)
      ;
    threads[i] = (struct thread){.work = w, .number = i, .cpu = cpu};
    if (pthread_create(&threads[i].id, NULL, serve, &threads[i]) != 0)
      return false;
  }
  return true;
}

static int tell(const struct thread *threads, uint32_t n)
{
  double began_s = threads[0].began_s, ended_s = threads[0].ended_s, cpu_s = 0;

  for (uint32_t i = 0; i < n; i++) {
    began_s = threads[i].began_s < began_s ? threads[i].began_s : began_s;
    ended_s = threads[i].ended_s > ended_s ? threads[i].ended_s : ended_s;
    cpu_s += threads[i].cpu_s;
    if (threads[i].failed) {
      fprintf(stderr, "bare: a task has failed, or the plug-in could not begin\n");
      return 1;
    }
  }
  printf("%.6f %.6f\n", ended_s - began_s, cpu_s);
  return 0;
}

int main(int argc, char **argv)
{
  static struct thread threads[THREADS_MAX];
  static struct work w;
  uint32_t n = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 0;
  void *handle = n >= 1 && n <= THREADS_MAX ? dlopen(argv[1], RTLD_NOW) : NULL;

  if (!handle) {
    fprintf(stderr, "usage: bare ./PLUGIN.so ARGS TASKS THREADS [AT_ONCE]\n");
    return 2;
  }
  w.plugin = dlsym(handle, "amz_plugin_v1");
  w.args = argv[2];
  w.tasks = strtoull(argv[3], NULL, 10);
  w.at_once = argc > 5 ? strtoull(argv[5], NULL, 10) : 1;
  if (!w.plugin || w.at_once == 0 || pthread_barrier_init(&w.opened, NULL, n) != 0 || !start_all(&w, threads, n)) {
    fprintf(stderr, "bare: cannot begin\n");
    return 3;
  }
  for (uint32_t i = 0; i < n; i++)
    (void)pthread_join(threads[i].id, NULL);
  return tell(threads, n);
}

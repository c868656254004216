/* For benchmarks, of others too (peers.py calls amz_bench_spin_for): tasks that do nothing, or spin. Arguments: nanoseconds per
 * task (default 0: nothing at all). With -DRESULT each task leaves its index as a double.
 *
 * Spinning is by counting, so that a task reads no clock. How much a core counts in a nanosecond is measured against the thread's
 * CPU time when the slot begins and, as neighbours on the same physical core come and go, now and then in tasks that are long
 * enough for that: so tasks take the CPU time that they should.
 *
 * With AMZ_BENCH_AWAKE in the environment a slot prints at its end, in seconds, how long it was on a core or wanted to be on one
 * that others had, as the kernel counts it, from its first task to within 5 ms of its last one. What is missing there of the
 * makespan was spent waiting for work, however busy the machine. */
#include <amorsize/plugin.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LEAST_MEASURED_NS 5000.0 /* a shorter task is over before the clock is read */
#define MEASURED_EACH_NS 2e6
#define WINDOW_NS 2e5
#define WEIGHT 0.2               /* of the newest measurement */
#define LOOK_EACH_NS 5e6         /* at the kernel's count */

struct pace {
  double turns_per_ns, clock_ns; /* clock_ns: what reading the clock takes */
  double since_ns;               /* that has been spun since the last measurement, or the begin of the one that goes on: */
  double began_ns, turns;        /* its begin, 0: none goes on; and the turns since */
};

struct state {
  struct pace pace;
  double task_ns;
  double to_look_ns;            /* of tasks, until the next look at the kernel's count */
  double first_awake_ns, awake_ns; /* at the first look, at the last */
  int schedstat;                /* -1: nobody wants to know */
};

static double now_ns(void)
{
  struct timespec ts = {0, 0};

  (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
  return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

void amz_bench_spin_for(double task_ns);

static void spin(uint64_t turns)
{
  for (uint64_t i = 0; i < turns; i++)
    __asm__ volatile("" ::: "memory");
}

/* The fastest of a few tries: what a core does when nobody is in its way. */
static struct pace measure(void)
{
  const uint64_t tried = UINT64_C(2000000);
  struct pace p = {.clock_ns = 1e18};
  double best_ns = 1e18;

  for (int i = 0; i < 8; i++) {
    double began_ns = now_ns(), spun_ns = now_ns(), took_ns;

    spin(tried);
    took_ns = now_ns() - spun_ns;
    best_ns = took_ns < best_ns ? took_ns : best_ns;
    p.clock_ns = spun_ns - began_ns < p.clock_ns ? spun_ns - began_ns : p.clock_ns;
  }
  p.turns_per_ns = (double)tried / best_ns;
  return p;
}

static void learn(struct pace *p)
{
  double took_ns = now_ns() - p->began_ns - p->clock_ns;

  if (took_ns > WINDOW_NS / 10)
    p->turns_per_ns += WEIGHT * (p->turns / took_ns - p->turns_per_ns);
  p->since_ns = p->turns = 0;
  p->began_ns = 0;
}

/* Measured is over a window of some tasks: a short one alone would pay for the look at the clock before it. */
static void spin_for(struct pace *p, double task_ns)
{
  double turns = task_ns * p->turns_per_ns;

  p->since_ns += task_ns;
  if (p->began_ns <= 0 && p->since_ns >= MEASURED_EACH_NS && task_ns >= LEAST_MEASURED_NS) {
    p->began_ns = now_ns();
    p->since_ns = task_ns;
  }
  spin((uint64_t)turns);
  if (p->began_ns <= 0)
    return;
  p->turns += turns;
  if (p->since_ns >= WINDOW_NS)
    learn(p);
}

void amz_bench_spin_for(double task_ns)
{
  static _Thread_local struct pace pace;

  if (pace.turns_per_ns <= 0)
    pace = measure();
  spin_for(&pace, task_ns);
}

/* The kernel's first two numbers: on a core, and waiting for one. */
static void look(struct state *s)
{
  char text[128];
  ssize_t n = pread(s->schedstat, text, sizeof text - 1, 0);
  unsigned long long ran_ns, waited_ns;

  s->to_look_ns = LOOK_EACH_NS;
  text[n > 0 ? n : 0] = '\0';
  if (sscanf(text, "%llu %llu", &ran_ns, &waited_ns) != 2)
    return;
  s->awake_ns = (double)(ran_ns + waited_ns);
  if (s->first_awake_ns <= 0)
    s->first_awake_ns = s->awake_ns;
}

static int open_spin(const struct amz_plugin_open *how, void **ret_state)
{
  struct state *s = calloc(1, sizeof *s);

  if (!s)
    return 1;
  s->task_ns = strtod(how->args, NULL);
  s->schedstat = getenv("AMZ_BENCH_AWAKE") ? open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC) : -1;
  if (s->task_ns > 0)
    s->pace = measure();
  *ret_state = s;
  return 0;
}

static int run_spin(void *state, const struct amz_plugin_task *task, void *result)
{
  struct state *s = state;

  if (s->task_ns >= LEAST_MEASURED_NS && s->schedstat >= 0 && (s->to_look_ns -= s->task_ns) <= 0)
    look(s);
  if (s->task_ns > 0)
    spin_for(&s->pace, s->task_ns);
#ifdef RESULT
  *(double *)result = (double)task->index;
#else
  (void)task;
  (void)result;
#endif
  return 0;
}

static void close_spin(void *state)
{
  struct state *s = state;

  if (s->schedstat >= 0) {
    (void)printf("awake %.6f\n", (s->awake_ns - s->first_awake_ns) * 1e-9);
    (void)close(s->schedstat);
  }
  free(s);
}

const struct amz_plugin_v1 amz_plugin_v1 = {
  .abi = AMZ_PLUGIN_ABI, .size = sizeof amz_plugin_v1, .name = "spin", .flags = AMZ_PLUGIN_THREAD_SAFE,
#ifdef RESULT
  .result_type = AMZ_PLUGIN_F64,
#endif
  .open = open_spin, .run = run_spin, .close = close_spin,
};

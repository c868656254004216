/* Trying more threads: 2, 4, 8 … up to the rank's cores, a few tasks each, for as long as there is time and they pay.
 *
 * Between two numbers no task runs, so that none is timed beside others of another kind. That leaves slots idle for a task's
 * length; it is done for tasks alone that say they have threads (resources.threads: auto), or were seen to use more than one
 * CPU. */
#include "sampler.h"

#include <amorsize/workload.h>

#include "layout.h"
#include "loop_state.h"

#define EACH 3u          /* tasks of each number, at least; and as many as run at once */
#define PAYS 1.05        /* times as fast as with fewer: then still more are tried */
#define CPUS_SEEN 1.1    /* CPU time over wall time: tasks have threads of their own */

static uint32_t next_number(uint32_t threads, uint32_t cores)
{
  return threads > cores / 2 ? cores : 2 * threads;
}

bool amz_sampler_wants_threads(const struct amz_settings *settings, enum amz_task_kind kind, uint32_t cores)
{
  return kind == AMZ_TASK_COMMAND && cores > 1 && settings->plan.threads_per_task == AMZ_AUTO &&
      settings->resources.threads == AMZ_AUTO &&
         !settings->resources.threads_column;
}

static uint32_t tasks_of(const struct amz_layout *layout, uint32_t cores, uint32_t threads)
{
  uint32_t at_once = amz_layout_fit(layout, cores, threads);

  return at_once > EACH ? at_once : EACH;
}

uint32_t amz_sampler_threads_tasks(uint32_t slots, uint32_t threads, uint32_t cores)
{
  const struct amz_layout layout = {.ranks = 1, .slots = slots, .threads = threads, .cores = cores};
  uint32_t n = 0;

  for (uint32_t t = threads; t < cores;) {
    t = next_number(t, cores);
    n += tasks_of(&layout, cores, t) + slots; /* of slots that run dry, each may begin one more */
  }
  return n;
}

/* Tasks that use several CPUs have threads even if nobody says so, unless somebody says how many. */
static bool are_threaded(const struct amz_loop *l, const struct amz_workload *w)
{
  const struct amz_settings *s = amz_job_settings(l->config->job);
  enum amz_task_kind kind = amz_job_kind(l->config->job);
  bool unsaid = kind == AMZ_TASK_COMMAND && s->plan.threads_per_task == AMZ_AUTO && s->resources.threads == 1 &&
      !s->resources.threads_column;

  return l->config->cores->most > l->config->layout.threads &&
         (amz_sampler_wants_threads(s, kind, l->config->cores->most) || (unsaid && w->cpu_per_wall > CPUS_SEEN));
}

static int fit(const struct amz_sampler *s, struct amz_workload *w)
{
  return amz_workload_fit(s->seen, s->n, s->tasks, s->settings->sample.confidence, w);
}

static int end_trying(struct amz_loop *l, struct amz_sampler *s)
{
  bool tried = s->try.now > 0 || s->try.emptying;

  s->try.over = true;
  s->try.emptying = false;
  s->try.now = 0;
  return tried ? amz_loop_shape(l, s->threads, amz_sampler_slots(s)) : AMZ_OK;
}

/* \return whether the number that was tried last pays: then more may, too. */
static bool pays(struct amz_sampler *s, const struct amz_workload *w)
{
  for (size_t i = 1; i < w->n_points; i++)
    if (w->points[i].threads == s->try.now && w->points[i].speedup.value >= PAYS * s->try.best) {
      s->try.best = w->points[i].speedup.value;
      return true;
    }
  return false;
}

static int empty(struct amz_loop *l, struct amz_sampler *s)
{
  s->try.emptying = true;
  return amz_loop_shape(l, s->try.now ? s->try.now : s->threads, 0);
}

/* What is handed out but not begun comes back at once; what runs ends. */
static bool is_empty(const struct amz_loop *l)
{
  struct amz_master_stats stats;

  amz_master_stats(l->master, &stats);
  return amz_worker_busy(l->worker) == 0 && stats.handed_out == 0;
}

static int begin_next(struct amz_loop *l, struct amz_sampler *s)
{
  s->try.emptying = false;
  s->try.now = next_number(s->try.now ? s->try.now : s->threads, l->config->cores->most);
  s->try.from = s->n;
  return amz_loop_shape(l, s->try.now, amz_sampler_slots(s));
}

/* Enough tasks have ended with what was tried last, or nothing has been tried yet. */
static int judge(struct amz_loop *l, struct amz_sampler *s)
{
  struct amz_workload w;
  bool more;
  int rc = fit(s, &w);

  if (rc < 0)
    return rc;
  if (s->try.now == 0)
    s->try.best = 1;
  more = s->try.now == 0 ? w.n > 0 && are_threaded(l, &w) : pays(s, &w) && s->try.now < l->config->cores->most;
  amz_workload_clear(&w);
  return more ? empty(l, s) : end_trying(l, s);
}

static bool has_nothing_left(const struct amz_loop *l)
{
  struct amz_master_stats stats;

  amz_master_stats(l->master, &stats);
  return stats.waiting == 0 && stats.handed_out == 0;
}

int amz_loop_sample_threads(struct amz_loop *l, int64_t now_ns, bool *ret_busy)
{
  struct amz_sampler *s = l->config->sampler;
  int rc = AMZ_OK;

  *ret_busy = false;
  if (s->try.over || !l->master)
    return AMZ_OK;
  if (now_ns - s->started_ns >= s->settings->sample.time_ns || has_nothing_left(l))
    rc = end_trying(l, s);
  else if (s->try.emptying)
    rc = is_empty(l) ? begin_next(l, s) : AMZ_OK;
  else if (s->try.now == 0 || s->n - s->try.from >= (size_t)tasks_of(&l->config->layout, l->config->cores->most,
                                                                     s->try.now) * l->config->layout.ranks)
    rc = judge(l, s);
  *ret_busy = !s->try.over;
  return rc;
}

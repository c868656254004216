/* Tasks take threads and memory. Where all take the same, slots bound them: as many as cores and memory suffice for. Where
 * columns say what each takes, slots are places only, as many as the smallest tasks could use, and the scheduler starts what
 * fits. */
#include "budget.h"

#include <stdio.h>
#include <string.h>

#include <amorsize/memory.h>
#include <amorsize/units.h>

#include "layout.h"

struct fit {
  const struct amz_job *job;
  const struct amz_budget *budget;
  const struct amz_budget_words *words;
  const struct amz_run_observer *observer;
};

static const struct amz_settings *settings_of(const struct amz_job *job)
{
  return amz_job_settings(job);
}

/* Of one task where all take the same; 0: nobody says. */
static uint64_t memory_of_each(const struct amz_job *job)
{
  const struct amz_settings *s = settings_of(job);

  return s->resources.memory_column ? 0 : s->resources.memory_bytes;
}

bool amz_budget_minds_memory(const struct amz_job *job)
{
  return settings_of(job)->resources.memory_column || memory_of_each(job) > 0;
}

/* Streams' and plug-ins' processes are not a task's own. */
bool amz_budget_learns_memory(const struct amz_job *job)
{
  return amz_job_kind(job) == AMZ_TASK_COMMAND && !amz_budget_minds_memory(job) && !settings_of(job)->plan.memory_ignore;
}

bool amz_budget_asks_memory(const struct amz_job *job)
{
  return amz_budget_minds_memory(job) || amz_job_kind(job) == AMZ_TASK_COMMAND;
}

struct amz_budget amz_budget_of(const struct amz_job *job, uint32_t cores, uint64_t node_bytes, uint32_t rank, uint32_t size)
{
  uint64_t all = (uint64_t)(AMZ_MEMORY_HEADROOM * (double)node_bytes), each = memory_of_each(job), tasks;
  struct amz_budget b = {.cores = cores, .memory_bytes = all / size, .node_bytes = all, .sharers = size};

  if (node_bytes == 0) {
    b.memory_bytes = b.node_bytes = AMZ_ANY_MEMORY;
  } else if (each && size > 1) {
    tasks = all / each;
    b.memory_bytes = (tasks / size + (rank < tasks % size)) * each;
  }
  return b;
}

void amz_budget_layout(const struct amz_job *job, uint32_t cores, uint64_t tasks, struct amz_layout *ret)
{
  struct amz_settings s = *settings_of(job);
  struct amz_task_need least, most;

  if (s.resources.threads_column) {
    amz_job_need_range(job, &least, &most);
    s.plan.threads_per_task = least.threads;
  }
  amz_layout_choose(&s, cores, tasks, ret);
}

/* ---- needs ------------------------------------------------------------------------------------------------------------- */

struct amz_need amz_budget_need(const struct amz_job *job, uint64_t index, uint64_t *ret_same)
{
  const struct amz_settings *s = settings_of(job);
  struct amz_task_need need = amz_job_need(job, index, ret_same);
  uint64_t bytes = s->resources.memory_column ? need.memory_bytes : s->resources.memory_bytes;

  return (struct amz_need){need.threads, s->plan.memory_ignore ? 0 : bytes};
}

uint64_t amz_budget_said(const struct amz_job *job, uint64_t index)
{
  uint64_t same;

  return settings_of(job)->resources.memory_column ? amz_job_need(job, index, &same).memory_bytes : memory_of_each(job);
}

struct amz_need amz_budget_all(const struct amz_job *job, const struct amz_budget *budget)
{
  const struct amz_settings *s = settings_of(job);

  return (struct amz_need){s->resources.threads_column ? budget->cores : 0, s->plan.memory_ignore ? 0 : budget->memory_bytes};
}

static bool fits(const struct amz_need *need, const struct amz_need *all)
{
  return need->cores <= all->cores && need->memory_bytes <= all->memory_bytes;
}

/* The first of the tasks that doesn't fit. */
static bool find_misfit(const struct fit *f, const struct amz_range *tasks, size_t n_tasks, uint64_t *ret_index,
                        struct amz_need *ret)
{
  const struct amz_need all = amz_budget_all(f->job, f->budget);

  for (size_t i = 0; i < n_tasks; i++)
    for (uint64_t done = 0, same; done < tasks[i].count; done += same < tasks[i].count - done ? same : tasks[i].count - done) {
      *ret = amz_budget_need(f->job, tasks[i].first + done, &same);
      if (fits(ret, &all))
        continue;
      *ret_index = tasks[i].first + done;
      return true;
    }
  return false;
}

/* ---- words ------------------------------------------------------------------------------------------------------------- */

static void note(const struct fit *f, const char *text)
{
  if (f->observer && f->observer->note)
    f->observer->note(f->observer->ctx, AMZ_WARNING, text);
}

/* "2.4 GiB are for tasks here (80 % of SLURM_MEM_PER_NODE)" */
static const char *what_there_is(const struct fit *f, char *out, size_t n)
{
  const char *source = *f->words->source ? f->words->source : "our share";
  char bytes[32], of_ranks[32] = "";

  (void)amz_format_bytes(f->budget->node_bytes, bytes, sizeof bytes);
  if (f->budget->sharers > 1)
    (void)snprintf(of_ranks, sizeof of_ranks, "of %u ranks ", f->budget->sharers);
  (void)snprintf(out, n, "%s are for tasks %s%s (%.0f %% of %s)", bytes, of_ranks, f->words->where, 100 * AMZ_MEMORY_HEADROOM,
                 source);
  return out;
}

static int refuse(const struct fit *f, uint64_t index, const struct amz_need *need, struct amz_error *err)
{
  char room[1024], bytes[32];

  if (need->memory_bytes > f->budget->memory_bytes)
    return amz_error_set(err, AMZ_EENV,
                         "task %llu needs %s (resources.memory), and %s: ask for more memory or for fewer ranks a node, or "
                         "take the risk with plan.memory: ignore", (unsigned long long)index,
                         amz_format_bytes(need->memory_bytes, bytes, sizeof bytes), what_there_is(f, room, sizeof room));
  return amz_error_set(err, AMZ_EENV, "task %llu takes %u threads (resources.threads), and %u core%s may be busy %s: ask for "
                                      "more cores, or for fewer ranks "
                       "a node", (unsigned long long)index, need->cores, f->budget->cores, f->budget->cores == 1 ? "" : "s",
                       f->words->where);
}

/* ---- fitting ----------------------------------------------------------------------------------------------------------- */

static int fit_slots(const struct fit *f, uint64_t each, struct amz_layout *layout, struct amz_error *err)
{
  uint64_t most = f->budget->memory_bytes / each;
  char text[1200], room[1024], bytes[32];

  (void)amz_format_bytes(each, bytes, sizeof bytes);
  (void)what_there_is(f, room, sizeof room);
  if (most == 0)
    return amz_error_set(err, AMZ_EENV, "each task needs %s (resources.memory), and %s: ask for more memory, or take the risk "
                                        "with plan.memory: ignore",
                         bytes, room);
  if (most >= layout->slots)
    return AMZ_OK;
  (void)snprintf(text, sizeof text, "%llu slot%s instead of %u: each task needs %s, and %s", (unsigned long long)most,
                 most == 1 ? "" : "s",
                 layout->slots, bytes, room);
  layout->slots = (uint32_t)most;
  note(f, text);
  return AMZ_OK;
}

/* `most`: the largest that any task needs. */
static void tell_risk(const struct fit *f, uint64_t most, const struct amz_layout *layout)
{
  char text[512], wanted[32], there[32];

  if (f->budget->memory_bytes == AMZ_ANY_MEMORY || (double)most * layout->slots <= (double)f->budget->memory_bytes)
    return;
  (void)snprintf(text, sizeof text, "memory is ignored as asked (plan.memory): %u task%s at a time may need %s %s, where %s "
                                    "would be safe; the kernel may end some of them",
                 layout->slots, layout->slots == 1 ? "" : "s", amz_format_bytes(most * layout->slots, wanted, sizeof wanted),
                 f->words->where,
                 amz_format_bytes(f->budget->memory_bytes, there, sizeof there));
  note(f, text);
}

/* Likewise, where nobody says what tasks take, and nobody will look. */
static void tell_unknown_risk(const struct fit *f, const struct amz_layout *layout)
{
  char text[1200], room[1024];

  if (f->budget->memory_bytes == AMZ_ANY_MEMORY || !amz_budget_asks_memory(f->job))
    return;
  (void)snprintf(text, sizeof text, "memory is ignored as asked (plan.memory), and nobody says what tasks take (resources.memory): "
                                    "%s; should %u task%s at a time need more, the kernel may end some of them",
                 what_there_is(f, room, sizeof room), layout->slots, layout->slots == 1 ? "" : "s");
  note(f, text);
}

int amz_budget_fit(const struct amz_job *job, const struct amz_budget *budget, const struct amz_budget_words *words,
                   const struct amz_range *tasks, size_t n_tasks,
                   const struct amz_run_observer *observer, struct amz_layout *layout, struct amz_error *err)
{
  const struct fit f = {job, budget, words, observer};
  struct amz_task_need least = {0, 0}, most = {0, 0};
  uint64_t index, each = memory_of_each(job);
  bool ignore = settings_of(job)->plan.memory_ignore;
  struct amz_need need;
  int rc = AMZ_OK;

  if (amz_job_has_needs(job))
    amz_job_need_range(job, &least, &most);
  if (ignore && amz_budget_minds_memory(job))
    tell_risk(&f, each ? each : most.memory_bytes, layout);
  else if (ignore)
    tell_unknown_risk(&f, layout);
  if (!ignore && each)
    rc = fit_slots(&f, each, layout, err);
  if (!ignore && least.memory_bytes && budget->memory_bytes / least.memory_bytes < layout->slots)
    layout->slots = budget->memory_bytes > least.memory_bytes ? (uint32_t)(budget->memory_bytes / least.memory_bytes) : 1;
  if (rc == AMZ_OK && amz_job_has_needs(job) && find_misfit(&f, tasks, n_tasks, &index, &need))
    rc = refuse(&f, index, &need, err);
  return rc;
}

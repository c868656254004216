/* From a run's store to what history keeps of it. */
#include <amorsize/history.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <amorsize/alloc.h>
#include <amorsize/digest.h>
#include <amorsize/fit.h>
#include <amorsize/rng.h>
#include <amorsize/sampling.h>
#include <amorsize/store.h>

#include "../cache/folder.h"
#include "../store/path.h"

/* observations of the run's own sample, at most: they know their circumstances */
#define FROM_SAMPLE (AMZ_HISTORY_OBSERVATIONS / 2)
#define SAMPLE_MAX ((size_t)64 << 20)
#define MANY 64u /* tasks a slot, from which on a slot's idle time is mostly that between tasks */

/* A task that was read. */
struct seen {
  struct amz_observation o;
  uint32_t rank, slot, epoch;
  uint64_t node; /* digest of its name */
  double start_s;
  bool averaged;
};

struct gathering {
  const struct amz_job *job;
  const struct amz_run_summary *summary;
  struct seen *seen;
  size_t n, most;
};

/* ---- reading the store ---------------------------------------------------------------------------------------------------- */

static double weight_of(const struct amz_job *job, uint64_t index)
{
  uint64_t same;

  return amz_job_is_weighted(job) && index < amz_job_tasks(job) ? amz_job_weight(job, index, &same) : 0;
}

static int take(void *ctx, const struct amz_task_row *row)
{
  struct gathering *g = ctx;
  const char *node = row->node ? row->node : "";
  double wall_s = row->wall_s;

  if (row->outcome == AMZ_SKIPPED || row->outcome == AMZ_CANCELLED || g->n == g->most || !isfinite(wall_s) || wall_s < 0)
    return AMZ_OK;
  g->seen[g->n++] = (struct seen){.rank = row->rank, .slot = row->slot, .epoch = row->epoch, .start_s = row->start_s,
    .node = amz_digest_add(AMZ_DIGEST_EMPTY, node, strlen(node)), .averaged = row->averaged_over > 0,
    .o = {.index = row->index, .weight = weight_of(g->job, row->index), .threads = g->summary->threads ? g->summary->threads : 1,
          .busy = 1,
          .failed = row->outcome != AMZ_SUCCEEDED, .wall_s = wall_s, .cpu_s = row->averaged_over &&
          !(row->cpu_s > 0) ? wall_s : row->cpu_s,
          .rss_bytes = row->max_rss_bytes, .out_bytes = row->output_bytes}};
  return AMZ_OK;
}

/* All tasks, or some that are spread over them. */
static int read_tasks(struct amz_store_reader *reader, uint64_t seed, struct gathering *g, struct amz_error *err)
{
  struct amz_range all = {0, amz_store_reader_tasks(reader)}, *drawn = NULL;
  struct amz_row_query query = {.sort = AMZ_BY_INDEX, .limit = g->most};
  size_t n = 0;
  int rc = AMZ_OK;

  if (all.count <= g->most)
    return amz_store_reader_rows(reader, &query, take, g, err);
  if (amz_sample_draw(&all, 1, g->most, seed, &drawn, &n) < 0)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  query.has_index = true;
  for (size_t i = 0; i < n && rc == AMZ_OK; i++) {
    query.index = drawn[i].first;
    rc = amz_store_reader_rows(reader, &query, take, g, err);
  }
  free(drawn);
  return rc;
}

/* ---- circumstances -------------------------------------------------------------------------------------------------------- */

/* All slots of the ranks that were seen on its node. Which tasks had fewer neighbours, at the end or while others failed, isn't
 * asked: they were not drawn by lot, and would be taken for what tasks cost alone. */
static uint32_t slots_beside(const struct gathering *g, const struct seen *s)
{
  uint32_t ranks = 0, each = g->summary->ranks ? g->summary->slots / g->summary->ranks : g->summary->slots;

  for (size_t i = 0; i < g->n; i++) {
    bool first = g->seen[i].node == s->node && g->seen[i].epoch == s->epoch;

    for (size_t k = 0; first && k < i; k++)
      first = g->seen[k].node != s->node || g->seen[k].epoch != s->epoch || g->seen[k].rank != g->seen[i].rank;
    ranks += first;
  }
  if ((uint64_t)ranks * each > g->summary->this_launch)
    return g->summary->this_launch > 1 ? (uint32_t)g->summary->this_launch : 1;
  return ranks > 0 && each > 0 ? ranks * each : 1;
}

static void count_neighbours(struct gathering *g)
{
  const struct seen *last = NULL; /* mostly, the next one is of the same node */

  for (size_t i = 0; i < g->n; last = &g->seen[i++]) {
    struct seen *s = &g->seen[i];

    s->o.busy = last && last->node == s->node && last->epoch == s->epoch ? last->o.busy : slots_beside(g, s);
  }
}

static int by_slot_and_start(const void *a, const void *b)
{
  const struct seen *x = a, *y = b;

  if (x->epoch != y->epoch)
    return x->epoch < y->epoch ? -1 : 1;
  if (x->rank != y->rank)
    return x->rank < y->rank ? -1 : 1;
  if (x->slot != y->slot)
    return x->slot < y->slot ? -1 : 1;
  return (x->start_s > y->start_s) - (x->start_s < y->start_s);
}

/* With every task at hand: the median between a task's end and its slot's next start. Sorts them. */
static struct amz_quantity gap_between(struct gathering *g)
{
  double *gaps_s = amz_new_array(g->n, sizeof *gaps_s);
  struct amz_quantity q = {.source = AMZ_UNKNOWN};
  size_t n = 0;

  if (!gaps_s)
    return q;
  if (g->n)
    qsort(g->seen, g->n, sizeof *g->seen, by_slot_and_start);
  for (size_t i = 1; i < g->n; i++) {
    const struct seen *a = &g->seen[i - 1], *b = &g->seen[i];
    double gap_s = b->start_s - a->start_s - a->o.wall_s;

    if (a->epoch == b->epoch && a->rank == b->rank && a->slot == b->slot && !a->averaged && !b->averaged && gap_s >= 0)
      gaps_s[n++] = gap_s;
  }
  q = amz_fit_median(gaps_s, n);
  free(gaps_s);
  return q;
}

/* Of very many tasks: what of the slots' time went into none of them. */
static struct amz_quantity idle_share(const struct amz_run_summary *s)
{
  double each = s->this_launch ? s->makespan_s * s->slots * (1 - s->utilisation) / (double)s->this_launch : -1;

  if (s->this_launch / MANY < s->slots || !isfinite(each) || each < 0)
    return (struct amz_quantity){.source = AMZ_UNKNOWN};
  return (struct amz_quantity){.value = each, .low = 0, .high = each, .n = UINT32_MAX, .source = AMZ_MEASURED};
}

/* ---- the run's own sample -------------------------------------------------------------------------------------------------- */

/* Nothing is lost when there is none, or it can't be used. */
static void read_sample(const char *dir, struct amz_sample *ret)
{
  char *path = amz_path_join(dir, "sample.json");
  struct amz_buf text = AMZ_BUF_INIT;

  if (path && amz_folder_read(path, SAMPLE_MAX, &text, NULL) == AMZ_OK)
    (void)amz_sample_parse(amz_buf_text(&text), text.len, NULL, ret);
  amz_buf_clear(&text);
  free(path);
}

static bool has_index(const struct amz_sample *s, size_t n, uint64_t index)
{
  for (size_t i = 0; i < n; i++)
    if (s->seen[i].index == index)
      return true;
  return false;
}

/* The sample's observations, as far as the run has them at all, then the store's. */
static int put_together(const struct gathering *g, const struct amz_sample *sample, uint64_t tasks, struct amz_sample *to)
{
  size_t sampled;

  to->seen = amz_new_array(AMZ_HISTORY_OBSERVATIONS, sizeof *to->seen);
  if (!to->seen)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < sample->n && to->n < FROM_SAMPLE; i++)
    if (sample->seen[i].index < tasks) {
      to->seen[to->n] = sample->seen[i];
      to->seen[to->n].weight = weight_of(g->job, sample->seen[i].index);
      to->n++;
    }
  sampled = to->n;
  for (size_t i = 0; i < g->n && to->n < AMZ_HISTORY_OBSERVATIONS; i++)
    if (!has_index(to, sampled, g->seen[i].o.index))
      to->seen[to->n++] = g->seen[i].o;
  return AMZ_OK;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------- */

static char *copy(const char *text)
{
  return amz_strndup(text ? text : "", text ? strlen(text) : 0);
}

static int fill_outcome(const struct amz_run_summary *s, struct amz_history_outcome *o)
{
  bool planned = s->predicted.makespan_s > 0;
  struct timespec now = {0, 0};

  (void)clock_gettime(CLOCK_REALTIME, &now);
  *o = (struct amz_history_outcome){.policy = copy(s->policy), .version = copy(NULL), .ended_s = now.tv_sec,
    .succeeded = s->succeeded,
    .failed = s->failed, .skipped = s->skipped, .this_launch = s->this_launch, .launches = s->epoch, .ranks = s->ranks,
    .slots = s->slots,
    .threads = s->threads, .predicted_s = s->predicted_s, .predicted_low_s = planned ? s->predicted.low_s : -1,
    .predicted_high_s = planned ? s->predicted.high_s : -1, .makespan_s = s->makespan_s,
    .total_s = s->total_s, .efficiency = s->efficiency, .task_mean_s = s->task_mean_s, .task_max_s = s->task_max_s};
  o->run_dir = realpath(s->run_dir, NULL);
  if (!o->run_dir)
    o->run_dir = copy(s->run_dir);
  return o->policy && o->version && o->run_dir ? AMZ_OK : AMZ_ENOMEM;
}

/* A directory of the same path that was made later is another run. */
static uint64_t id_of_run(const char *dir)
{
  uint64_t id = amz_digest_add(AMZ_DIGEST_EMPTY, dir, strlen(dir));
  char *path = amz_path_join(dir, "job.yaml");
  struct stat st;

  if (path && stat(path, &st) == 0)
    id = amz_mix64(id ^ ((uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec));
  free(path);
  return id;
}

static int read_store(const char *dir, uint64_t run_id, struct gathering *g, struct amz_quantity *ret_gap_s,
                      struct amz_error *err)
{
  struct amz_store_reader *reader = NULL;
  int rc = amz_store_reader_new(dir, err, &reader, NULL);
  bool all;

  if (rc < 0)
    return rc;
  all = amz_store_reader_tasks(reader) <= g->most;
  rc = read_tasks(reader, run_id, g, err);
  amz_store_reader_free(reader);
  if (rc < 0)
    return rc;
  count_neighbours(g);
  *ret_gap_s = all ? gap_between(g) : idle_share(g->summary);
  return AMZ_OK;
}

static int fill_costs(const char *dir, uint64_t run_id, struct gathering *g, struct amz_sample *costs, struct amz_error *err)
{
  const struct amz_run_summary *s = g->summary;
  struct amz_sample sample = {.n = 0};
  char host[256] = "";
  int rc;

  g->seen = amz_new_array(g->most, sizeof *g->seen);
  costs->job = copy(s->job);
  costs->host = copy(gethostname(host, sizeof host - 1) == 0 ? host : "localhost");
  if (!g->seen || !costs->job || !costs->host)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  costs->tasks = s->total;
  costs->slots = s->slots;
  costs->threads = s->threads;
  rc = read_store(dir, run_id, g, &costs->gap_s, err);
  if (rc < 0)
    return rc;
  read_sample(dir, &sample);
  rc = put_together(g, &sample, s->total, costs);
  if (costs->gap_s.source == AMZ_UNKNOWN)
    costs->gap_s = sample.gap_s;
  amz_sample_clear(&sample);
  return rc < 0 ? amz_error_set(err, rc, "out of memory") : AMZ_OK;
}

int amz_history_gather(const struct amz_job *job, const struct amz_run_summary *summary, struct amz_history_run *ret,
                       uint64_t *ret_run_id,
                       struct amz_error *err)
{
  struct gathering g = {.job = job, .summary = summary, .most = AMZ_HISTORY_OBSERVATIONS};
  struct amz_history_run run = {.costs = {.n = 0}};
  uint64_t run_id = 0;
  int rc = fill_outcome(summary, &run.outcome);

  if (rc < 0) {
    (void)amz_error_set(err, rc, "out of memory");
  } else {
    run_id = id_of_run(run.outcome.run_dir);
    rc = fill_costs(run.outcome.run_dir, run_id, &g, &run.costs, err);
  }
  free(g.seen);
  if (rc < 0) {
    amz_history_run_clear(&run);
    return rc;
  }
  *ret = run;
  *ret_run_id = run_id;
  return AMZ_OK;
}

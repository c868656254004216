/* The end of a launch in words: what was done, how well, what failed and how to look at it, where the outputs are, how to
 * go on. */
#include <amorsize/report.h>

#include <stdio.h>
#include <string.h>

#include <amorsize/diag.h>
#include <amorsize/units.h>

#include "words.h"

static const char *text_or(const char *text, const char *otherwise)
{
  return text && *text ? text : otherwise;
}

int amz_report_exit_status(const struct amz_run_summary *s)
{
  if (s->elsewhere)
    return 75;
  switch (s->end) {
  case AMZ_END_DONE: return s->failed ? 1 : 0;
  case AMZ_END_STOP_AFTER: return 1;
  case AMZ_END_STOPPED:
  case AMZ_END_LOST:
  case AMZ_END_RUNNING: break;
  }
  return 75;
}

static void add_command(const char *verb, const char *dir, const char *rest, struct amz_buf *out)
{
  amz_buf_addf(out, "amorsize-mpi %s ", verb);
  amz_report_path(dir, out);
  amz_buf_adds(out, rest);
  amz_buf_addc(out, '\n');
}

static void add_headline(const struct amz_run_summary *s, struct amz_buf *out)
{
  static const char *const ends[] = {[AMZ_END_RUNNING] = "not finished",
                                     [AMZ_END_DONE] = "finished",
                                     [AMZ_END_STOPPED] = "stopped",
                                     [AMZ_END_STOP_AFTER] = "stopped because of too many failures",
                                     [AMZ_END_LOST] = "stopped because no rank could go on"};
  char a[AMZ_WORD], b[AMZ_WORD];
  const char *job = text_or(s->job, "run");

  amz_buf_add_printable(out, job, strlen(job), SIZE_MAX);
  amz_buf_addf(out, ": %s", ends[s->end]);
  if (s->end != AMZ_END_DONE) {
    if (s->reason) {
      amz_buf_adds(out, ", ");
      amz_buf_add_printable(out, s->reason, strlen(s->reason), SIZE_MAX);
    }
    amz_buf_addf(out, ": %s of %s not run", amz_format_count(s->not_run, a, sizeof a), amz_word_tasks(s->total, b));
  } else if (s->failed) {
    amz_buf_addf(out, ": %s of %s failed", amz_format_count(s->failed, a, sizeof a), amz_word_tasks(s->total, b));
  } else {
    amz_buf_adds(out, s->total == 1 ? ": the task succeeded" : ": all tasks succeeded");
  }
  amz_buf_addc(out, '\n');
}

static void add_counts(const struct amz_run_summary *s, struct amz_buf *out)
{
  const struct {
    uint64_t n;
    const char *word;
    bool always;
  } rows[] = {{s->succeeded, "succeeded", true}, {s->skipped, "skipped (done already)", false}, {s->failed, "failed", true},
    {s->not_run, "not run", false}};
  char a[AMZ_WORD];
  const char *between = ": ";

  amz_word_name("tasks", out);
  amz_buf_adds(out, amz_format_count(s->total, a, sizeof a));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].always || rows[i].n) {
      amz_buf_addf(out, "%s%s %s", between, amz_format_count(rows[i].n, a, sizeof a), rows[i].word);
      between = ", ";
    }
  if (s->retried)
    amz_buf_addf(out, "; attempts repeated: %s", amz_format_count(s->retried, a, sizeof a));
  amz_buf_addc(out, '\n');
  if (s->epoch > 1) {
    amz_word_name("this launch", out);
    amz_buf_addf(out, "%s, launch number %u\n", amz_word_tasks(s->this_launch, a), (unsigned)s->epoch);
  }
}

static void add_predictions(const struct amz_run_summary *s, struct amz_buf *out)
{
  const struct amz_prediction without_interval = {s->predicted_s, s->predicted_s, s->predicted_s};

  if (s->predicted_s < 0)
    return;
  amz_word_name("predicted", out);
  amz_word_prediction(s->predicted.makespan_s > 0 ? &s->predicted : &without_interval, out);
  if (s->refined.makespan_s > 0) {
    amz_buf_adds(out, "; after a tenth of the tasks ");
    amz_word_prediction(&s->refined, out);
  }
  amz_buf_addc(out, '\n');
}

static void add_speed(const struct amz_run_summary *s, struct amz_buf *out)
{
  char a[AMZ_WORD], b[AMZ_WORD], c[AMZ_WORD];

  amz_word_name("makespan", out);
  amz_buf_addf(out, "%s (%s before the first task, %s in all)\n", amz_word_seconds(s->makespan_s, a),
               amz_word_seconds(s->launch_s, b), amz_word_seconds(s->total_s, c));
  add_predictions(s, out);
  amz_word_name("slot utilisation", out);
  amz_buf_addf(out, "%.1f %% of %s slot%s", 100 * s->utilisation, amz_format_count(s->slots, a, sizeof a),
               s->slots == 1 ? "" : "s");
  if (s->threads > 1)
    amz_buf_addf(out, " with %u threads each", (unsigned)s->threads);
  amz_buf_addc(out, '\n');
  if (s->given_up_slots) {
    amz_word_name("given up", out);
    amz_buf_addf(out, "rank 0 left up to %s of its slots unused: scheduling kept it busy %.0f %% of the time\n",
                 amz_format_count(s->given_up_slots, a, sizeof a), 100 * s->master_busy);
  }
  amz_word_name("throughput", out);
  amz_buf_addf(out, "%s in %s chunk%s", amz_word_rate(s->throughput, a), amz_format_count(s->chunks, b, sizeof b),
               s->chunks == 1 ? "" : "s");
  if (s->policy)
    amz_buf_addf(out, " (%s)", s->policy);
  amz_buf_addc(out, '\n');
}

/* Nobody tells us why; for want of memory it mostly is. */
static void add_killed(const struct amz_run_summary *s, struct amz_buf *out)
{
  char count[AMZ_WORD];

  if (s->killed == 0)
    return;
  amz_word_name("killed", out);
  amz_buf_addf(out, "%s attempt%s ended by SIGKILL, not by us: so the kernel does when memory runs out. With resources.memory no "
                    "more run at a time than there is memory for\n",
               amz_format_count(s->killed, count, sizeof count), s->killed == 1 ? " was" : "s were");
}

/* Slots, and what starts beside what, were chosen by what the job says. */
static void add_memory(const struct amz_run_summary *s, struct amz_buf *out)
{
  const struct amz_outgrown *o = &s->outgrown;
  char a[AMZ_WORD], b[AMZ_WORD];

  if (s->max_rss_bytes) {
    amz_word_name("largest memory", out);
    amz_buf_addf(out, "%s of a task\n", amz_format_bytes(s->max_rss_bytes, a, sizeof a));
  }
  add_killed(s, out);
  if (o->tasks == 0)
    return;
  amz_word_name("more than said", out);
  amz_buf_addf(out, "%s took more than resources.memory says", amz_word_tasks(o->tasks, a));
  amz_buf_addf(out, ", task %llu %s instead of %s: ", (unsigned long long)o->index, amz_format_bytes(o->bytes, a, sizeof a),
               amz_format_bytes(o->said_bytes, b, sizeof b));
  amz_buf_adds(out, "say more, or a node may run out of memory\n");
}

static void add_tasks(const struct amz_run_summary *s, struct amz_buf *out)
{
  char a[AMZ_WORD], b[AMZ_WORD], c[AMZ_WORD];

  amz_word_name("task time", out);
  amz_buf_addf(out, "mean %s, longest %s", amz_word_seconds(s->task_mean_s, a), amz_word_seconds(s->task_max_s, b));
  if (s->cpu_s > 0) /* of tiny tasks it isn't known */
    amz_buf_addf(out, ", CPU in all %s", amz_word_seconds(s->cpu_s, c));
  amz_buf_addc(out, '\n');
  add_memory(s, out);
  if (s->n_slowest == 0)
    return;
  amz_word_name("slowest tasks", out);
  for (size_t i = 0; i < s->n_slowest && i < AMZ_SLOWEST; i++)
    amz_buf_addf(out, "%s%llu (%s)", i ? ", " : "", (unsigned long long)s->slowest[i].index,
                 amz_word_seconds(s->slowest[i].wall_s, a));
  amz_buf_addc(out, '\n');
}

static void add_results(const struct amz_run_summary *s, struct amz_buf *out)
{
  if (s->reduce != AMZ_REDUCE_NONE) {
    amz_word_name("reduced", out);
    amz_report_reduced(s->reduce, &s->reduced, out);
    amz_buf_addc(out, '\n');
  }
  if (s->results) {
    amz_word_name("results", out);
    amz_report_path(s->results, out);
    amz_buf_addc(out, '\n');
  }
}

/* \return the first failure that says why; NULL: none does. */
static const struct amz_failed_task *first_told(const struct amz_run_summary *s)
{
  for (size_t i = 0; i < s->n_failures && i < AMZ_SLOWEST; i++)
    if (*s->failures[i].error)
      return &s->failures[i];
  return NULL;
}

static void add_failures(const struct amz_run_summary *s, struct amz_buf *out)
{
  const struct amz_failed_task *told = first_told(s);
  char rest[AMZ_WORD + 16];

  if (s->failed == 0)
    return;
  if (s->n_failures) {
    amz_word_name(s->failed == 1 ? "failed task" : "failed tasks", out);
    for (size_t i = 0; i < s->n_failures && i < AMZ_SLOWEST; i++)
      amz_buf_addf(out, "%s%llu", i ? ", " : "", (unsigned long long)s->failures[i].index);
    amz_buf_adds(out, s->failed > s->n_failures ? " …\n" : "\n");
  }
  if (told) {
    amz_word_name("why", out);
    amz_buf_addf(out, "task %llu: ", (unsigned long long)told->index);
    amz_buf_add_printable(out, told->error, strlen(told->error), AMZ_FAILED_ERROR);
    amz_buf_addc(out, '\n');
  }
  if (!s->run_dir)
    return;
  amz_word_name("what failed", out);
  add_command("tasks", s->run_dir, " --failed", out);
  if (s->n_failures && !told) {
    amz_word_name("what it said", out);
    (void)snprintf(rest, sizeof rest, " --task %llu --both", (unsigned long long)s->failures[0].index);
    add_command("output", s->run_dir, rest, out);
  }
}

static void add_ways_on(const struct amz_run_summary *s, struct amz_buf *out)
{
  char a[AMZ_WORD];

  if (!s->run_dir)
    return;
  amz_word_name("outputs", out);
  if (s->this_launch)
    amz_buf_addf(out, "%s in ", amz_format_bytes(s->output_bytes, a, sizeof a));
  amz_report_path(s->run_dir, out);
  amz_buf_addc(out, '\n');
  amz_word_name("read them with", out);
  add_command("output", s->run_dir, "", out);
  if (s->elsewhere) {
    amz_word_name("on other nodes", out);
    amz_buf_addf(out, "outputs of %s\n", amz_word_tasks(s->elsewhere, a));
  }
  if (s->end != AMZ_END_DONE || s->elsewhere) {
    amz_word_name("go on with", out);
    add_command("resume", s->run_dir, "", out);
  } else if (s->failed) {
    amz_word_name("try them again", out);
    add_command("resume", s->run_dir, " --retry-failed", out);
  }
}

void amz_report_summary(const struct amz_run_summary *s, struct amz_buf *out)
{
  add_headline(s, out);
  add_counts(s, out);
  if (s->makespan_s > 0) {
    add_speed(s, out);
    add_tasks(s, out);
  }
  add_results(s, out);
  add_failures(s, out);
  add_ways_on(s, out);
}

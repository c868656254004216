/* The history, seen from a run: what earlier runs of its job have shown, and what it leaves for the next when it has ended. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/history.h>

#include "launch.h"

/* Whether there is an end to remember: all tasks have outcomes, or so many failed that the rest isn't wanted; and something
 * ran. */
static bool has_ended(const struct amz_launch *l, const struct amz_run_summary *s)
{
  return s->total > 0 && s->this_launch > 0 && s->makespan_s > 0 && (s->not_run == 0 || l->result.end == AMZ_END_STOP_AFTER);
}

void amz_launch_ask_history(struct amz_launch *l, bool finds)
{
  struct amz_environment env = amz_environment_of_process();
  struct amz_history *history = NULL;

  if (l->no_history || amz_history_open(&env, NULL, &history) < 0) /* no home, no history: nothing to warn of */
    return;
  amz_history_free(history);
  amz_recall_begin(&l->recall, l->job, finds && amz_job_settings(l->job)->sample.reuse);
}

void amz_launch_recall(struct amz_launch *l)
{
  amz_recall_wait(&l->recall);
  amz_recall_take(&l->recall, l->observer, &l->planner.known);
}

static int set_rest(struct amz_history_run *run, enum amz_source planned_from, struct amz_error *err)
{
  char *version = amz_strndup(PACKAGE_VERSION, strlen(PACKAGE_VERSION));

  if (!version)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  free(run->outcome.version);
  run->outcome.version = version;
  if (run->outcome.predicted_s >= 0)
    run->outcome.predicted_from = planned_from;
  return AMZ_OK;
}

static int add(struct amz_launch *l, const struct amz_run_summary *s, const struct amz_history *history, struct amz_error *err)
{
  struct amz_history_run run = {.costs = {.n = 0}};
  uint64_t run_id = 0;
  int rc = amz_history_gather(l->job, s, &run, &run_id, err);

  amz_recall_wait(&l->recall);
  if (rc == AMZ_OK && (rc = set_rest(&run, l->planner.planned_from, err)) == AMZ_OK && !l->recall.key.text) {
    *err = l->recall.err;
    rc = l->recall.rc < 0 ? l->recall.rc : AMZ_EINVAL;
  }
  if (rc == AMZ_OK)
    rc = amz_history_add(history, &l->recall.key, run_id, &run, err);
  amz_history_run_clear(&run);
  return rc;
}

static void tell(const struct amz_launch *l, const struct amz_error *err)
{
  char text[AMZ_ERROR_TEXT + 128];

  if (!l->observer || !l->observer->note)
    return;
  (void)snprintf(text, sizeof text, "the run isn't kept in the history: %s; --no-history or AMORSIZE_HISTORY_DIR change that",
                 err->text);
  l->observer->note(l->observer->ctx, AMZ_WARNING, text);
}

void amz_launch_remember(struct amz_launch *l, const struct amz_run_summary *s)
{
  struct amz_environment env = amz_environment_of_process();
  struct amz_history *history = NULL;
  struct amz_error err = {.text = ""};
  int rc;

  /* no home, no history: nothing to warn of */
  if (!has_ended(l, s) || !l->recall.asked || amz_history_open(&env, NULL, &history) < 0)
    return;
  amz_lease_release(l->lease); /* the store is closed; what it holds is read from now on as anybody reads it */
  l->lease = NULL;
  rc = add(l, s, history, &err);
  if (rc < 0)
    tell(l, &err);
  amz_history_free(history);
}

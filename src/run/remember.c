/* What a run that has ended leaves for the next: its outcome and its tasks' times, in the history. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/history.h>
#include <amorsize/measure.h>

#include "launch.h"

/* Whether there is an end to remember: all tasks have outcomes, or so many failed that the rest isn't wanted; and something ran. */
static bool has_ended(const struct amz_launch *l, const struct amz_run_summary *s)
{
  return s->total > 0 && s->this_launch > 0 && s->makespan_s > 0 && (s->not_run == 0 || l->result.end == AMZ_END_STOP_AFTER);
}

/* Of the node that we are on. */
static int make_key(const struct amz_job *job, struct amz_history_key *ret, struct amz_error *err)
{
  struct amz_environment env = amz_environment_of_process();
  struct amz_look look = {.env = &env, .quick = true};
  struct amz_node node = {.host = NULL};
  struct amz_diags ignored; /* they are told by whoever plans */
  int rc;

  amz_diags_init(&ignored);
  rc = amz_node_look(&look, &ignored, err, &node);
  amz_diags_clear(&ignored);
  if (rc == AMZ_OK)
    rc = amz_history_key_make(job, &node, &env, ret, err);
  amz_node_clear(&node);
  return rc;
}

static int set_rest(struct amz_history_run *run, struct amz_error *err)
{
  char *version = amz_strndup(PACKAGE_VERSION, strlen(PACKAGE_VERSION));

  if (!version)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  free(run->outcome.version);
  run->outcome.version = version;
  if (run->outcome.predicted_s >= 0)
    run->outcome.predicted_from = AMZ_SAMPLED; /* the only one that runs plan from */
  return AMZ_OK;
}

static int add(const struct amz_launch *l, const struct amz_run_summary *s, const struct amz_history *history, struct amz_error *err)
{
  struct amz_history_run run = {.costs = {.n = 0}};
  struct amz_history_key key = {.text = NULL};
  uint64_t run_id = 0;
  int rc = amz_history_gather(l->job, s, &run, &run_id, err);

  if (rc == AMZ_OK && (rc = set_rest(&run, err)) == AMZ_OK && (rc = make_key(l->job, &key, err)) == AMZ_OK)
    rc = amz_history_add(history, &key, run_id, &run, err);
  amz_history_key_clear(&key);
  amz_history_run_clear(&run);
  return rc;
}

static void tell(const struct amz_launch *l, const struct amz_error *err)
{
  char text[AMZ_ERROR_TEXT + 128];

  if (!l->observer || !l->observer->note)
    return;
  (void)snprintf(text, sizeof text, "the run isn't kept in the history: %s; --no-history or AMORSIZE_HISTORY_DIR change that", err->text);
  l->observer->note(l->observer->ctx, AMZ_WARNING, text);
}

void amz_launch_remember(struct amz_launch *l, const struct amz_run_summary *s)
{
  struct amz_environment env = amz_environment_of_process();
  struct amz_history *history = NULL;
  struct amz_error err = {.text = ""};
  int rc;

  if (!has_ended(l, s) || amz_history_open(&env, NULL, &history) < 0) /* no home, no history: nothing to warn of */
    return;
  amz_lease_release(l->lease); /* the store is closed; what it holds is read from now on as anybody reads it */
  l->lease = NULL;
  rc = add(l, s, history, &err);
  if (rc < 0)
    tell(l, &err);
  amz_history_free(history);
}

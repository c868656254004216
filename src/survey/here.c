/* The node that we are on: alone, or standing for it in a launch. */
#include "survey.h"

#include <stdlib.h>

#include <amorsize/alloc.h>

#include "../measure/costs.h"
#include "../run/clock.h"
#include "reach.h"
#include "survey_private.h"

/* How long somebody who has called `node` waits, less what looking and printing take; and until when of it memory is measured:
 * the more precisely a bandwidth is known the better, but launches take what they take. */
#define DEFAULT_NS INT64_C(4300000000)
#define DEFAULT_MEMORY_NS INT64_C(1900000000)
#define PRECISE_NS INT64_C(57000000000)
#define PRECISE_MEMORY_NS INT64_C(26000000000)

static int64_t now_s(void)
{
  return amz_clock_realtime_ns() / 1000000000;
}

int amz_survey_recall(const struct amz_survey_wish *wish, struct amz_diags *diags, struct amz_node *node,
                      struct amz_profile_source *ret)
{
  struct amz_cache *cache = NULL;
  struct amz_error err = {0};
  int rc = amz_cache_open(wish->look.env, &err, &cache);

  if (rc == AMZ_OK)
    rc = amz_profile_recall(cache, wish->effort, now_s(), node, ret, &err);
  if (rc < 0 && rc != AMZ_ENOENT && rc != AMZ_EENV) /* no folder for it: that is told when something is to be kept */
    amz_diags_add(diags, AMZ_WARNING, "cache", 0, 0, "%s", err.text);
  amz_cache_free(cache);
  return rc;
}

void amz_survey_keep(const struct amz_survey_wish *wish, struct amz_diags *diags, const struct amz_node *node,
                     struct amz_profile_source *source)
{
  struct amz_cache *cache = NULL;
  struct amz_error err = {0};
  int rc = amz_cache_open(wish->look.env, &err, &cache);

  if (rc == AMZ_OK)
    rc = amz_profile_keep(cache, wish->effort, now_s(), node, source->id, &err);
  if (rc == AMZ_OK && amz_profile_busy(node))
    amz_diags_add(diags, AMZ_WARNING, "cache", 0, 0,
                  "other work keeps this node busy: the measurements are kept for an hour only");
  if (rc == AMZ_OK)
    source->origin.cache_id = source->id;
  else
    amz_diags_add(diags, AMZ_WARNING, "cache", 0, 0,
                  "the measurements aren't kept: %s; AMORSIZE_CACHE_DIR names another folder", err.text);
  amz_cache_free(cache);
}

void amz_survey_borrow_launches(const struct amz_survey_wish *wish, struct amz_node *node)
{
  struct amz_buf key = AMZ_BUF_INIT, value = AMZ_BUF_INIT;
  struct amz_cache *cache = NULL;
  struct amz_node kept = {0};
  int64_t made_s;

  if (amz_profile_key(node, wish->effort, &key) == AMZ_OK && amz_cache_open(wish->look.env, NULL, &cache) == AMZ_OK &&
      amz_cache_get(cache, AMZ_PROFILE_KIND, key.data, now_s(), &value, &made_s, NULL) == AMZ_OK &&
      amz_profile_parse(amz_buf_text(&value), value.len, NULL, &kept) == AMZ_OK &&
      kept.costs.launch_base_s.source == AMZ_MEASURED &&
      node->costs.n_launches == 0) {
    node->costs.launch_base_s = kept.costs.launch_base_s;
    node->costs.launch_per_rank_s = kept.costs.launch_per_rank_s;
    node->costs.launches = kept.costs.launches;
    node->costs.n_launches = kept.costs.n_launches;
    kept.costs.launches = NULL;
    kept.costs.n_launches = 0;
  }
  amz_node_clear(&kept);
  amz_cache_free(cache);
  amz_buf_clear(&key);
  amz_buf_clear(&value);
}

/* ---- alone ---------------------------------------------------------------------------------------------------------------- */

/* The wish's observer with an hour glass. */
static struct amz_measure_observer patient(const struct amz_survey_wish *wish, int64_t by_default_ns, int64_t precise_ns)
{
  struct amz_measure_observer o = wish->observer ? *wish->observer : (struct amz_measure_observer){.ctx = NULL};

  o.until_ns = amz_clock_monotonic_ns() + (wish->effort == AMZ_EFFORT_PRECISE ? precise_ns : by_default_ns);
  return o;
}

static int measure(const struct amz_survey_wish *wish, struct amz_node *node, struct amz_profile_source *source,
                   struct amz_error *err)
{
  struct amz_measure_observer memory = patient(wish, DEFAULT_MEMORY_NS, PRECISE_MEMORY_NS),
      all = patient(wish, DEFAULT_NS, PRECISE_NS);
  int rc = amz_measure_memory(node, wish->effort, &memory, err);

  if (rc == AMZ_OK)
    rc = amz_measure_costs(node, wish->effort, &all, err);
  if (rc < 0)
    return rc;
  node->measured_at_s = now_s();
  source->origin = (struct amz_profile_origin){.from = AMZ_PROFILE_MEASURED, .effort = amz_effort_name(wish->effort)};
  return AMZ_OK;
}

static int fill(const struct amz_survey_wish *wish, struct amz_diags *diags, struct amz_node *node,
                struct amz_profile_source *source,
                struct amz_error *err)
{
  bool measured = false;
  int rc;

  if (node->this_machine && !wish->fast && (wish->refresh || amz_survey_recall(wish, diags, node, source) < 0)) {
    if ((rc = measure(wish, node, source, err)) < 0)
      return rc;
    measured = true;
  }
  rc = amz_node_assume(node, err);
  if (rc == AMZ_OK && measured)
    amz_survey_keep(wish, diags, node, source);
  return rc;
}

int amz_survey_here(const struct amz_survey_wish *wish, struct amz_diags *diags, struct amz_error *err, struct amz_node *ret,
                    struct amz_profile_source *ret_source)
{
  struct amz_node node;
  int rc = amz_node_look(&wish->look, diags, err, &node);

  if (rc < 0)
    return rc;
  *ret_source = (struct amz_profile_source){.origin = {.from = AMZ_PROFILE_ASSUMED}};
  rc = fill(wish, diags, &node, ret_source, err);
  if (rc < 0) {
    amz_node_clear(&node);
    return rc;
  }
  *ret = node;
  return AMZ_OK;
}

/* ---- for a launch --------------------------------------------------------------------------------------------------------- */

static int tell_bound(struct amz_node *node)
{
  struct amz_finding *all = amz_new_array(node->n_findings + 1, sizeof *all);
  static const char text[] = "the launcher has bound its ranks: only what they may use together was looked at";
  static const char advice[] = "mpirun --bind-to none, or srun --cpu-bind=none, shows the whole node";
  struct amz_finding f = {.level = AMZ_FINDING_NOTE, .text = amz_strndup(text, sizeof text - 1),
                          .advice = amz_strndup(advice, sizeof advice - 1)};

  if (!all || !f.text || !f.advice) {
    free(all);
    free(f.text);
    free(f.advice);
    return AMZ_ENOMEM;
  }
  for (size_t i = 0; i < node->n_findings; i++)
    all[i] = node->findings[i];
  all[node->n_findings++] = f;
  free(node->findings);
  node->findings = all;
  return AMZ_OK;
}

int amz_survey_look(const struct amz_survey_wish *wish, const struct amz_units *units, struct amz_diags *diags,
                    struct amz_error *err,
                    struct amz_node *ret)
{
  struct amz_node node;
  int rc;

  amz_reach_take(units);
  rc = amz_node_look(&wish->look, diags, err, &node);
  if (rc == AMZ_OK && node.this_machine && amz_reach_is_bound(units) && (rc = tell_bound(&node)) < 0)
    amz_node_clear(&node);
  if (rc < 0)
    return rc == AMZ_ENOMEM ? amz_error_set(err, rc, "out of memory") : rc;
  *ret = node;
  return AMZ_OK;
}

int amz_survey_measure(const struct amz_survey_wish *wish, struct amz_exec *helper, struct amz_node *node, struct amz_error *err)
{
  struct amz_measure_observer memory = patient(wish, DEFAULT_MEMORY_NS, PRECISE_MEMORY_NS),
      all = patient(wish, DEFAULT_NS, PRECISE_NS);
  int rc = amz_measure_memory(node, wish->effort, &memory, err);

  if (rc == AMZ_OK)
    rc = amz_measure_starts(helper, wish->effort, &all, &node->costs, err);
  if (rc == AMZ_OK)
    node->measured_at_s = now_s();
  return rc;
}

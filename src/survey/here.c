/* The node that we are on. */
#include "survey.h"

#include "../measure/costs.h"
#include "../run/clock.h"

static int64_t now_s(void)
{
  return amz_clock_realtime_ns() / 1000000000;
}

static int recall(const struct amz_survey_wish *wish, struct amz_diags *diags, struct amz_node *node, struct amz_profile_source *ret)
{
  struct amz_cache *cache = NULL;
  struct amz_error err = {0};
  int rc = amz_cache_open(wish->look.env, &err, &cache);

  if (rc == AMZ_OK)
    rc = amz_profile_recall(cache, wish->effort, now_s(), node, ret, &err);
  if (rc < 0 && rc != AMZ_ENOENT)
    amz_diags_add(diags, AMZ_WARNING, "cache", 0, 0, "%s", err.text);
  amz_cache_free(cache);
  return rc;
}

/* What can't be kept was measured all the same. */
static void keep(const struct amz_survey_wish *wish, struct amz_diags *diags, const struct amz_node *node, struct amz_profile_source *source)
{
  struct amz_cache *cache = NULL;
  struct amz_error err = {0};
  int rc = amz_cache_open(wish->look.env, &err, &cache);

  if (rc == AMZ_OK)
    rc = amz_profile_keep(cache, wish->effort, now_s(), node, source->id, &err);
  if (rc == AMZ_OK && amz_profile_busy(node))
    amz_diags_add(diags, AMZ_WARNING, "cache", 0, 0, "other work keeps this node busy: the measurements are kept for an hour only");
  if (rc == AMZ_OK)
    source->origin.cache_id = source->id;
  else
    amz_diags_add(diags, AMZ_WARNING, "cache", 0, 0, "the measurements aren't kept: %s", err.text);
  amz_cache_free(cache);
}

static int measure(const struct amz_survey_wish *wish, struct amz_node *node, struct amz_profile_source *source, struct amz_error *err)
{
  int rc = amz_measure_memory(node, wish->effort, wish->observer, err);

  if (rc == AMZ_OK)
    rc = amz_measure_costs(node, wish->effort, wish->observer, err);
  if (rc < 0)
    return rc;
  node->measured_at_s = now_s();
  source->origin = (struct amz_profile_origin){.from = AMZ_PROFILE_MEASURED, .effort = amz_effort_name(wish->effort)};
  return AMZ_OK;
}

static int fill(const struct amz_survey_wish *wish, struct amz_diags *diags, struct amz_node *node, struct amz_profile_source *source,
                struct amz_error *err)
{
  bool measured = false;
  int rc;

  if (node->this_machine && !wish->fast && (wish->refresh || recall(wish, diags, node, source) < 0)) {
    if ((rc = measure(wish, node, source, err)) < 0)
      return rc;
    measured = true;
  }
  rc = amz_node_assume(node, err);
  if (rc == AMZ_OK && measured)
    keep(wish, diags, node, source);
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

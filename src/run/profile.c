/* Profiles of nodes and the cache. What is kept is a whole profile, what is taken back are its measurements only: limits, load
 * and findings are those of now. */
#include "config.h"

#include "profile.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../mpi/version.h"
#include "clock.h"

#define KEY_VERSION 2
#define BUSY 0.7 /* the default threshold of plan.load_aware */

const char *amz_effort_name(enum amz_effort effort)
{
  return effort == AMZ_EFFORT_PRECISE ? "precise" : "default";
}

/* ---- the key ------------------------------------------------------------------------------------------------------------ */

static void add_line(struct amz_buf *out, const char *name, const char *text)
{
  amz_buf_addf(out, "%s ", name);
  if (text)
    amz_buf_add_printable(out, text, strlen(text), 1024);
  amz_buf_addc(out, '\n');
}

int amz_profile_key(const struct amz_node *node, enum amz_effort effort, struct amz_buf *out)
{
  amz_buf_addf(out, "profile %d\n", KEY_VERSION);
  add_line(out, "amorsize-mpi", PACKAGE_VERSION);
  add_line(out, "MPI", amz_mpi_version());
  add_line(out, "kernel", node->kernel);
  (void)amz_node_type(node, out); /* a failure stays in the buffer */
  amz_buf_addf(out, "effort %s\n", amz_effort_name(effort));
  return amz_buf_ok(out);
}

/* ---- taking back and keeping --------------------------------------------------------------------------------------------- */

/* Moves what was measured. */
static void take_measurements(struct amz_node *node, struct amz_node *from)
{
  struct amz_node old = *node;

#define TAKE(member) (node->member = from->member, from->member = old.member)
  TAKE(bandwidth);
  TAKE(n_bandwidth);
  TAKE(bandwidth_method);
  TAKE(stream_one);
  TAKE(stream_all);
  TAKE(saturation_cores);
  TAKE(remote_ratio);
  TAKE(compute_one);
  TAKE(slowdown);
  TAKE(n_slowdown);
  TAKE(latency);
  TAKE(n_latency);
  TAKE(costs);
  TAKE(measured_at_s);
#undef TAKE
}

static int recall_effort(const struct amz_cache *cache, enum amz_effort effort, int64_t now_s, struct amz_node *node,
                         struct amz_profile_source *ret, struct amz_error *err)
{
  struct amz_buf key = AMZ_BUF_INIT, value = AMZ_BUF_INIT;
  struct amz_node kept = {0};
  int64_t made_s = 0;
  int rc = amz_profile_key(node, effort, &key);

  if (rc == AMZ_OK)
    rc = amz_cache_get(cache, AMZ_PROFILE_KIND, key.data, now_s, &value, &made_s, err);
  if (rc == AMZ_OK) {
    rc = amz_profile_parse(amz_buf_text(&value), value.len, NULL, &kept);
    if (rc == AMZ_EINVAL || (rc == AMZ_OK && kept.cores != node->cores)) /* whoever wrote it: it isn't ours */
      rc = AMZ_ENOENT;
  }
  if (rc == AMZ_OK) {
    take_measurements(node, &kept);
    ret->busy = amz_profile_busy(&kept);
    ret->origin = (struct amz_profile_origin){.from = AMZ_PROFILE_CACHED, .age_s = now_s > made_s ? now_s - made_s : 0,
                                              .effort = amz_effort_name(effort), .cache_id = ret->id};
    amz_cache_id(AMZ_PROFILE_KIND, key.data, ret->id);
  }
  amz_node_clear(&kept);
  amz_buf_clear(&key);
  amz_buf_clear(&value);
  return rc == AMZ_ENOMEM ? amz_error_set(err, rc, "out of memory") : rc;
}

int amz_profile_recall(const struct amz_cache *cache, enum amz_effort effort, int64_t now_s, struct amz_node *node,
                       struct amz_profile_source *ret,
                       struct amz_error *err)
{
  int rc = recall_effort(cache, AMZ_EFFORT_PRECISE, now_s, node, ret, err);

  return rc == AMZ_ENOENT && effort != AMZ_EFFORT_PRECISE ? recall_effort(cache, effort, now_s, node, ret, err) : rc;
}

static void add_label(const struct amz_node *node, enum amz_effort effort, struct amz_buf *out)
{
  const char *name = node->cpu_model && *node->cpu_model ? node->cpu_model : node->machine;

  amz_buf_addf(out, "%u of %u core%s, ", node->allowed_cores, node->cores, node->cores == 1 ? "" : "s");
  if (name)
    amz_buf_add_printable(out, name, strlen(name), 200);
  amz_buf_addf(out, " (%s)", amz_effort_name(effort));
}

bool amz_profile_busy(const struct amz_node *node)
{
  return node->load.cpu > BUSY;
}

int amz_profile_keep(const struct amz_cache *cache, enum amz_effort effort, int64_t now_s, const struct amz_node *node,
                     char ret_id[AMZ_CACHE_ID],
                     struct amz_error *err)
{
  struct amz_buf key = AMZ_BUF_INIT, label = AMZ_BUF_INIT, value = AMZ_BUF_INIT;
  int rc = amz_profile_key(node, effort, &key);

  add_label(node, effort, &label);
  if (rc < 0 || (rc = amz_buf_ok(&label)) < 0 || (rc = amz_profile_json(node, NULL, &value)) < 0) {
    rc = amz_error_set(err, rc, "out of memory");
  } else {
    struct amz_cache_entry entry = {.kind = AMZ_PROFILE_KIND, .key = key.data, .label = label.data, .made_s = now_s,
                                    .expires_s = now_s + (amz_profile_busy(node) ? AMZ_PROFILE_BUSY_LIFE_S : AMZ_PROFILE_LIFE_S)};

    rc = amz_cache_put(cache, &entry, value.data, value.len, err);
    amz_cache_id(AMZ_PROFILE_KIND, key.data, ret_id);
  }
  amz_buf_clear(&key);
  amz_buf_clear(&label);
  amz_buf_clear(&value);
  return rc;
}

/* ---- this node, for runs and plans ---------------------------------------------------------------------------------------- */

/* Others' work slows down computing on all cores as a slow clock does, and is gone later: what it did to phi says nothing of a
 * run. */
static void forget_phi(struct amz_node *node)
{
  free(node->slowdown);
  node->slowdown = NULL;
  node->n_slowdown = 0;
}

static void recall_here(const struct amz_environment *env, struct amz_diags *diags, struct amz_node *node,
                        struct amz_profile_source *ret)
{
  struct amz_cache *cache = NULL;
  struct amz_error err = {0};
  int rc = amz_cache_open(env, &err, &cache);

  if (rc == AMZ_OK)
    rc = amz_profile_recall(cache, AMZ_EFFORT_DEFAULT, amz_clock_realtime_ns() / 1000000000, node, ret, &err);
  if (rc == AMZ_OK && ret->busy)
    forget_phi(node);
  if (rc < 0 && rc != AMZ_ENOENT && rc != AMZ_EENV) /* no home, no cache: nothing to warn of */
    amz_diags_add(diags, AMZ_WARNING, "cache", 0, 0, "%s", err.text);
  amz_cache_free(cache);
}

int amz_node_profile(const struct amz_look *look, struct amz_diags *diags, struct amz_error *err, struct amz_node *ret,
                     struct amz_profile_source *ret_source)
{
  struct amz_node node;
  int rc = amz_node_look(look, diags, err, &node);

  if (rc < 0)
    return rc;
  *ret_source = (struct amz_profile_source){.origin = {.from = AMZ_PROFILE_ASSUMED}};
  if (node.this_machine)
    recall_here(look->env, diags, &node, ret_source);
  rc = amz_node_assume(&node, err);
  if (rc < 0) {
    amz_node_clear(&node);
    return rc;
  }
  *ret = node;
  return AMZ_OK;
}

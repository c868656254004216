/* What `node` tells of the nodes of a launch, read back as kinds of nodes for a plan. */
#include <amorsize/profile.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#include "node_json.h"

#define COUNT_MAX 1000000u
#define SPEED_LEAST 0.01 /* a slower node is a broken one */
#define SLOW (1 - AMZ_PROFILE_SLOWER + 1e-9) /* shares are told by 15 digits */

void amz_profile_kinds_clear(struct amz_profile_kinds *kinds)
{
  for (uint32_t i = 0; i < kinds->n; i++)
    amz_node_clear(&kinds->items[i].node);
  kinds->n = 0;
}

double amz_profile_speed(const struct amz_node *node, const struct amz_node *than)
{
  if (node->compute_one.source != AMZ_MEASURED || than->compute_one.source != AMZ_MEASURED || !(than->compute_one.value > 0))
    return 1;
  return fmax(SPEED_LEAST, node->compute_one.value / than->compute_one.value);
}

/* ---- what rows say of nodes ------------------------------------------------------------------------------------------- */

/* Shares of what a node's like do; 1 where it isn't slow. */
struct pace {
  double computing, bandwidth;
};

/* As its number says; where there is none (older files), as "slower_at" does. */
static double share_of(const json_t *row, const char *key, const char *what)
{
  const json_t *number = json_object_get(row, key);
  const char *at = json_string_value(json_object_get(row, "slower_at"));
  double by = json_number_value(json_object_get(row, "slower_by")), share = 1;

  if (json_is_number(number))
    share = json_number_value(number);
  else if (at && strcmp(at, what) == 0)
    share = 1 - by;
  return share > 0 && share <= SLOW ? fmax(SPEED_LEAST, share) : 1;
}

static struct pace pace_of(const json_t *row)
{
  return (struct pace){share_of(row, "computing_of_like", "computing"), share_of(row, "bandwidth_of_like", "bandwidth")};
}

static bool is_slow(const struct pace *p)
{
  return p->computing < 1 || p->bandwidth < 1;
}

/* ---- kinds ------------------------------------------------------------------------------------------------------------ */

static void scale_quantity(struct amz_quantity *q, double by)
{
  q->value *= by;
  q->low *= by;
  q->high *= by;
}

static void scale_bandwidth(struct amz_profile_kind *k, double by)
{
  for (size_t i = 0; i < k->node.n_bandwidth; i++)
    scale_quantity(&k->node.bandwidth[i].value, by);
  scale_quantity(&k->node.stream_one, by);
  scale_quantity(&k->node.stream_all, by);
  k->bandwidth *= by;
}

static int add(struct amz_profile_kinds *kinds, const json_t *profile, uint32_t count, struct amz_error *err)
{
  struct amz_profile_kind *k = &kinds->items[kinds->n];
  int rc;

  if (kinds->n == AMZ_PROFILE_KINDS_MAX)
    return amz_error_set(err, AMZ_EINVAL, "more than %u kinds of nodes", AMZ_PROFILE_KINDS_MAX);
  rc = amz_profile_take(profile, err, &k->node);
  if (rc < 0)
    return rc;
  k->count = count;
  k->speed = k->bandwidth = 1;
  kinds->n++;
  return AMZ_OK;
}

static int name_kind(struct amz_profile_kind *k, const json_t *row, struct amz_error *err)
{
  const char *host = json_string_value(json_object_get(row, "host"));
  char *copy = host && strlen(host) <= AMZ_PROFILE_TEXT_MAX ? amz_strndup(host, strlen(host)) : NULL;

  if (host && !copy && strlen(host) <= AMZ_PROFILE_TEXT_MAX)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  if (copy) {
    free(k->node.host);
    k->node.host = copy;
  }
  return AMZ_OK;
}

/* A slow node beside the one whose profile stands for its type. */
static int add_slow(struct amz_profile_kinds *kinds, const json_t *profile, const json_t *row, const struct pace *pace,
                    struct amz_error *err)
{
  struct amz_profile_kind *k = &kinds->items[kinds->n];
  int rc = add(kinds, profile, 1, err);

  if (rc < 0)
    return rc;
  k->speed = pace->computing;
  scale_bandwidth(k, pace->bandwidth);
  return name_kind(k, row, err);
}

static void join_slow(struct amz_profile_kind *k, const struct pace *pace)
{
  k->count++;
  k->speed = fmin(k->speed, pace->computing);
  if (pace->bandwidth < k->bandwidth)
    scale_bandwidth(k, pace->bandwidth / k->bandwidth);
}

/* A slow node is a kind of its own as long as there is room: the types behind this one need some, too. */
static int add_rows(struct amz_profile_kinds *kinds, const json_t *profile, const json_t *each, size_t of, uint32_t room,
                    uint32_t *ret_slow,
                    struct amz_error *err)
{
  const struct pace shown = pace_of(json_array_get(each, of));
  uint32_t first = kinds->n;
  int rc = AMZ_OK;

  for (size_t i = 0; i < json_array_size(each) && rc == AMZ_OK; i++) {
    const json_t *row = json_array_get(each, i);
    struct pace pace = pace_of(row);

    if (i == of || !is_slow(&pace) || room == 0) /* without room, it is counted among its like */
      continue;
    ++*ret_slow;
    pace.computing /= shown.computing;
    pace.bandwidth /= shown.bandwidth;
    if (kinds->n - first >= room)
      join_slow(&kinds->items[kinds->n - 1], &pace);
    else
      rc = add_slow(kinds, profile, row, &pace, err);
  }
  return rc;
}

/* \return the row whose profile is told; the number of rows when it isn't: it is one that isn't slow then. */
static size_t row_shown(const json_t *type, size_t rows)
{
  const json_t *of = json_object_get(type, "profile_of");
  json_int_t at = json_integer_value(of);

  return json_is_integer(of) && at >= 0 && (uint64_t)at < rows ? (size_t)at : rows;
}

static int add_type(struct amz_profile_kinds *kinds, const json_t *type, uint32_t types_behind, struct amz_error *err)
{
  const json_t *profile = json_object_get(type, "profile"), *each = json_object_get(type, "each");
  size_t all = json_array_size(each);
  uint32_t at = kinds->n, slow = 0, room;
  int rc;

  if (!profile || all == 0 || all > COUNT_MAX)
    return amz_error_set(err, AMZ_EINVAL, "types: each needs a profile and 1 to %u nodes", COUNT_MAX);
  rc = add(kinds, profile, (uint32_t)all, err);
  if (rc < 0)
    return rc;
  room = AMZ_PROFILE_KINDS_MAX - kinds->n;
  room = room > types_behind ? room - types_behind : 0;
  rc = add_rows(kinds, profile, each, row_shown(type, all), room, &slow, err);
  if (rc == AMZ_OK && slow < all)
    kinds->items[at].count -= slow;
  else if (rc == AMZ_OK) /* all of them slower than their like: that can't be, but a file may say it */
    rc = amz_error_set(err, AMZ_EINVAL, "types: all nodes of one are slower than their like");
  return rc;
}

static int add_all(struct amz_profile_kinds *kinds, const json_t *o, struct amz_error *err)
{
  const json_t *types = json_object_get(o, "types");
  size_t n = json_array_size(types);
  int rc = AMZ_OK;

  if (!types)
    return add(kinds, o, 1, err);
  if (n == 0)
    return amz_error_set(err, AMZ_EINVAL, "types: there is no node that was described");
  if (n > AMZ_PROFILE_KINDS_MAX)
    return amz_error_set(err, AMZ_EINVAL, "types: more than %u kinds of nodes", AMZ_PROFILE_KINDS_MAX);
  for (size_t i = 0; i < n && rc == AMZ_OK; i++)
    rc = add_type(kinds, json_array_get(types, i), (uint32_t)(n - 1 - i), err);
  return rc;
}

int amz_profile_parse_kinds(const char *json, size_t n, struct amz_error *err, struct amz_profile_kinds *ret)
{
  json_t *o = amz_profile_load(json, n, err);
  int rc = AMZ_EINVAL;

  ret->n = 0;
  if (o)
    rc = add_all(ret, o, err);
  json_decref(o);
  if (rc < 0)
    amz_profile_kinds_clear(ret);
  return rc;
}

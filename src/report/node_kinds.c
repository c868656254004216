/* What `node` tells of the nodes of a launch, read back as kinds of nodes for a plan. */
#include <amorsize/profile.h>

#include <math.h>
#include <string.h>

#include "node_json.h"

#define COUNT_MAX 1000000u
#define SPEED_LEAST 0.01 /* a slower node is a broken one */

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

static int add(struct amz_profile_kinds *kinds, const json_t *profile, uint32_t count, double speed, struct amz_error *err)
{
  struct amz_profile_kind *k = &kinds->items[kinds->n];
  int rc;

  if (kinds->n == AMZ_PROFILE_KINDS_MAX)
    return amz_error_set(err, AMZ_EINVAL, "more than %u kinds of nodes", AMZ_PROFILE_KINDS_MAX);
  rc = amz_profile_take(profile, err, &k->node);
  if (rc < 0)
    return rc;
  k->count = count;
  k->speed = speed;
  kinds->n++;
  return AMZ_OK;
}

/* \return the speed of a row under "each", relative to its like. */
static double speed_of(const json_t *row)
{
  const char *at = json_string_value(json_object_get(row, "slower_at"));
  double by = json_number_value(json_object_get(row, "slower_by"));

  return at && strcmp(at, "computing") == 0 && by > 0 && by < 1 ? fmax(SPEED_LEAST, 1 - by) : 1;
}

/* A slow node is a kind of its own as long as there is room: the types behind this one need some, too. */
static int add_slow(struct amz_profile_kinds *kinds, const json_t *profile, const json_t *each, uint32_t room, uint32_t *ret_slow, struct amz_error *err)
{
  uint32_t first = kinds->n;
  int rc = AMZ_OK;

  for (size_t i = 0; i < json_array_size(each) && rc == AMZ_OK; i++) {
    double speed = speed_of(json_array_get(each, i));

    if (speed >= 1)
      continue;
    ++*ret_slow;
    if (kinds->n > first && kinds->n - first >= room) {
      struct amz_profile_kind *last = &kinds->items[kinds->n - 1];

      last->count++;
      last->speed = fmin(last->speed, speed);
    } else if (room) {
      rc = add(kinds, profile, 1, speed, err);
    } else {
      --*ret_slow; /* counted among its like */
    }
  }
  return rc;
}

static int add_type(struct amz_profile_kinds *kinds, const json_t *type, uint32_t types_behind, struct amz_error *err)
{
  const json_t *profile = json_object_get(type, "profile"), *each = json_object_get(type, "each");
  size_t all = json_array_size(each);
  uint32_t at = kinds->n, slow = 0, room;
  int rc;

  if (!profile || all == 0 || all > COUNT_MAX)
    return amz_error_set(err, AMZ_EINVAL, "types: each needs a profile and 1 to %u nodes", COUNT_MAX);
  rc = add(kinds, profile, (uint32_t)all, 1, err);
  if (rc < 0)
    return rc;
  room = AMZ_PROFILE_KINDS_MAX - kinds->n;
  room = room > types_behind ? room - types_behind : 0;
  rc = add_slow(kinds, profile, each, room, &slow, err);
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
    return add(kinds, o, 1, 1, err);
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

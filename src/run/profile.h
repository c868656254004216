/* The profile of this node for whoever runs or plans: looked at now, with measurements from the cache where it has them, assumed
 * values elsewhere. Nothing is ever measured here: that is `node`'s business. */
#ifndef AMZ_RUN_PROFILE_H
#define AMZ_RUN_PROFILE_H

#include <amorsize/cache.h>
#include <amorsize/diag.h>
#include <amorsize/measure.h>
#include <amorsize/profile.h>

#define AMZ_PROFILE_KIND "node"
#define AMZ_PROFILE_LIFE_S (INT64_C(7) * 86400)
#define AMZ_PROFILE_BUSY_LIFE_S INT64_C(3600) /* of what was measured while other work kept the node busy */

/* Where a profile's measurements come from, with the text that it points to: not to be copied. */
struct amz_profile_source {
  struct amz_profile_origin origin;
  char id[AMZ_CACHE_ID];
  bool busy; /* from the cache, measured while other work kept the node busy */
};

/* \return "default" or "precise". */
const char *amz_effort_name(enum amz_effort effort);

/* Appends all that measurements depend on: the type of the machine, its topology as far as it is ours, kernel, versions, how much
 * of it we may use, the effort. Nodes with the same key are of one type. \return AMZ_OK; AMZ_ENOMEM. */
int amz_profile_key(const struct amz_node *node, enum amz_effort effort, struct amz_buf *out);

/* Takes measurements for a node that was looked at out of the cache; precise ones serve for any effort.
 * \return AMZ_OK with *ret; AMZ_ENOENT: there are none; AMZ_EIO, AMZ_ENOMEM with *err. */
int amz_profile_recall(const struct amz_cache *cache, enum amz_effort effort, int64_t now_s, struct amz_node *node,
                       struct amz_profile_source *ret,
                       struct amz_error *err);
/* Whether other work had so much of it, when it was looked at, that what was measured then comes out too slow. */
bool amz_profile_busy(const struct amz_node *node);
/* Keeps a measured node's. \return AMZ_OK with its short name in ret_id; AMZ_EIO, AMZ_ENOMEM, AMZ_EINVAL with *err. */
int amz_profile_keep(const struct amz_cache *cache, enum amz_effort effort, int64_t now_s, const struct amz_node *node,
                     char ret_id[AMZ_CACHE_ID],
                     struct amz_error *err);

/* Looks, recalls, assumes the rest: takes well below 0.3 s. A cache that can't be used is a warning in *diags.
 * \return as amz_node_look. Release the node with amz_node_clear. */
int amz_node_profile(const struct amz_look *look, struct amz_diags *diags, struct amz_error *err, struct amz_node *ret,
                     struct amz_profile_source *ret_source);

#endif

/* A node's profile (node.h) as a text for people and as JSON, and back from JSON: what `node` prints, what its cache keeps, what
 * `--node PROFILE` reads. Pure: nothing is printed or read here. */
#ifndef AMORSIZE_PROFILE_H
#define AMORSIZE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>
#include <amorsize/node.h>

/* Where the measured part of a profile comes from; told with it. */
enum amz_profile_from {
  AMZ_PROFILE_ASSUMED,  /* nothing was measured */
  AMZ_PROFILE_MEASURED, /* just now */
  AMZ_PROFILE_CACHED,   /* earlier */
};

struct amz_profile_origin {
  enum amz_profile_from from;
  int64_t age_s;         /* of what was measured */
  const char *cache_id;  /* of the cache's entry; NULL: none */
  const char *effort;    /* "default", "precise"; NULL: nothing was measured */
};

/* Bounds on what is read. */
#define AMZ_PROFILE_BYTES_MAX ((size_t)64 << 20)
#define AMZ_PROFILE_UNITS_MAX (1u << 20)
#define AMZ_PROFILE_ROWS_MAX 65536u
#define AMZ_PROFILE_TEXT_MAX 4096u

/* Appends one JSON object and a newline. Every quantity is {"value", "low", "high", "n", "source"}; what is unknown has the value
 * null. `origin` may be NULL. \return AMZ_OK; AMZ_ENOMEM. */
int amz_profile_json(const struct amz_node *node, const struct amz_profile_origin *origin, struct amz_buf *out);

/* Reads such an object. Keys that aren't known are left alone, those that hold measurements may be missing (unknown then).
 * \return AMZ_OK, release with amz_node_clear; AMZ_EINVAL with *err, which names the key: "bandwidth[2].value.low: expected …";
 * AMZ_ENOMEM. */
int amz_profile_parse(const char *json, size_t n, struct amz_error *err, struct amz_node *ret);

/* What whoever runs or plans is told beside numbers that rest on assumed values: "what this node can do is assumed; …", in one
 * line without its newline. \return static; NULL: the values were measured, and there is nothing to tell. */
const char *amz_profile_hint(enum amz_profile_from from);

/* Nodes of one kind out of a file. */
struct amz_profile_kind {
  struct amz_node node;
  uint32_t count;
  double speed;     /* of its nodes, relative to the profile: below 1 for those that compute slower than their like */
  double bandwidth; /* of their memory, likewise; node's own curve has it in it already */
};

#define AMZ_PROFILE_KINDS_MAX 16u

struct amz_profile_kinds {
  struct amz_profile_kind items[AMZ_PROFILE_KINDS_MAX];
  uint32_t n;
};

/* Reads a profile, or what `node` tells of all nodes of a launch: a kind for each type, and one more, of its own name, for each
 * node of it that is slower than its like, in computing or in memory bandwidth; beyond AMZ_PROFILE_KINDS_MAX kinds, slow ones
 * count as slow as the slowest of the last, and further types are refused.
 * \return as amz_profile_parse; release with amz_profile_kinds_clear. */
int amz_profile_parse_kinds(const char *json, size_t n, struct amz_error *err, struct amz_profile_kinds *ret);
void amz_profile_kinds_clear(struct amz_profile_kinds *kinds);

/* How fast a core of `node` computes, relative to one of `than`: 1 unless it was measured on both. φ of many busy cores isn't in
 * it. */
double amz_profile_speed(const struct amz_node *node, const struct amz_node *than);

/* Appends the lines that a person reads. `origin` may be NULL. */
void amz_profile_text(const struct amz_node *node, const struct amz_profile_origin *origin, struct amz_buf *out);

/* ---- nodes of one launch ------------------------------------------------------------------------------------------------- */

struct amz_profile_host {
  const char *host;
  const char *failure;          /* why there is no profile; NULL: there is, and: */
  const char *type;             /* nodes with the same text are of one type */
  const struct amz_node *node;
  const struct amz_profile_origin *origin;
};

/* A node that differs from its like by more than this is named. */
#define AMZ_PROFILE_SLOWER 0.10

/* What a node is slower at than the others of its type (their median). */
struct amz_profile_slow {
  const char *what;   /* "bandwidth", "computing" */
  double value, like; /* its own, the others' */
  double by;          /* share: 0.25 when it does three quarters of what the others do */
};

/* Whether a node is 10 % slower than its like, in measured bandwidth or in computing, both at all cores: the worse of the two.
 * \return whether it is, with *ret. */
bool amz_profile_is_slow(const struct amz_profile_host *hosts, size_t n, size_t i, struct amz_profile_slow *ret);

/* \return whether the node's profile stands for its type: the first that isn't slow; of those that are all slow, at this or that,
 * the first. */
bool amz_profile_stands(const struct amz_profile_host *hosts, size_t n, size_t i);

/* \return whether there is a profile that differs from those before it: it is the first of its type, or slower than its like. */
bool amz_profile_differs(const struct amz_profile_host *hosts, size_t n, size_t i);

/* Nodes by type: the profile that stands for each type, what its nodes do, which are slow. As JSON: {"nodes", "types": [{"each",
 * "profile_of", "profile"}], "failed"}; "profile_of" is a position in "each". \return AMZ_OK; AMZ_ENOMEM. */
void amz_profile_types_text(const struct amz_profile_host *hosts, size_t n, struct amz_buf *out);
int amz_profile_types_json(const struct amz_profile_host *hosts, size_t n, struct amz_buf *out);

#endif

/* Reductions of tasks' results that come out the same, bit for bit, however the tasks were shared out.
 *
 * Adding doubles in another sequence gives other bits, so the sequence is fixed: a binary tree over the task indexes, in which
 * node (level, k) stands for the indexes k·2^level .. (k+1)·2^level - 1 and is its left child combined with its right one. A task
 * without a value (it failed, or hasn't run) leaves its leaf out: a node with one child is that child. The result depends on
 * which tasks have values, and on nothing else.
 *
 * Whoever runs a range of indexes computes the few nodes (at most 2 per level) that make it up; these partials travel with the
 * range's bulk (message.h), are kept with its row (store.h), and are folded at last in the order of the indexes. Pairwise
 * summation also keeps the rounding error at O(log n) instead of O(n) (Higham, Accuracy and Stability of Numerical Algorithms,
 * 4.2).
 *
 * Rules. Sums of integers are exact (128 bits inside). min and max: a NaN makes the result NaN, as IEEE 754-2019's minimum and
 * maximum say, and -0 is below +0. A NaN that comes out is always the same one (quiet, positive, no payload). Vectors are reduced
 * element by element. */
#ifndef AMORSIZE_REDUCE_H
#define AMORSIZE_REDUCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>

enum amz_reduce { AMZ_REDUCE_NONE, AMZ_REDUCE_SUM, AMZ_REDUCE_MIN, AMZ_REDUCE_MAX, AMZ_REDUCE_MEAN, AMZ_REDUCE_COUNT };

/* What a task's result is: `width` of these, one behind the other. */
enum amz_value { AMZ_VALUE_BYTES, AMZ_VALUE_F64, AMZ_VALUE_I64, AMZ_VALUE_U64 };

struct amz_reduce_kind {
  enum amz_reduce op;
  enum amz_value type;
  uint32_t width; /* values per task, 1 .. AMZ_REDUCE_WIDTH_MAX; of no matter for COUNT */
};
#define AMZ_REDUCE_WIDTH_MAX 8192u

/* \return AMZ_OK; AMZ_EINVAL with *err: these values can't be reduced so (bytes only be counted). */
int amz_reduce_check(const struct amz_reduce_kind *kind, struct amz_error *err);

/* ---- computing -------------------------------------------------------------------------------------------------------- */

/* A growing part of the tree. One thread at a time. */
struct amz_reducer;

/* \return AMZ_OK; AMZ_EINVAL: as amz_reduce_check; AMZ_ENOMEM. Release with amz_reducer_free (accepts NULL). */
int amz_reducer_new(const struct amz_reduce_kind *kind, struct amz_reducer **ret);
void amz_reducer_free(struct amz_reducer *r);
/* Forgets everything; what is added next begins at task index `first`. A new one begins at 0. */
void amz_reducer_begin(struct amz_reducer *r, uint64_t first);
/* Adds the results of the next `count` indexes: count · width values of the type (any alignment; not looked at for COUNT). About
 * one operation per value, nothing allocated. */
void amz_reducer_add(struct amz_reducer *r, const void *values, uint64_t count);
/* Appends the partials of what was added since begin, and begins again behind it. \return AMZ_OK; AMZ_ENOMEM. */
int amz_reducer_put(struct amz_reducer *r, struct amz_buf *out) AMZ_MUST_CHECK;

/* \return nodes that put would append now; whether one more task makes it one more. */
size_t amz_reducer_nodes(const struct amz_reducer *r);
bool amz_reducer_grows(const struct amz_reducer *r);
#define AMZ_REDUCE_NODES_MAX 128u /* of one run of indexes */

/* ---- partials --------------------------------------------------------------------------------------------------------- */

/* Partials are a list of nodes by ascending index; two lists of which the second begins where the first ends are, one behind the
 * other, a list again. Each node, little-endian: level u8, k u64, tasks with a value u64, then per value 8 bytes (sums and means
 * of integers: 16). */

/* \return bytes of a node. */
size_t amz_reduce_node_bytes(const struct amz_reduce_kind *kind);
/* \return how many of the bytes are the nodes of exactly the indexes first .. first+count-1, all with values; 0: the list doesn't
 * begin with such nodes. */
size_t amz_reduce_split(const struct amz_reduce_kind *kind, const void *partials, size_t bytes, uint64_t first, uint64_t count);
/* Adds partials that begin where we are; adjoining nodes grow together. \return AMZ_OK; AMZ_ECORRUPT: they don't, or are none. */
int amz_reducer_join(struct amz_reducer *r, const void *partials, size_t bytes) AMZ_MUST_CHECK;
/* The last step: takes partials in the order of their indexes, with gaps where tasks have no value, and needs memory for one node
 * per level. Not to be mixed with add, join and put. \return AMZ_OK; AMZ_ECORRUPT: not ascending, or none. */
int amz_reducer_fold(struct amz_reducer *r, const void *partials, size_t bytes) AMZ_MUST_CHECK;

struct amz_reduced_value {
  /* F64, I64 or U64: as the results, but F64 for means, and for a sum of integers that needs more than 64 bits */
  enum amz_value type;
  union {
    double f64;
    int64_t i64;
    uint64_t u64;
  };
};

struct amz_reduced {
  uint64_t tasks; /* that have a value */
  size_t n_values;
  /* `width` of them, one for COUNT; none (NULL) when no task has a value, but COUNT has its 0 */
  struct amz_reduced_value *values;
};

/* What was folded. \return AMZ_OK with *ret, to be released with amz_reduced_clear; AMZ_ENOMEM. The reducer may go on. */
int amz_reducer_result(const struct amz_reducer *r, struct amz_reduced *ret);
void amz_reduced_clear(struct amz_reduced *v); /* accepts a zeroed one */

#endif

/* The arithmetic of reductions: what a node keeps of its values, and how two become one. Room-private. */
#ifndef AMZ_SRC_REDUCE_VALUES_H
#define AMZ_SRC_REDUCE_VALUES_H

#include <stdbool.h>

#include <amorsize/reduce.h>

/* So many leaves are taken at once where they make up a node. */
#define AMZ_BLOCK_LEVEL 6u
#define AMZ_BLOCK (UINT64_C(1) << AMZ_BLOCK_LEVEL)

/* States are arrays of `width` elements, aligned for 8; values come as they are, at any alignment. */
struct amz_values {
  size_t state_bytes; /* per value */
  void (*leaf)(void *state, const void *values, uint32_t width);
  void (*block)(void *state, const void *values, uint32_t width); /* of AMZ_BLOCK tasks' results, in the tree's order */
  void (*combine)(void *left, const void *right, uint32_t width); /* left := left ∘ right */
  void (*put)(struct amz_buf *out, const void *state, uint32_t width);
  void (*get)(struct amz_cursor *c, void *state, uint32_t width);
};

/* \return the arithmetic of a kind that amz_reduce_check accepts. */
const struct amz_values *amz_values_of(const struct amz_reduce_kind *kind);
/* The numbers that a state stands for, over `tasks` >= 1 tasks. */
void amz_values_tell(const struct amz_reduce_kind *kind, const void *state, uint64_t tasks, struct amz_reduced_value *ret);

#endif

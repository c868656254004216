/* Sums, minima and maxima of doubles and integers.
 *
 * Only the sum of doubles depends on the sequence, and only it keeps to the tree inside a block. The other operations give the
 * same in any sequence: integers are summed in 128 bits, and min and max of doubles are those of an order that is total but for
 * NaN, which wins. */
#include "values.h"

#include <math.h>
#include <string.h>

#define N ((size_t)AMZ_BLOCK)

/* ---- one value at a time ---------------------------------------------------------------------------------------------- */

static inline double add_f64(double a, double b)
{
  return a + b;
}

static inline double min_f64(double a, double b)
{
  if (isnan(a) || isnan(b))
    return NAN;
  if (a == b) /* zeros of both signs are equal */
    return signbit(a) ? a : b;
  return a < b ? a : b;
}

static inline double max_f64(double a, double b)
{
  if (isnan(a) || isnan(b))
    return NAN;
  if (a == b)
    return signbit(a) ? b : a;
  return a > b ? a : b;
}

static inline int64_t min_i64(int64_t a, int64_t b)
{
  return a < b ? a : b;
}

static inline int64_t max_i64(int64_t a, int64_t b)
{
  return a > b ? a : b;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

/* ---- states of eight bytes -------------------------------------------------------------------------------------------- */

static void leaf_8(void *state, const void *values, uint32_t width)
{
  memcpy(state, values, (size_t)8 * width);
}

static void put_8(struct amz_buf *out, const void *state, uint32_t width)
{
  for (uint32_t i = 0; i < width; i++) {
    uint64_t bits;

    memcpy(&bits, (const unsigned char *)state + (size_t)8 * i, 8);
    amz_buf_add_u64(out, bits);
  }
}

static void get_8(struct amz_cursor *c, void *state, uint32_t width)
{
  for (uint32_t i = 0; i < width; i++) {
    uint64_t bits = amz_cursor_u64(c);

    memcpy((unsigned char *)state + (size_t)8 * i, &bits, 8);
  }
}

/* The values of one element of a block's tasks. */
static inline void gather(void *into, const void *values, uint32_t width, uint32_t element)
{
  const unsigned char *from = (const unsigned char *)values + (size_t)8 * element;

  if (width == 1)
    memcpy(into, from, N * 8);
  else
    for (size_t i = 0; i < N; i++)
      memcpy((unsigned char *)into + i * 8, from + i * 8 * width, 8);
}

/* Halves the block level by level, which is the tree's sequence. */
#define DEFINE_OPERATION(name, type, two)                                                   \
  static void block_##name(void *state, const void *values, uint32_t width)                 \
  {                                                                                         \
    type *into = state, v[N];                                                               \
                                                                                            \
    for (uint32_t e = 0; e < width; e++) {                                                  \
      gather(v, values, width, e);                                                          \
      for (size_t n = N / 2; n > 0; n /= 2)                                                 \
        for (size_t i = 0; i < n; i++)                                                      \
          v[i] = two(v[2 * i], v[2 * i + 1]);                                               \
      into[e] = v[0];                                                                       \
    }                                                                                       \
  }                                                                                         \
                                                                                            \
  static void combine_##name(void *left, const void *right, uint32_t width)                 \
  {                                                                                         \
    const type *b = right;                                                                  \
    type *a = left;                                                                         \
                                                                                            \
    for (uint32_t i = 0; i < width; i++)                                                    \
      a[i] = two(a[i], b[i]);                                                               \
  }

DEFINE_OPERATION(sum_f64, double, add_f64)
DEFINE_OPERATION(min_f64, double, min_f64)
DEFINE_OPERATION(max_f64, double, max_f64)
DEFINE_OPERATION(min_i64, int64_t, min_i64)
DEFINE_OPERATION(max_i64, int64_t, max_i64)
DEFINE_OPERATION(min_u64, uint64_t, min_u64)
DEFINE_OPERATION(max_u64, uint64_t, max_u64)

/* ---- sums of integers: two's complement of 128 bits ------------------------------------------------------------------- */

struct wide {
  uint64_t low, high;
};

static inline void add_wide(struct wide *a, struct wide b)
{
  a->low += b.low;
  a->high += b.high + (a->low < b.low);
}

static inline struct wide widen(uint64_t bits, bool is_signed)
{
  return (struct wide){bits, is_signed && bits >> 63 ? UINT64_MAX : 0};
}

static inline void sum_tasks(void *state, const void *values, uint32_t width, size_t tasks, bool is_signed)
{
  struct wide *into = state;

  for (uint32_t e = 0; e < width; e++)
    into[e] = (struct wide){0, 0};
  for (size_t i = 0; i < tasks * width; i++) {
    uint64_t bits;

    memcpy(&bits, (const unsigned char *)values + i * 8, 8);
    add_wide(&into[i % width], widen(bits, is_signed));
  }
}

static void leaf_i64(void *state, const void *values, uint32_t width)
{
  sum_tasks(state, values, width, 1, true);
}

static void leaf_u64(void *state, const void *values, uint32_t width)
{
  sum_tasks(state, values, width, 1, false);
}

static void block_sum_i64(void *state, const void *values, uint32_t width)
{
  sum_tasks(state, values, width, N, true);
}

static void block_sum_u64(void *state, const void *values, uint32_t width)
{
  sum_tasks(state, values, width, N, false);
}

static void combine_wide(void *left, const void *right, uint32_t width)
{
  const struct wide *b = right;
  struct wide *a = left;

  for (uint32_t i = 0; i < width; i++)
    add_wide(&a[i], b[i]);
}

static void put_wide(struct amz_buf *out, const void *state, uint32_t width)
{
  put_8(out, state, 2 * width);
}

static void get_wide(struct amz_cursor *c, void *state, uint32_t width)
{
  get_8(c, state, 2 * width);
}

/* ---- counting --------------------------------------------------------------------------------------------------------- */

static void leaf_nothing(void *state, const void *values, uint32_t width)
{
  (void)state, (void)values, (void)width;
}

static void put_nothing(struct amz_buf *out, const void *state, uint32_t width)
{
  (void)out, (void)state, (void)width;
}

static void get_nothing(struct amz_cursor *c, void *state, uint32_t width)
{
  (void)c, (void)state, (void)width;
}

/* ---- the table -------------------------------------------------------------------------------------------------------- */

static const struct amz_values counted = {0, leaf_nothing, leaf_nothing, leaf_nothing, put_nothing, get_nothing};
static const struct amz_values sums[] = {
  [AMZ_VALUE_F64] = {8, leaf_8, block_sum_f64, combine_sum_f64, put_8, get_8},
  [AMZ_VALUE_I64] = {16, leaf_i64, block_sum_i64, combine_wide, put_wide, get_wide},
  [AMZ_VALUE_U64] = {16, leaf_u64, block_sum_u64, combine_wide, put_wide, get_wide},
};
static const struct amz_values minima[] = {
  [AMZ_VALUE_F64] = {8, leaf_8, block_min_f64, combine_min_f64, put_8, get_8},
  [AMZ_VALUE_I64] = {8, leaf_8, block_min_i64, combine_min_i64, put_8, get_8},
  [AMZ_VALUE_U64] = {8, leaf_8, block_min_u64, combine_min_u64, put_8, get_8},
};
static const struct amz_values maxima[] = {
  [AMZ_VALUE_F64] = {8, leaf_8, block_max_f64, combine_max_f64, put_8, get_8},
  [AMZ_VALUE_I64] = {8, leaf_8, block_max_i64, combine_max_i64, put_8, get_8},
  [AMZ_VALUE_U64] = {8, leaf_8, block_max_u64, combine_max_u64, put_8, get_8},
};
static const struct amz_values *const by_op[] = {
  [AMZ_REDUCE_SUM] = sums, [AMZ_REDUCE_MEAN] = sums, [AMZ_REDUCE_MIN] = minima, [AMZ_REDUCE_MAX] = maxima,
};

const struct amz_values *amz_values_of(const struct amz_reduce_kind *kind)
{
  return kind->op == AMZ_REDUCE_COUNT ? &counted : &by_op[kind->op][kind->type];
}

/* ---- what comes out --------------------------------------------------------------------------------------------------- */

static double to_f64(struct wide w, bool is_signed)
{
  bool negative = is_signed && w.high >> 63;
  double magnitude;

  if (negative) { /* -x = ~x + 1 */
    w = (struct wide){~w.low, ~w.high};
    add_wide(&w, (struct wide){1, 0});
  }
  magnitude = (double)w.high * 0x1p64 + (double)w.low;
  return negative ? -magnitude : magnitude;
}

static struct amz_reduced_value tell_wide(struct wide w, enum amz_value type)
{
  int64_t value;

  if (type == AMZ_VALUE_U64 && w.high == 0)
    return (struct amz_reduced_value){.type = type, .u64 = w.low};
  if (type == AMZ_VALUE_I64 && w.high == (w.low >> 63 ? UINT64_MAX : 0)) {
    memcpy(&value, &w.low, sizeof value);
    return (struct amz_reduced_value){.type = type, .i64 = value};
  }
  return (struct amz_reduced_value){.type = AMZ_VALUE_F64, .f64 = to_f64(w, type == AMZ_VALUE_I64)};
}

static struct amz_reduced_value tell_f64(double value)
{
  return (struct amz_reduced_value){.type = AMZ_VALUE_F64, .f64 = isnan(value) ? NAN : value};
}

static struct amz_reduced_value tell_8(const unsigned char *bytes, enum amz_value type)
{
  struct amz_reduced_value v = {.type = type};

  memcpy(&v.u64, bytes, sizeof v.u64); /* all three are eight bytes at one place */
  return type == AMZ_VALUE_F64 ? tell_f64(v.f64) : v;
}

static struct amz_reduced_value tell_mean(const struct amz_reduce_kind *kind, const void *state, uint32_t i, double tasks)
{
  if (kind->type == AMZ_VALUE_F64)
    return tell_f64(((const double *)state)[i] / tasks);
  return tell_f64(to_f64(((const struct wide *)state)[i], kind->type == AMZ_VALUE_I64) / tasks);
}

void amz_values_tell(const struct amz_reduce_kind *kind, const void *state, uint64_t tasks, struct amz_reduced_value *ret)
{
  bool wide = amz_values_of(kind)->state_bytes == sizeof(struct wide);

  for (uint32_t i = 0; i < kind->width; i++)
    if (kind->op == AMZ_REDUCE_MEAN)
      ret[i] = tell_mean(kind, state, i, (double)tasks);
    else if (wide)
      ret[i] = tell_wide(((const struct wide *)state)[i], kind->type);
    else
      ret[i] = tell_8((const unsigned char *)state + (size_t)8 * i, kind->type);
}

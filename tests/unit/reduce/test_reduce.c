/* Reductions: against the definition of the tree, written down as the recursion that it is, for every way to share tasks out. */
#include <amorsize/reduce.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/rng.h>

#include "../../support/tap.h"

#define TASKS_MAX 700
#define WIDTH_MAX 3

/* ---- the definition --------------------------------------------------------------------------------------------------- */

struct sample {
  struct amz_reduce_kind kind;
  uint64_t base;  /* the first task's index */
  uint64_t tasks;
  bool has[TASKS_MAX]; /* a value */
  double f64[TASKS_MAX * WIDTH_MAX];
  int64_t i64[TASKS_MAX * WIDTH_MAX];
};

static double two_f64(enum amz_reduce op, double a, double b)
{
  if (op == AMZ_REDUCE_SUM || op == AMZ_REDUCE_MEAN)
    return a + b;
  if (isnan(a) || isnan(b))
    return NAN;
  if (a == 0 && b == 0)
    return (op == AMZ_REDUCE_MIN) == (signbit(a) != 0) ? a : b;
  return (op == AMZ_REDUCE_MIN) == (a < b) ? a : b;
}

/* \return whether the node has a value, *ret. */
static bool node(const struct sample *s, uint32_t element, unsigned level, uint64_t k, double *ret)
{
  double left, right;
  bool has_left, has_right;
  uint64_t first = k << level;

  if (first >= s->base + s->tasks || (k + 1) << level <= s->base)
    return false;
  if (level == 0) {
    *ret = s->f64[(first - s->base) * s->kind.width + element];
    return s->has[first - s->base];
  }
  has_left = node(s, element, level - 1, 2 * k, &left);
  has_right = node(s, element, level - 1, 2 * k + 1, &right);
  if (has_left && has_right)
    *ret = two_f64(s->kind.op, left, right);
  else if (has_left || has_right)
    *ret = has_left ? left : right;
  return has_left || has_right;
}

/* Integers in the plainest way; the samples stay far below 64 bits. */
static int64_t plain_i64(const struct sample *s, uint32_t element)
{
  int64_t result = 0;
  bool any = false;

  for (uint64_t i = 0; i < s->tasks; i++) {
    int64_t v = s->i64[i * s->kind.width + element];

    if (!s->has[i])
      continue;
    if (!any)
      result = v;
    else if (s->kind.op == AMZ_REDUCE_MIN)
      result = v < result ? v : result;
    else if (s->kind.op == AMZ_REDUCE_MAX)
      result = v > result ? v : result;
    else
      result += v;
    any = true;
  }
  return result;
}

static uint64_t count_of(const struct sample *s)
{
  uint64_t n = 0;

  for (uint64_t i = 0; i < s->tasks; i++)
    n += s->has[i];
  return n;
}

/* ---- samples and ways to share them out ------------------------------------------------------------------------------- */

static void draw(struct amz_rng *rng, struct sample *s)
{
  static const enum amz_value types[] = {AMZ_VALUE_F64, AMZ_VALUE_F64, AMZ_VALUE_I64};

  s->kind.op = (enum amz_reduce)(AMZ_REDUCE_SUM + amz_rng_below(rng, 5));
  s->kind.type = types[amz_rng_below(rng, 3)];
  s->kind.width = 1 + (uint32_t)amz_rng_below(rng, WIDTH_MAX);
  s->tasks = 1 + amz_rng_below(rng, amz_rng_below(rng, 2) ? TASKS_MAX : 20);
  s->base = amz_rng_below(rng, 3) ? amz_rng_below(rng, 300) : (UINT64_C(1) << 62) - 5;
  for (uint64_t i = 0; i < s->tasks; i++)
    s->has[i] = amz_rng_below(rng, 10) > 0;
  for (uint64_t i = 0; i < s->tasks * s->kind.width; i++) {
    s->f64[i] = ldexp(amz_rng_uniform(rng) - 0.5, (int)amz_rng_below(rng, 60)); /* sums that depend on their sequence */
    s->i64[i] = (int64_t)amz_rng_below(rng, 2001) - 1000;
  }
}

static const void *values_at(const struct sample *s, uint64_t task)
{
  return s->kind.type == AMZ_VALUE_F64 ? (const void *)&s->f64[task * s->kind.width] : (const void *)&s->i64[task *
      s->kind.width];
}

/* The partials of [from, until), all with values, added in pieces. */
static void part(struct amz_rng *rng, const struct sample *s, uint64_t from, uint64_t until, struct amz_buf *out)
{
  struct amz_reducer *r = NULL;

  CU_ASSERT_EQUAL_FATAL(amz_reducer_new(&s->kind, &r), AMZ_OK);
  amz_reducer_begin(r, s->base + from);
  for (uint64_t n; from < until; from += n) {
    n = 1 + amz_rng_below(rng, until - from);
    amz_reducer_add(r, values_at(s, from), n);
    if (amz_rng_below(rng, 4) == 0)
      CU_ASSERT_EQUAL(amz_reducer_put(r, out), AMZ_OK); /* two lists behind one another are a list */
  }
  CU_ASSERT_EQUAL(amz_reducer_put(r, out), AMZ_OK);
  amz_reducer_free(r);
}

/* Lists of [from, until), computed apart and then grown together, if `joined`. */
static void parts(struct amz_rng *rng, const struct sample *s, uint64_t from, uint64_t until, bool joined, struct amz_buf *out)
{
  struct amz_buf lists = AMZ_BUF_INIT;
  struct amz_reducer *r = NULL;
  uint64_t first = from;

  for (uint64_t n; from < until; from += n) {
    n = 1 + amz_rng_below(rng, until - from);
    part(rng, s, from, from + n, &lists);
  }
  ASSERT_U64(amz_reduce_split(&s->kind, lists.data, lists.len, s->base + first, until - first), lists.len);
  if (joined) {
    CU_ASSERT_EQUAL_FATAL(amz_reducer_new(&s->kind, &r), AMZ_OK);
    amz_reducer_begin(r, s->base + first);
    ASSERT_I64(amz_reducer_join(r, lists.data, lists.len), AMZ_OK);
    amz_buf_reset(&lists);
    ASSERT_I64(amz_reducer_put(r, &lists), AMZ_OK);
    ASSERT_U64(amz_reduce_split(&s->kind, lists.data, lists.len, s->base + first, until - first), lists.len);
    amz_reducer_free(r);
  }
  amz_buf_add(out, lists.data, lists.len);
  amz_buf_clear(&lists);
}

/* All stretches of tasks with values, in the order of the indexes. */
static void share_out(struct amz_rng *rng, const struct sample *s, struct amz_buf *out)
{
  for (uint64_t from = 0, until; from < s->tasks; from = until) {
    for (until = from; until < s->tasks && s->has[until]; until++)
      ;
    if (until > from)
      parts(rng, s, from, until, amz_rng_below(rng, 2), out);
    else
      until++;
  }
}

static uint64_t bits_of(double x)
{
  uint64_t bits;

  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static void check_element(const struct sample *s, const struct amz_reduced_value *v, uint32_t e)
{
  double expected = 0, tasks = (double)count_of(s);

  if (s->kind.type == AMZ_VALUE_I64) {
    if (s->kind.op == AMZ_REDUCE_MEAN)
      ASSERT_U64(bits_of(v->f64), bits_of((double)plain_i64(s, e) / tasks));
    else
      ASSERT_I64(v->i64, plain_i64(s, e));
    return;
  }
  CU_ASSERT_TRUE(node(s, e, 63, 0, &expected));
  ASSERT_U64(bits_of(v->f64), bits_of(s->kind.op == AMZ_REDUCE_MEAN ? expected / tasks : expected));
}

static void check(const struct sample *s, const struct amz_buf *partials)
{
  struct amz_reduced reduced = {0};
  struct amz_reducer *r = NULL;

  CU_ASSERT_EQUAL_FATAL(amz_reducer_new(&s->kind, &r), AMZ_OK);
  ASSERT_I64(amz_reducer_fold(r, partials->data, partials->len), AMZ_OK);
  CU_ASSERT_EQUAL_FATAL(amz_reducer_result(r, &reduced), AMZ_OK);
  ASSERT_U64(reduced.tasks, count_of(s));
  if (s->kind.op == AMZ_REDUCE_COUNT)
    ASSERT_U64(reduced.values[0].u64, count_of(s));
  else
    ASSERT_U64(reduced.n_values, reduced.tasks ? s->kind.width : 0);
  for (uint32_t e = 0; s->kind.op != AMZ_REDUCE_COUNT && e < reduced.n_values; e++)
    check_element(s, &reduced.values[e], e);
  amz_reduced_clear(&reduced);
  amz_reduced_clear(&reduced); /* harmless twice */
  amz_reducer_free(r);
}

static void test_every_way_gives_the_same(void)
{
  struct sample *s = calloc(1, sizeof *s);

  CU_ASSERT_PTR_NOT_NULL_FATAL(s);
  for (uint64_t seed = 0; seed < 400; seed++) {
    struct amz_rng rng;

    amz_rng_seed(&rng, seed);
    draw(&rng, s);
    for (unsigned way = 0; way < 5; way++) {
      struct amz_buf partials = AMZ_BUF_INIT;

      share_out(&rng, s, &partials);
      check(s, &partials);
      amz_buf_clear(&partials);
    }
  }
  free(s);
}

/* Eight tasks, every set of them with values, every way to cut them: nothing left to chance. */
static void test_all_small_ones(void)
{
  struct sample *s = calloc(1, sizeof *s);
  struct amz_rng rng;

  CU_ASSERT_PTR_NOT_NULL_FATAL(s);
  amz_rng_seed(&rng, 5);
  s->kind = (struct amz_reduce_kind){AMZ_REDUCE_SUM, AMZ_VALUE_F64, 1};
  s->tasks = 8;
  s->base = 3;
  for (unsigned i = 0; i < 8; i++)
    s->f64[i] = ldexp(1.0 + i / 8.0, (int)(7 * i));
  for (unsigned set = 1; set < 256; set++)
    for (unsigned cuts = 0; cuts < 128; cuts++) { /* a cut behind task i when bit i is set */
      struct amz_buf partials = AMZ_BUF_INIT;

      for (unsigned i = 0; i < 8; i++)
        s->has[i] = set >> i & 1;
      for (unsigned from = 0, until; from < 8; from = until) {
        for (until = from; until < 8 && s->has[until] && (until == from || !(cuts >> (until - 1) & 1)); until++)
          ;
        if (until > from)
          part(&rng, s, from, until, &partials);
        else
          until++;
      }
      check(s, &partials);
      amz_buf_clear(&partials);
    }
  free(s);
}

/* ---- rules ------------------------------------------------------------------------------------------------------------ */

static struct amz_reduced_value reduce_f64(enum amz_reduce op, const double *values, uint64_t n, uint64_t *ret_tasks)
{
  const struct amz_reduce_kind kind = {op, AMZ_VALUE_F64, 1};
  struct amz_reduced_value v = {0};
  struct amz_reduced reduced;
  struct amz_reducer *r = NULL;

  CU_ASSERT_EQUAL_FATAL(amz_reducer_new(&kind, &r), AMZ_OK);
  amz_reducer_add(r, values, n);
  CU_ASSERT_EQUAL_FATAL(amz_reducer_result(r, &reduced), AMZ_OK);
  *ret_tasks = reduced.tasks;
  if (reduced.n_values)
    v = reduced.values[0];
  amz_reduced_clear(&reduced);
  amz_reducer_free(r);
  return v;
}

static void test_nan_and_zeros(void)
{
  const uint64_t the_nan = UINT64_C(0x7ff8000000000000);
  static const struct {
    const char *row;
    enum amz_reduce op;
    double values[3];
    double expected;
  } rows[] = {
    {"min: a NaN wins", AMZ_REDUCE_MIN, {1, (double)NAN, -5}, (double)NAN},
    {"min: a NaN in front", AMZ_REDUCE_MIN, {(double)NAN, 1, 2}, (double)NAN},
    {"max: a NaN wins", AMZ_REDUCE_MAX, {1, 2, (double)NAN}, (double)NAN},
    {"min: -0 is below +0", AMZ_REDUCE_MIN, {0.0, -0.0, 1}, -0.0},
    {"min: -0 in front", AMZ_REDUCE_MIN, {-0.0, 0.0, 1}, -0.0},
    {"max: +0 is above -0", AMZ_REDUCE_MAX, {-0.0, 0.0, -1}, 0.0},
    {"max: +0 in front", AMZ_REDUCE_MAX, {0.0, -0.0, -1}, 0.0},
    {"min: -inf", AMZ_REDUCE_MIN, {(double)INFINITY, -(double)INFINITY, 0}, -(double)INFINITY},
    {"max: denormal", AMZ_REDUCE_MAX, {0, 4.9406564584124654e-324, -1}, 4.9406564584124654e-324},
    {"sum: inf - inf", AMZ_REDUCE_SUM, {(double)INFINITY, -(double)INFINITY, 1}, (double)NAN},
    {"sum: -0 stays", AMZ_REDUCE_SUM, {-0.0, -0.0, -0.0}, -0.0},
    {"sum: (a + b) + c", AMZ_REDUCE_SUM, {1e16, 1, -1e16}, 0},
    {"mean", AMZ_REDUCE_MEAN, {1, 2, 6}, 3},
    {"mean: a NaN", AMZ_REDUCE_MEAN, {1, -(double)NAN, 6}, (double)NAN},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint64_t tasks, expected = isnan(rows[i].expected) ? the_nan : bits_of(rows[i].expected);

    ASSERT_ROW_U64(rows[i].row, bits_of(reduce_f64(rows[i].op, rows[i].values, 3, &tasks).f64), expected);
    ASSERT_ROW_U64(rows[i].row, tasks, 3);
  }
}

/* 64 and more at once: NaN and zeros inside a block follow the same rules. */
static void test_blocks_follow_the_rules(void)
{
  double values[256];
  uint64_t tasks;

  for (unsigned i = 0; i < 256; i++)
    values[i] = 0.0;
  values[77] = -0.0;
  ASSERT_U64(bits_of(reduce_f64(AMZ_REDUCE_MIN, values, 256, &tasks).f64), bits_of(-0.0));
  ASSERT_U64(bits_of(reduce_f64(AMZ_REDUCE_MAX, values, 256, &tasks).f64), bits_of(0.0));
  values[200] = -NAN;
  ASSERT_U64(bits_of(reduce_f64(AMZ_REDUCE_MAX, values, 256, &tasks).f64), UINT64_C(0x7ff8000000000000));
  ASSERT_U64(tasks, 256);
}

static void test_wide_sums(void)
{
  static const struct {
    const char *row;
    struct amz_reduce_kind kind;
    uint64_t values[3];
    struct amz_reduced_value expected;
  } rows[] = {
    {"the largest that fits", {AMZ_REDUCE_SUM, AMZ_VALUE_I64, 1}, {INT64_MAX, UINT64_MAX, 1},
     {AMZ_VALUE_I64, {.i64 = INT64_MAX}}},
    {"one too much is a double", {AMZ_REDUCE_SUM, AMZ_VALUE_I64, 1}, {INT64_MAX, 1, 0}, {AMZ_VALUE_F64, {.f64 = 0x1p63}}},
    {"the smallest that fits", {AMZ_REDUCE_SUM, AMZ_VALUE_I64, 1}, {UINT64_C(1) << 63, 1, UINT64_MAX},
     {AMZ_VALUE_I64, {.i64 = INT64_MIN}}},
    {"below that", {AMZ_REDUCE_SUM, AMZ_VALUE_I64, 1}, {UINT64_C(1) << 63, UINT64_C(1) << 63, 0},
     {AMZ_VALUE_F64, {.f64 = -0x1p64}}},
    {"unsigned", {AMZ_REDUCE_SUM, AMZ_VALUE_U64, 1}, {UINT64_MAX - 5, 2, 3}, {AMZ_VALUE_U64, {.u64 = UINT64_MAX}}},
    {"unsigned, too much", {AMZ_REDUCE_SUM, AMZ_VALUE_U64, 1}, {UINT64_MAX, UINT64_MAX, 2}, {AMZ_VALUE_F64, {.f64 = 0x1p65}}},
    {"mean of what doesn't fit", {AMZ_REDUCE_MEAN, AMZ_VALUE_I64, 1}, {INT64_MAX, INT64_MAX, 2},
     {AMZ_VALUE_F64, {.f64 = 0x1p64 / 3}}},
    {"min, signed", {AMZ_REDUCE_MIN, AMZ_VALUE_I64, 1}, {5, UINT64_MAX, 3}, {AMZ_VALUE_I64, {.i64 = -1}}},
    {"min, unsigned", {AMZ_REDUCE_MIN, AMZ_VALUE_U64, 1}, {5, UINT64_MAX, 3}, {AMZ_VALUE_U64, {.u64 = 3}}},
    {"max, unsigned", {AMZ_REDUCE_MAX, AMZ_VALUE_U64, 1}, {5, UINT64_MAX, 3}, {AMZ_VALUE_U64, {.u64 = UINT64_MAX}}},
    {"max, signed", {AMZ_REDUCE_MAX, AMZ_VALUE_I64, 1}, {5, UINT64_MAX, 3}, {AMZ_VALUE_I64, {.i64 = 5}}},
    {"count of bytes", {AMZ_REDUCE_COUNT, AMZ_VALUE_BYTES, 24}, {0}, {AMZ_VALUE_U64, {.u64 = 3}}},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_reduced reduced;
    struct amz_reducer *r = NULL;

    CU_ASSERT_EQUAL_FATAL(amz_reducer_new(&rows[i].kind, &r), AMZ_OK);
    amz_reducer_add(r, rows[i].values, 3);
    CU_ASSERT_EQUAL_FATAL(amz_reducer_result(r, &reduced), AMZ_OK);
    ASSERT_ROW_U64(rows[i].row, reduced.n_values, 1);
    ASSERT_ROW_U64(rows[i].row, reduced.values[0].type, rows[i].expected.type);
    ASSERT_ROW_U64(rows[i].row, reduced.values[0].u64, rows[i].expected.u64);
    amz_reduced_clear(&reduced);
    amz_reducer_free(r);
  }
}

static void test_nothing(void)
{
  uint64_t tasks = 1;
  struct amz_reduced reduced;
  struct amz_reducer *r = NULL;

  (void)reduce_f64(AMZ_REDUCE_SUM, NULL, 0, &tasks);
  ASSERT_U64(tasks, 0);
  CU_ASSERT_EQUAL_FATAL(amz_reducer_new(&(struct amz_reduce_kind){AMZ_REDUCE_COUNT, AMZ_VALUE_F64, 1}, &r), AMZ_OK);
  amz_reducer_add(r, NULL, 0);
  ASSERT_I64(amz_reducer_fold(r, NULL, 0), AMZ_OK);
  CU_ASSERT_EQUAL_FATAL(amz_reducer_result(r, &reduced), AMZ_OK);
  ASSERT_U64(reduced.n_values, 1);
  ASSERT_U64(reduced.values[0].u64, 0);
  amz_reduced_clear(&reduced);
  amz_reducer_free(r);
  amz_reducer_free(NULL);
}

static void test_refused(void)
{
  static const struct {
    const char *row;
    struct amz_reduce_kind kind;
    int expected;
  } rows[] = {
    {"none", {AMZ_REDUCE_NONE, AMZ_VALUE_F64, 1}, AMZ_EINVAL},
    {"beyond the operations", {(enum amz_reduce)6, AMZ_VALUE_F64, 1}, AMZ_EINVAL},
    {"a sum of bytes", {AMZ_REDUCE_SUM, AMZ_VALUE_BYTES, 1}, AMZ_EINVAL},
    {"beyond the types", {AMZ_REDUCE_SUM, (enum amz_value)4, 1}, AMZ_EINVAL},
    {"no values", {AMZ_REDUCE_SUM, AMZ_VALUE_F64, 0}, AMZ_EINVAL},
    {"too many values", {AMZ_REDUCE_SUM, AMZ_VALUE_F64, AMZ_REDUCE_WIDTH_MAX + 1}, AMZ_EINVAL},
    {"as many as may be", {AMZ_REDUCE_SUM, AMZ_VALUE_F64, AMZ_REDUCE_WIDTH_MAX}, AMZ_OK},
    {"a count of anything", {AMZ_REDUCE_COUNT, AMZ_VALUE_BYTES, 0}, AMZ_OK},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_reducer *r = NULL;

    ASSERT_ROW_I64(rows[i].row, amz_reduce_check(&rows[i].kind, NULL), rows[i].expected);
    ASSERT_ROW_I64(rows[i].row, amz_reducer_new(&rows[i].kind, &r), rows[i].expected);
    amz_reducer_free(r);
  }
}

/* ---- bytes from outside ----------------------------------------------------------------------------------------------- */

static const struct amz_reduce_kind sum_kind = {AMZ_REDUCE_SUM, AMZ_VALUE_F64, 1};

/* The bytes are kept for as long as a run's directory: indexes 4..6 with the values 1, 2, 4, byte by byte. */
static void test_layout(void)
{
  static const unsigned char expected[] = {
    1, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0x40,
    0, 6, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x40,
  };
  const double values[] = {1, 2, 4};
  struct amz_buf out = AMZ_BUF_INIT;
  struct amz_reducer *r = NULL;

  CU_ASSERT_EQUAL_FATAL(amz_reducer_new(&sum_kind, &r), AMZ_OK);
  amz_reducer_begin(r, 4);
  amz_reducer_add(r, values, 3);
  ASSERT_I64(amz_reducer_put(r, &out), AMZ_OK);
  ASSERT_U64(out.len, sizeof expected);
  CU_ASSERT_EQUAL(memcmp(out.data, expected, sizeof expected), 0);
  ASSERT_U64(amz_reduce_split(&sum_kind, out.data, out.len, 4, 2), 25);
  ASSERT_U64(amz_reduce_split(&sum_kind, out.data, out.len, 4, 3), 50);
  ASSERT_U64(amz_reduce_split(&sum_kind, out.data, out.len, 4, 1), 0); /* in the middle of a node */
  ASSERT_U64(amz_reduce_split(&sum_kind, out.data, out.len, 4, 4), 0);
  ASSERT_U64(amz_reduce_split(&sum_kind, out.data, out.len, 5, 2), 0);
  amz_buf_clear(&out);
  amz_reducer_free(r);
}

static void test_damaged(void)
{
  static const struct {
    const char *row;
    size_t at;
    unsigned char byte;
  } rows[] = {
    {"level 63", 0, 63},
    {"level 255", 0, 255},
    {"k beyond the tree", 8, 0x80},
    {"no tasks", 9, 0},
    {"more tasks than leaves", 9, 3},
    {"before the one before it", 25 + 1, 5},
  };
  static const unsigned char good[] = {
    1, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0x40,
    0, 6, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x40,
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    unsigned char bytes[sizeof good];
    struct amz_reducer *r = NULL;

    memcpy(bytes, good, sizeof good);
    bytes[rows[i].at] = rows[i].byte;
    CU_ASSERT_EQUAL_FATAL(amz_reducer_new(&sum_kind, &r), AMZ_OK);
    ASSERT_ROW_I64(rows[i].row, amz_reducer_fold(r, bytes, sizeof bytes), AMZ_ECORRUPT);
    amz_reducer_begin(r, 4);
    ASSERT_ROW_I64(rows[i].row, amz_reducer_join(r, bytes, sizeof bytes), AMZ_ECORRUPT);
    ASSERT_ROW_U64(rows[i].row, amz_reduce_split(&sum_kind, bytes, sizeof bytes, 4, 3), 0);
    amz_reducer_free(r);
  }
  for (size_t cut = 1; cut < sizeof good; cut++) {
    struct amz_reducer *r = NULL;
    unsigned char *copy = malloc(cut);

    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    memcpy(copy, good, cut);
    CU_ASSERT_EQUAL_FATAL(amz_reducer_new(&sum_kind, &r), AMZ_OK);
    ASSERT_I64(amz_reducer_fold(r, copy, cut), cut == 25 ? AMZ_OK : AMZ_ECORRUPT);
    free(copy);
    amz_reducer_free(r);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"every way to share tasks out gives the same bits", test_every_way_gives_the_same},
    {"all ways for eight tasks", test_all_small_ones},
    {"NaN and zeros of both signs", test_nan_and_zeros},
    {"blocks follow the same rules", test_blocks_follow_the_rules},
    {"sums of integers", test_wide_sums},
    {"nothing to reduce", test_nothing},
    {"refused", test_refused},
    {"layout of partials", test_layout},
    {"damaged partials", test_damaged},
    {NULL, NULL},
  };

  return amz_test_main("reduce", tests, 60);
}

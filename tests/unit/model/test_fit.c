/* Medians and lines with their intervals. Oracles: Anscombe's data (The American Statistician 27, 1973: all of his four sets have
 * the line 3 + 0.5·x with the standard errors 1.125 and 0.118), binomial sums and normal equations done by hand. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include <amorsize/fit.h>
#include <amorsize/rng.h>

#include "../../support/tap.h"

static void near(const char *what, double actual, double expected, double within)
{
  bool is_near = fabs(actual - expected) <= within;

  if (!is_near)
    printf("# %s: %.9g instead of %.9g\n", what, actual, expected);
  CU_ASSERT(is_near);
}

static void test_rank(void)
{
  /* Coverage 1 − 2·Σ_{i<k} C(n,i)/2^n: n=6,k=1: 96.9 %; n=8,k=2 would be 93.0; n=9,k=2: 96.1; n=10,k=2: 97.9, k=3: 89.1;
   * n=15,k=4: 96.5; n=20,k=6: 95.9; n=25,k=8: 95.7; n=100,k=40: 96.5, k=41 94.3. Beyond: (n − 1.96·√n)/2. */
  static const struct {
    const char *what;
    size_t n, k;
  } rows[] = {
    {"nothing", 0, 1}, {"one", 1, 1}, {"too few: the range", 5, 1}, {"six: the range, 96.9 %", 6, 1}, {"eight", 8, 1},
        {"nine", 9, 2},
    {"ten", 10, 2}, {"fifteen", 15, 4}, {"twenty", 20, 6}, {"twenty-five", 25, 8}, {"a hundred", 100, 40},
    {"by the normal: (10000 - 196) / 2", 10000, 4902},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ASSERT_ROW_U64(rows[i].what, amz_fit_median_rank(rows[i].n), rows[i].k);
}

static void test_median(void)
{
  double ten[] = {7, 3, 10, 1, 9, 2, 8, 4, 6, 5}, one[] = {42}, three[] = {3, 1, 2};
  struct amz_quantity q = amz_fit_median(ten, 10);

  near("median of ten", q.value, 5.5, 0);
  near("its low end: the second smallest", q.low, 2, 0);
  near("its high end: the second largest", q.high, 9, 0);
  ASSERT_U64(q.n, 10);
  ASSERT_I64(q.source, AMZ_MEASURED);
  q = amz_fit_median(one, 1);
  CU_ASSERT(!(q.value < 42) && !(q.low < 42) && !(q.high > 42) && q.n == 1);
  q = amz_fit_median(three, 3);
  CU_ASSERT(!(q.value < 2) && !(q.value > 2) && !(q.low > 1) && !(q.high < 3));
  ASSERT_I64(amz_fit_median(NULL, 0).source, AMZ_UNKNOWN);
}

static void test_line(void)
{
  static const double x[] = {10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5};
  static const double y[] = {8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68};
  const double t = 2.262157; /* 97.5 %, 9 degrees of freedom */
  struct amz_line line;

  ASSERT_I64(amz_fit_line(x, y, NULL, 11, &line), AMZ_OK);
  near("Anscombe I: intercept", line.a.value, 3.0001, 1e-4);
  near("Anscombe I: slope", line.b.value, 0.5001, 1e-4);
  near("its standard error", (line.a.high - line.a.low) / (2 * t), 1.1247, 1e-4);
  near("the slope's", (line.b.high - line.b.low) / (2 * t), 0.1179, 1e-4);
  ASSERT_U64(line.b.n, 11);
}

static void test_weights(void)
{
  /* By hand: the point of weight 2 is the same as that point twice. Normal equations of (0,1) (1,3) (2,4) (2,4): n=4, Σx=5,
   * Σy=12, Σxx=9, Σxy=19; slope (4·19 − 5·12)/(4·9 − 25) = 16/11, intercept (12 − 5·16/11)/4 = 13/11. */
  static const double x[] = {0, 1, 2}, y[] = {1, 3, 4}, w[] = {1, 1, 2};
  struct amz_line line;

  ASSERT_I64(amz_fit_line(x, y, w, 3, &line), AMZ_OK);
  near("slope with weights", line.b.value, 16.0 / 11, 1e-12);
  near("intercept with weights", line.a.value, 13.0 / 11, 1e-12);
  ASSERT_I64(amz_fit_line(x, y, NULL, 2, &line), AMZ_OK);
  near("through two points", line.b.value, 2, 1e-12);
  near("of which nothing more is known", line.b.high - line.b.low, 0, 0);
}

static void test_refused(void)
{
  static const double good[] = {1, 2, 3}, same[] = {2, 2, 2}, odd[] = {1, NAN, 3}, negative[] = {1, -1, 2},
      endless[] = {1, 2, INFINITY};
  static const struct {
    const char *what;
    const double *x, *y, *w;
    size_t n;
  } rows[] = {
    {"one point", good, good, NULL, 1},        {"no points", good, good, NULL, 0},     {"one place", same, good, NULL, 3},
    {"not a number", odd, good, NULL, 3},      {"without end", good, endless, NULL, 3},
    {"a negative weight", good, good, negative, 3},
  };
  struct amz_line line = {.a.value = 7};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ASSERT_ROW_I64(rows[i].what, amz_fit_line(rows[i].x, rows[i].y, rows[i].w, rows[i].n, &line), AMZ_EINVAL);
  ASSERT_I64(amz_fit_cost(good, negative, 3, &line), AMZ_EINVAL);
  ASSERT_I64(amz_fit_cost(negative, good, 3, &line), AMZ_EINVAL);
  ASSERT_I64(amz_fit_cost(same, good, 3, &line), AMZ_EINVAL);
  near("untouched", line.a.value, 7, 0);
}

static void test_cost(void)
{
  static const struct {
    const char *what;
    double y[3]; /* at x = 1, 2, 4 */
    double a, b;
  } rows[] = {
    {"a line", {3, 5, 9}, 1, 2},
    {"falling: flat, the mean by 1/y²: (1/4 + 2/4 + 1) / (1/16 + 1/4 + 1)", {4, 2, 1}, 1.75 / 1.3125, 0},
    /* Slope through the origin: Σ(x/y) / Σ(x²/y²) with x/y = 1, 2/3, 4/9. */
    {"steeper than proportional: through the origin", {1, 3, 9}, 0, (1 + 2.0 / 3 + 4.0 / 9) / (1 + 4.0 / 9 + 16.0 / 81)},
  };
  static const double x[] = {1, 2, 4};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_line line;

    ASSERT_ROW_I64(rows[i].what, amz_fit_cost(x, rows[i].y, 3, &line), AMZ_OK);
    near(rows[i].what, line.a.value, rows[i].a, 1e-9);
    near(rows[i].what, line.b.value, rows[i].b, 1e-9);
    CU_ASSERT(line.a.low >= 0 && line.a.low <= line.a.value && line.a.value <= line.a.high);
    CU_ASSERT(line.b.low >= 0 && line.b.low <= line.b.value && line.b.value <= line.b.high);
  }
}

/* Seven or more of ten lie on a line: it is found, whatever the rest says. */
static void test_robust(void)
{
  static const struct {
    const char *what;
    size_t n;
    double x[10], y[10], a, b;
  } rows[] = {
    {"a line", 4, {1, 2, 4, 8}, {3, 5, 9, 17}, 1, 2},
    {"one of eight is ten times too slow", 8, {1, 2, 4, 8, 1, 2, 4, 8}, {3, 5, 9, 17, 3, 5, 90, 17}, 1, 2},
    {"three of ten are", 10, {1, 2, 4, 8, 1, 2, 4, 8, 1, 8}, {3, 5, 9, 17, 30, 5, 90, 17, 3, 170}, 1, 2},
    {"a cost that hardly depends on x", 6, {1, 16, 64, 1, 16, 64}, {1.01, 1.16, 1.64, 1.01, 1.16, 1.64}, 1, 0.01},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_line line;

    ASSERT_ROW_I64(rows[i].what, amz_fit_cost_robust(rows[i].x, rows[i].y, rows[i].n, 0.1, &line), AMZ_OK);
    for (double x = 1; x <= 8; x *= 2)
      near(rows[i].what, line.a.value + line.b.value * x, rows[i].a + rows[i].b * x, 0.01 * (rows[i].a + rows[i].b * x));
    CU_ASSERT(line.a.low > 0 && line.a.low <= line.a.value && line.a.value <= line.a.high);
    CU_ASSERT(line.b.low > 0 && line.b.low <= line.b.value && line.b.value <= line.b.high);
    CU_ASSERT(line.b.n == rows[i].n && line.b.source == AMZ_MEASURED);
  }
}

/* One launch of two ranks took 0.36 s: at 0.1 a rank, that is 0.3 s and 0.03 s each. Of several alike, the median. */
static void test_one_place(void)
{
  static const double x[] = {2, 2, 2}, y[] = {0.36, 0.48, 0.72};
  struct amz_line line;

  ASSERT_I64(amz_fit_cost_robust(x, y, 1, 0.1, &line), AMZ_OK);
  near("the launch itself", line.a.value, 0.3, 1e-9);
  near("a rank", line.b.value, 0.03, 1e-9);
  ASSERT_U64(line.a.n, 1);
  CU_ASSERT(line.a.source == AMZ_MEASURED && line.b.source == AMZ_ASSUMED);
  ASSERT_I64(amz_fit_cost_robust(x, y, 3, 0.1, &line), AMZ_OK);
  near("the median of three", line.a.value, 0.4, 1e-9);
  near("the least of them", line.a.low, 0.3, 1e-9);
  near("the most", line.a.high, 0.6, 1e-9);
}

/* Launches of 4, 1 and 2 ranks, 0.4 s + 0.05 s a rank, ±10 %, every fourth of them one and a half to four times slower by chance.
 * For how many of the runs is one of 1, 2, 3, 4 or 6 ranks predicted wrong by more than a quarter? For fewer than by least
 * squares, and of twelve launches for few. */
static void test_disturbed(void)
{
  static const double sizes[] = {4, 1, 2}, asked[] = {1, 2, 3, 4, 6};
  unsigned wrong[2][2] = {{0}}; /* of 4 and of 12 launches; robust and squares */

  for (uint64_t seed = 1; seed <= 400; seed++) {
    size_t n = seed % 2 ? 4 : 12;
    double x[12], y[12], off[2] = {0, 0};
    struct amz_line lines[2];
    struct amz_rng rng;

    amz_rng_seed(&rng, seed);
    for (size_t i = 0; i < n; i++) {
      x[i] = sizes[i % 3];
      y[i] = (0.4 + 0.05 * x[i]) * (0.9 + 0.2 * amz_rng_uniform(&rng)) * (amz_rng_below(&rng,
          4) == 0 ? 1.5 + 2.5 * amz_rng_uniform(&rng) : 1);
    }
    CU_ASSERT_FATAL(amz_fit_cost_robust(x, y, n, 0.1, &lines[0]) == AMZ_OK && amz_fit_cost(x, y, n, &lines[1]) == AMZ_OK);
    for (size_t k = 0; k < 2; k++)
      for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        off[k] = fmax(off[k], fabs((lines[k].a.value + lines[k].b.value * asked[i]) / (0.4 + 0.05 * asked[i]) - 1));
    wrong[n == 12][0] += off[0] > 0.25;
    wrong[n == 12][1] += off[1] > 0.25;
  }
  printf("# of 200 each, wrong by more than a quarter: of 4 launches %u (least squares %u), of 12 %u (%u)\n", wrong[0][0],
         wrong[0][1], wrong[1][0],
         wrong[1][1]);
  CU_ASSERT(wrong[0][0] < wrong[0][1] && wrong[1][0] < wrong[1][1]);
  CU_ASSERT(wrong[1][0] < 30);
}

static void test_robust_refused(void)
{
  static const double good[] = {1, 2, 3}, odd[] = {1, NAN, 3}, negative[] = {1, -1, 2}, endless[] = {1, 2, INFINITY};
  static const struct {
    const char *what;
    const double *x, *y;
    size_t n;
    double usual;
  } rows[] = {
    {"not a number", good, odd, 3, 0.1}, {"a negative cost", good, negative, 3, 0.1},
        {"a negative place", negative, good, 3, 0.1},
    {"no points", good, good, 0, 0.1},   {"without end", good, endless, 3, 0.1},      {"nothing usual", good, good, 3, 0},
    {"no number for the usual", good, good, 3, NAN},
  };
  struct amz_line line = {.a.value = 7};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ASSERT_ROW_I64(rows[i].what, amz_fit_cost_robust(rows[i].x, rows[i].y, rows[i].n, rows[i].usual, &line), AMZ_EINVAL);
  near("untouched", line.a.value, 7, 0);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"ranks of a median's interval", test_rank}, {"medians", test_median}, {"a textbook's line", test_line},
        {"weights", test_weights},
    {"what can't be fitted is refused", test_refused}, {"costs are not negative", test_cost},
    {"costs whatever disturbs some", test_robust}, {"costs at one place", test_one_place},
    {"launches that other work disturbs", test_disturbed},
    {"costs that are none are refused", test_robust_refused}, {NULL, NULL}};

  return amz_test_main("model/fit", tests, 0);
}

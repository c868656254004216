/* Quantiles of the normal and of Student's t distribution, by bisection of their distribution functions: exact enough to the last
 * digits that matter, for any confidence, without tables. */
#include <amorsize/stats.h>

#include <math.h>
#include <stdbool.h>

#define STEPS 200      /* halvings: more than a double has bits */
#define NORMAL_FROM 400 /* degrees of freedom from which t is normal to three digits */

static double normal_within(double x)
{
  return erf(x / sqrt(2));
}

/* P(|T| <= t) for df degrees of freedom (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4). */
static double student_within(double t, uint32_t df)
{
  const double pi = 3.14159265358979323846;
  double c2 = df / (df + t * t), sine = t / sqrt(df + t * t); /* of the angle θ = atan(t/√df): cos² and sin */
  bool odd = df % 2;
  double term = odd ? sqrt(c2) : 1, sum = df == 1 ? 0 : term;

  for (uint32_t k = odd ? 3 : 2; k <= df - 2 && df > 2; k += 2) {
    term *= c2 * (double)(k - 1) / (double)k;
    sum += term;
  }
  return odd ? 2 / pi * (atan(t / sqrt(df)) + sine * sum) : sine * sum;
}

static double within(double x, uint32_t df)
{
  return df >= NORMAL_FROM ? normal_within(x) : student_within(x, df);
}

double amz_student_quantile(double confidence, uint32_t df)
{
  double low = 0, high = 1;

  if (!(confidence > 0) || !(confidence < 1) || df == 0)
    return INFINITY;
  while (within(high, df) < confidence && high < 1e15)
    high *= 2;
  for (int i = 0; i < STEPS; i++) {
    double middle = (low + high) / 2;

    *(within(middle, df) < confidence ? &low : &high) = middle;
  }
  return high;
}

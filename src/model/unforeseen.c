/* What earlier predictions were off by: what no sample shows, as it was. */
#include <amorsize/history.h>

#include <math.h>

#include <amorsize/stats.h>

#define CONFIDENCE 0.90 /* of the intervals that plans tell */
#define LEAST 0.005     /* a few runs that happened to fit promise no more than this */
#define MOST 0.5

struct amz_quantity amz_history_unforeseen(const double *ratios, size_t n)
{
  struct amz_quantity q = {.source = AMZ_UNKNOWN};
  double squares = 0;
  uint32_t used = 0;

  for (size_t i = 0; i < n; i++)
    if (ratios[i] > 0 && isfinite(ratios[i])) {
      squares += (ratios[i] - 1) * (ratios[i] - 1);
      used++;
    }
  if (used < AMZ_HISTORY_PREDICTIONS)
    return q;
  q.value = fmin(fmax(amz_student_quantile(CONFIDENCE, used) * sqrt(squares / used), LEAST), MOST);
  q.low = q.high = q.value;
  q.n = used;
  q.source = AMZ_HISTORY;
  return q;
}

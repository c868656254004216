/* Draining in time.
 *
 * The reserve before the end is the grace of running tasks and a margin: for results to become durable, ranks to leave MPI, and
 * the summary. */
#include "walltime.h"

#include <amorsize/sched.h>

#define MARGIN_NS INT64_C(10000000000)
#define SECOND_NS INT64_C(1000000000)
#define FARTHEST_S (INT64_MAX / SECOND_NS / 4) /* no product or sum below overflows */

struct amz_walltime amz_walltime_plan(int64_t end_s, int64_t real_ns, int64_t now_ns, int64_t grace_ns)
{
  int64_t left_ns, reserve_ns, margin_ns = MARGIN_NS;

  if (end_s <= 0 || end_s > FARTHEST_S)
    return (struct amz_walltime){AMZ_NEVER, AMZ_NEVER};
  left_ns = end_s * SECOND_NS - real_ns;
  if (left_ns < 0)
    left_ns = 0;
  reserve_ns = grace_ns + MARGIN_NS;
  if (reserve_ns > left_ns / 2) { /* both parts shrink alike */
    margin_ns = (int64_t)((double)MARGIN_NS / (double)reserve_ns * (double)(left_ns / 2));
    reserve_ns = left_ns / 2;
  }
  return (struct amz_walltime){.drain_ns = now_ns + left_ns - reserve_ns, .last_ns = now_ns + left_ns - margin_ns};
}

int64_t amz_walltime_grace(const struct amz_walltime *w, int64_t now_ns, int64_t grace_ns)
{
  if (w->last_ns == AMZ_NEVER || w->last_ns - now_ns >= grace_ns)
    return grace_ns;
  return w->last_ns > now_ns ? w->last_ns - now_ns : 0;
}

/* Naps grow with the silence: an eighth of it, so that a message is late by at most an eighth of the time it took to come,
 * and a long silence costs next to nothing. */
#include "pace.h"

int64_t amz_pace_nap_ns(int64_t quiet_ns, int64_t left_ns, bool answer_due)
{
  int64_t longest = answer_due ? AMZ_PACE_DUE_NS : AMZ_PACE_LONGEST_NS, nap = quiet_ns / 8;

  if (left_ns <= 0 || (answer_due && quiet_ns < AMZ_PACE_SPIN_NS))
    return 0;
  if (nap < AMZ_PACE_SHORTEST_NS)
    nap = AMZ_PACE_SHORTEST_NS;
  if (nap > longest)
    nap = longest;
  return nap < left_ns ? nap : left_ns;
}

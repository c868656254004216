/* Naps grow with the silence: they are a part of it, so that a message is late by at most that part of the time it took to come,
 * and a long silence costs next to nothing. An eighth, where lateness is all that a nap costs. A half where each look takes its
 * time from tasks: then a message that comes each 40 ms costs eleven looks, less than a hundredth of a core, and ranks ask early
 * enough to have the answer in time. */
#include "pace.h"

struct pace {
  int64_t spin_ns, shortest_ns, longest_ns, part;
};

static const struct pace paces[] = {
  [AMZ_MPI_PATIENT] = {0, AMZ_PACE_SHORTEST_NS, AMZ_PACE_LONGEST_NS, 8},
  [AMZ_MPI_DUE] = {AMZ_PACE_SPIN_NS, AMZ_PACE_SHORTEST_NS, AMZ_PACE_DUE_NS, 8},
  [AMZ_MPI_AT_WORK] = {0, AMZ_PACE_AT_WORK_NS, AMZ_PACE_LONGEST_NS, 2},
};

int64_t amz_pace_nap_ns(int64_t quiet_ns, int64_t left_ns, enum amz_mpi_haste haste)
{
  const struct pace *p = &paces[haste];
  int64_t nap = quiet_ns / p->part;

  if (left_ns <= 0 || (p->spin_ns && quiet_ns < p->spin_ns))
    return 0;
  if (nap < p->shortest_ns)
    nap = p->shortest_ns;
  if (nap > p->longest_ns)
    nap = p->longest_ns;
  return nap < left_ns ? nap : left_ns;
}

int64_t amz_pace_rung_nap_ns(int64_t left_ns, int64_t longest_ns, bool acknowledged)
{
  int64_t nap = acknowledged || longest_ns < AMZ_PACE_LONGEST_NS ? longest_ns : AMZ_PACE_LONGEST_NS;

  if (left_ns <= 0)
    return 0;
  return left_ns < nap ? left_ns : nap;
}

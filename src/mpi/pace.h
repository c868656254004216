/* How long a rank may sleep before it looks at MPI again. Pure. */
#ifndef AMZ_MPI_PACE_H
#define AMZ_MPI_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include <amorsize/transport.h>

#define AMZ_PACE_SPIN_NS 200000       /* no sleep so long behind the last thing that happened, while an answer is due */
#define AMZ_PACE_SHORTEST_NS 50000    /* the kernel's timer slack alone is as much */
#define AMZ_PACE_AT_WORK_NS 500000    /* a look costs some 25 us of a core that is at work */
#define AMZ_PACE_DUE_NS 1000000
#define AMZ_PACE_LONGEST_NS 10000000  /* 1 ms wakes cost 3.5 % of a core, 10 ms 0.5 % */
#define AMZ_PACE_RUNG_NS 100000000    /* who is woken looks only in case a bell was lost */

/* quiet_ns: since the last message or completed send; left_ns: to the deadline.
 * \return 0: look again at once; else a time, never beyond the deadline. */
int64_t amz_pace_nap_ns(int64_t quiet_ns, int64_t left_ns, enum amz_mpi_haste haste);
/* The same for one who will be woken by whatever comes, and looks after longest_ns all the same; acknowledged: whoever was sent
 * something has taken it. */
int64_t amz_pace_rung_nap_ns(int64_t left_ns, int64_t longest_ns, bool acknowledged);

#endif

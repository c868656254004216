/* What sampling and planning cost a run: slots that stood idle for their sake. What sampled tasks did counts as done. Pure. */
#ifndef AMZ_RUN_SPENT_H
#define AMZ_RUN_SPENT_H

#include <stdint.h>

/* Zero-initialised: nothing was spent. Times are those of one slot, added up over all. */
struct amz_spent {
  int64_t began_ns, counted_ns; /* began_ns 0: not begun */
  double slots, open;           /* since it was counted */
  double open_s;                /* slots that were open, over time */
  double idle_s;                /* those that weren't */
};

/* Counts up to now. */
void amz_spent_count(struct amz_spent *s, int64_t now_ns);
/* The same, and from now on `open` of `slots` slots are open; the first call begins. */
void amz_spent_go_on(struct amz_spent *s, int64_t now_ns, double slots, double open);
/* A plan is there, by what was counted up to now: where it has more slots than there were, those have been missing all the
 * time. */
void amz_spent_planned(struct amz_spent *s, double slots);

#endif

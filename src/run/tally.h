/* What a launch has done so far, counted as results are recorded: the numbers behind progress and summary. */
#ifndef AMZ_RUN_TALLY_H
#define AMZ_RUN_TALLY_H

#include <amorsize/message.h>
#include <amorsize/report.h>

struct amz_tally {
  uint64_t succeeded, failed, skipped, retried; /* outcomes of this launch; retried: attempts that weren't final */
  double wall_s, cpu_s, max_s;                  /* over all attempts that ran */
  uint64_t ran;                                 /* attempts that ran */
  int64_t first_start_ns, last_end_ns;          /* CLOCK_REALTIME; 0: nothing ran */
  uint64_t output_bytes, max_rss_bytes;
  struct amz_outgrown outgrown;
  uint64_t killed;                              /* attempts that somebody else than us ended by SIGKILL */
  struct amz_slow_task slowest[AMZ_SLOWEST];    /* longest first */
  size_t n_slowest;
  struct amz_failed_task failures[AMZ_SLOWEST]; /* in order of recording */
  size_t n_failures;
};

/* Counts one recorded attempt at task `index`. */
void amz_tally_add(struct amz_tally *t, const struct amz_result *result, uint64_t index, bool final);

/* Holds what a task took, at its last attempt, against what the job says that it takes; 0: it doesn't say. */
void amz_tally_hold_memory(struct amz_tally *t, const struct amz_result *result, uint64_t index, uint64_t said_bytes);

/* Counts tasks that succeeded, recorded by stretches. */
void amz_tally_add_bulk(struct amz_tally *t, const struct amz_bulk *bulk);

uint64_t amz_tally_outcomes(const struct amz_tally *t);
/* \return seconds from the first task's start to the last task's end; 0 when nothing ran. */
double amz_tally_makespan(const struct amz_tally *t);
/* \return Σ wall / (slots × seconds), 0 when unknown. */
double amz_tally_utilisation(const struct amz_tally *t, double slots, double seconds);

#endif

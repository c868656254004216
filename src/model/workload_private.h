/* What the workload's parts share: workload.c (times, kind, reference), relation.c (along the list, by weight), threads.c
 * (threads, neighbours), crowd.c (many neighbours), foresee.c (the tasks to come), steady.c (whether they keep their pace). */
#ifndef AMZ_SRC_MODEL_WORKLOAD_PRIVATE_H
#define AMZ_SRC_MODEL_WORKLOAD_PRIVATE_H

#include <amorsize/workload.h>

/* A success beside about as many neighbours as the reference: near the end of a sample slots run dry one by one, half as many
 * still count. */
static inline bool amz_is_reference(const struct amz_workload *w, const struct amz_observation *o)
{
  return !o->failed && o->threads == w->threads && o->busy * 2 > w->busy;
}

/* Tasks that an observation tells of. */
static inline double amz_weight_of(const struct amz_observation *o)
{
  return o->count > 1 ? (double)o->count : 1;
}

/* ---- steady.c */
/* The drift that these observations show, in the sequence in which they were made. */
double amz_workload_drift(const struct amz_workload *w, const struct amz_observation *seen, size_t n);

/* ---- relation.c */
/* Fills in along, trend, weight, leftover and scatter. \return AMZ_OK; AMZ_ENOMEM. */
int amz_workload_relate(struct amz_workload *w, const struct amz_observation *seen, size_t n);
/* What a task is expected to take at the reference, by the relation that holds; the mean without one. \return > 0 unless the mean
 * is 0. */
double amz_workload_expect(const struct amz_workload *w, double weight, double place);
double amz_workload_place(const struct amz_workload *w, uint64_t index); /* in the list, 0..1 */

/* ---- threads.c: means over groups, each time divided by what was expected of its task */
void amz_workload_fit_threads(struct amz_workload *w, const struct amz_observation *seen, size_t n);
/* crowd.c */
void amz_workload_fit_crowd(struct amz_workload *w, const struct amz_observation *seen, size_t n);
void amz_workload_fit_slowdown(struct amz_workload *w, const struct amz_observation *seen, size_t n);

#endif

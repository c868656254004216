/* Threads and slots at run time (shape.c). */
#ifndef AMZ_RUN_SHAPE_H
#define AMZ_RUN_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>

struct amz_loop;

#define AMZ_ALL_SLOTS UINT32_MAX
#define AMZ_ONE_A_NODE (UINT32_MAX - 1) /* one slot, on the first of ranks that share cores */

/* Tasks that start from now on get `threads` threads ({threads}, OMP_NUM_THREADS, as many cores), and run on at most `slots`
 * slots of each rank (AMZ_ALL_SLOTS: as many as fit; 0: none starts; more than fit: up to the layout's capacity, for its own
 * number of threads). A count is of rank 0; the others, which it tells, get as many for each slot that they began with. Outside
 * of a worker's step only. \return AMZ_OK; AMZ_ENOMEM. */
int amz_loop_shape(struct amz_loop *l, uint32_t threads, uint32_t slots);
/* Rank 0: the same with a count for each rank, by rank. */
int amz_loop_shape_each(struct amz_loop *l, uint32_t threads, const uint32_t *slots);
/* Rank 0: how many slots a count of rank 0's means over all ranks; not for the two names above. */
uint32_t amz_loop_slots(const struct amz_loop *l, uint32_t slots);
/* \return the most that one of them has then. */
uint32_t amz_loop_slots_most(const struct amz_loop *l, uint32_t slots);
/* Another rank than 0, of a word of SHAPE. */
int amz_loop_hear_shape(struct amz_loop *l, const void *word, size_t n);
/* Tells the worker how many slots are open now: by threads, by who steers, by what rank 0 has given up. \return AMZ_OK;
 * AMZ_ENOMEM. */
int amz_loop_open(struct amz_loop *l);
/* The units that a task of so many threads gets which starts on a slot now (as amz_cores_of_slot); where tasks differ in threads
 * it has them until amz_loop_leave_cores. Valid until the next call. */
void amz_loop_cores(struct amz_loop *l, uint32_t slot, uint32_t threads, const uint32_t **ret_cpus, size_t *ret_n);
void amz_loop_leave_cores(struct amz_loop *l, uint32_t slot);

#endif

/* Chunk policies (self-scheduling techniques): how many tasks to hand out next.
 *
 * A policy is a table of functions over a state of its own; the scheduler doesn't know which one it runs. Policies never see
 * messages, clocks or task contents. The registry wraps each answer once: it is clamped to [1, remaining], so that
 * the chunks of a run sum up to its tasks whatever a formula says (for every N >= 0 and P >= 1).
 *
 * Formulas and their papers are named at each policy's source, src/policy/NAME.c. */
#ifndef AMORSIZE_POLICY_H
#define AMORSIZE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>

/* What is known before the first chunk, or found out later (amz_policy_tell). 0 where a value is unknown. */
struct amz_policy_params {
  uint64_t tasks;   /* N: tasks of this run, first attempts only */
  uint32_t slots;   /* P: slots over all ranks, >= 1 */
  uint32_t workers; /* ranks that will ask: 0..workers-1; 0: as many as slots */
  uint64_t seed;    /* for policies that draw */
  double mean_s;    /* µ of one task's time, 0: unknown */
  double stddev_s;  /* σ; means something only when µ is known */
  double overhead_s; /* h: what a chunk costs the slot that runs it */
  double service_s; /* g: what a chunk costs the master, who serves one after the other */
  const double *weights; /* relative speed of each worker's slots, > 0; NULL: alike. Read only while the policy is made */
  bool longest_first; /* tasks come in the order of their weights: the mean of the next is more than that of the rest */
  /* The user's wishes, for policies that follow them; 0: the policy's own. */
  double target_s, min_s, max_s; /* duration of a chunk */
  double rate;      /* weight of the newest chunk in what is believed of a worker, in (0, 1] */
};

/* What is known when a chunk is asked for. */
struct amz_policy_ask {
  uint64_t remaining; /* R: tasks not yet handed out, >= 1; grows again when a dead rank's tasks return */
  uint64_t chunks;    /* i: chunks handed out so far in this run */
  uint32_t slots;     /* P now: slots of all living ranks, >= 1 */
  uint32_t worker;    /* p: number of the asking rank, 0-based */
  uint32_t workers;   /* ranks that have ever asked are numbered below this */
  uint32_t worker_slots; /* slots of the asking rank; 0: 1 */
  uint64_t held;      /* tasks that the asking rank has in hand: handed out to it, and not told of */
  uint64_t held_all;  /* that all ranks have in hand */
};

/* What became of a chunk or a part of one, in the order in which the results came in. Where only the time of the whole was taken,
 * wall_sq_s2 is wall_s² / tasks, as if all its tasks had taken the same: more than that means times of single tasks. */
struct amz_policy_feedback {
  uint32_t worker;
  uint64_t tasks;   /* tasks that this tells of, >= 1 */
  double wall_s;    /* Σ of their wall time */
  double wall_sq_s2; /* Σ of its squares */
};

struct amz_policy; /* a policy with its state */

struct amz_policy_ops {
  const char *name;    /* as the user writes it: "gss" */
  const char *summary; /* one line for `policies` */
  const char *source;  /* paper, equation */
  size_t state_bytes;  /* zeroed before init */
  /* \return AMZ_OK; AMZ_ENOMEM: and then clear isn't called. NULL: nothing to do. params->workers is >= 1 here. */
  int (*init)(void *state, const struct amz_policy_params *params);
  void (*clear)(void *state); /* what init got; NULL: nothing */
  /* \return the chunk's size before clamping. */
  uint64_t (*next)(void *state, const struct amz_policy_ask *ask);
  void (*feedback)(void *state, const struct amz_policy_feedback *seen); /* NULL: doesn't learn */
  /* More is known than at init: as amz_policy_tell has it. NULL: nothing that it could use. */
  void (*tell)(void *state, const struct amz_policy_params *params);
};

/* The policies in the order in which they are listed. \return an array of *ret_n entries, constant. */
const struct amz_policy_ops *const *amz_policy_list(size_t *ret_n);

/* By exact name. \return NULL when there is none: never another one in its stead. */
const struct amz_policy_ops *amz_policy_find(const char *name);

/* \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL: slots is 0. Release with amz_policy_free (accepts NULL). */
int amz_policy_new(const struct amz_policy_ops *ops, const struct amz_policy_params *params, struct amz_policy **ret);
void amz_policy_free(struct amz_policy *policy);

/* \return the next chunk's size, in [1, ask->remaining]; 0 when nothing remains. */
uint64_t amz_policy_next(struct amz_policy *policy, const struct amz_policy_ask *ask);
void amz_policy_feedback(struct amz_policy *policy, const struct amz_policy_feedback *seen);
/* Tells what has been found out since the policy was made: by a sample, by a plan, by measuring. A number that is 0 says nothing
 * new; where mean_s is told, stddev_s is told with it. `tasks` are those that aren't handed out yet, `slots` those of all living
 * ranks; what is handed out from now on is as if the policy began with these. workers, seed and weights stay those that it was
 * made with. */
void amz_policy_tell(struct amz_policy *policy, const struct amz_policy_params *params);

#endif

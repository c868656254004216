/* What the planner's parts share: bounds.c (what fits), score.c (formulas), stretch.c (their terms), search.c (which layouts),
 * simulate.c (the best few, played out), chunks.c (how their tasks are handed out), advise.c and recommend.c (words), plan.c (all
 * in their sequence). */
#ifndef AMZ_SRC_PLAN_PRIVATE_H
#define AMZ_SRC_PLAN_PRIVATE_H

#include <stdarg.h>

#include <amorsize/memory.h>
#include <amorsize/plan.h>

/* Candidates in the making. */
struct amz_search {
  const struct amz_plan_input *input;
  double *times;          /* room for as many task times as there are samples */
  struct amz_candidate *found;
  size_t n, cap;
  uint64_t considered;
};

/* ---- score.c */
int amz_plan_check(const struct amz_plan_input *input);
/* As amz_plan_score, with room for the sample's times and without the interval, which takes a hundred times as long. */
int amz_plan_score_in(const struct amz_plan_input *input, const struct amz_plan_layout *layout, double *times,
                      struct amz_candidate *ret);
/* Fills in interval_s about makespan_s. */
int amz_plan_doubt(const struct amz_plan_input *input, double *times, struct amz_candidate *candidate);
/* Fills `times` with the sample under the candidate's conditions, ascending. */
void amz_plan_times(const struct amz_plan_input *input, const struct amz_candidate *candidate, double *times);
/* stretch.c: by how much longer tasks take on nodes of a kind under the layout than they did when they were sampled, but for
 * their speed.
 * *ret_contention: the neighbours' part (may be NULL). */
double amz_plan_stretch(const struct amz_plan_input *input, const struct amz_plan_nodes *kind,
                        const struct amz_plan_layout *layout,
                        double *ret_contention);
/* What a task that runs has done of the time that it counts with among all: of one foreseen, its own; of any other, the
 * mean's. */
double amz_plan_done_s(const struct amz_plan_input *input, size_t i);
/* How much of the tasks' time is left, as some of them run: 1 when none does. */
double amz_plan_left(const struct amz_plan_input *input);
/* How far off that may be, relative, for what is known of threads and neighbours: 0 where the layout is as the sample was. */
double amz_plan_stretch_error(const struct amz_plan_input *input, const struct amz_plan_layout *layout);
/* Derived numbers from makespan_s and launch. */
void amz_plan_finish_candidate(const struct amz_plan_input *input, double serial_task_s, struct amz_candidate *candidate);
/* \return the policy that was asked for, or else the default: its static name. */
const char *amz_plan_policy(const struct amz_plan_input *input);
double amz_plan_chunk_s(const struct amz_plan_input *input);

/* ---- bounds.c */
uint32_t amz_plan_most_slots(const struct amz_plan_bounds *bounds);
uint32_t amz_plan_cores(const struct amz_node *node); /* allowed, quota included; >= 1 */
uint32_t amz_plan_domains(const struct amz_node *node); /* with cores of ours; >= 1 */
uint32_t amz_plan_domain_cores(const struct amz_node *node); /* of the smallest such domain */
/* \return whether all such domains have as many cores: only then ranks, which share out the cores evenly, can have one each. */
bool amz_plan_domains_are_even(const struct amz_node *node);
/* Slots of a node, at most, for tasks that wait: what so many do to what they wait for was measured, or nearly. */
double amz_plan_most_waiting(const struct amz_plan_input *input);
/* Whether that takes slots away on such a node. */
bool amz_plan_bound_by_neighbours(const struct amz_plan_input *input, const struct amz_node *node);
/* Whether so much else runs on the node that tasks that computed little may have waited for a CPU. */
bool amz_plan_may_starve(const struct amz_workload *w, const struct amz_node *node);
uint32_t amz_plan_node_count(const struct amz_plan_input *input);

/* ---- classes.c */
uint32_t amz_plan_rank_slots(const struct amz_plan_input *input, size_t kind, const struct amz_plan_layout *layout);
/* The room of ranks that are there already; UINT32_MAX: they aren't, or nobody knows. */
uint32_t amz_plan_room(const struct amz_plan_input *input, size_t kind);

/* ---- search.c */
int amz_plan_search(struct amz_search *s);

/* ---- simulate.c */
/* A layout made ready to be played: the last `tasks` tasks of the run on its ranks. */
struct amz_stage {
  const struct amz_plan_input *in;
  const struct amz_candidate *c; /* borrowed */
  uint64_t tasks;
  double *times;            /* of the sample, as they are on this layout */
  uint32_t ranks, most_slots;
  double *speed, *pace;     /* by rank: relative to the mean that the times have, as ranks of faster kinds run their tasks faster;
                             * the same in one play */
  uint32_t *slots;          /* by rank */
  double uneven;            /* standard deviation of the logarithm of ranks' speeds, beyond what is known of them; 0: none */
};
/* \return AMZ_OK; AMZ_ENOMEM, AMZ_EINVAL; release it in any case (accepts what is zeroed). */
int amz_plan_stage_init(struct amz_stage *stage, const struct amz_plan_input *input, const struct amz_candidate *candidate,
                        uint64_t tasks);
void amz_plan_stage_clear(struct amz_stage *stage);
/* Plays one replicate, handed out by the policy with its target: the same tasks on the same ranks for all policies.
 * \return AMZ_OK with *ret_s, the run's makespan; AMZ_ENOMEM, AMZ_EINVAL. */
int amz_plan_play(const struct amz_stage *stage, const char *policy, double chunk_s, uint32_t replicate, double *ret_s);
/* The same tasks on the same ranks, each begun by the slot that is free first, at no cost: list scheduling (Graham, "Bounds on
 * certain multiprocessing anomalies", 1966), in a hundredth of a play's time. Policies are ahead of it by chance alone.
 * \return AMZ_OK; AMZ_ENOMEM. */
int amz_plan_play_free(const struct amz_stage *stage, uint32_t replicate, double *ret_s);
/* Replaces the candidate's makespan and interval by those of played-out runs. \return AMZ_OK; AMZ_ENOMEM, AMZ_EINVAL. */
int amz_plan_simulate(const struct amz_plan_input *input, uint64_t tasks_each, uint32_t replicates,
                      struct amz_candidate *candidate);

/* ---- chunks.c */
/* Whether other ways to hand out the tasks of a candidate that was played out are faster, where they are free to be chosen: plays
 * of no more than `budget` tasks in all. The candidate becomes what it is with the best of them; *ret: what was tried. */
struct amz_chunk_trial {
  struct amz_plan_layout layout;
  struct amz_chunking tried[AMZ_PLAN_CHUNKINGS];
  size_t n;
  uint64_t played;          /* tasks */
  char why[256];
};
/* \return AMZ_OK; AMZ_ENOMEM, AMZ_EINVAL. */
int amz_plan_try_chunks(const struct amz_plan_input *input, uint64_t budget, double serial_task_s,
                        struct amz_candidate *candidate, struct amz_chunk_trial *ret);

/* ---- advise.c */
int amz_plan_explain(const struct amz_plan_input *input, struct amz_plan *plan);
/* What has to change before anything is feasible. */
void amz_plan_infeasible(const struct amz_plan_input *input, struct amz_error *err);
/* \return the words, on the heap; NULL: no memory. */
char *amz_plan_text(const char *format, va_list args);
uint64_t amz_plan_task_memory(const struct amz_plan_input *input); /* as given, else as sampled */
uint64_t amz_plan_node_memory(const struct amz_node *node);
#define AMZ_PLAN_LABEL 96
/* Which nodes are meant, where there are several kinds: " like n3 (8 cores)", else "". \return room. */
const char *amz_plan_label(const struct amz_plan_input *input, size_t kind, char room[AMZ_PLAN_LABEL]);

/* ---- recommend.c */
/* \return AMZ_OK; AMZ_ENOMEM. */
int amz_plan_recommend(const struct amz_plan_input *input, struct amz_plan *plan);

#endif

/* The planner: which layout, why, and what will come of it. Pure.
 *
 * Every feasible layout is scored by formulas (makespan.h); the best few are then played out by the real scheduler under virtual
 * time (sim.h), on the very same drawn task times. What was ruled out leaves its reason, and what would lift it.
 *
 * Ownership: a plan owns all that it points to; release it with amz_plan_clear (accepts what is zeroed). Node profiles are
 * borrowed for the call. */
#ifndef AMORSIZE_PLAN_H
#define AMORSIZE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>
#include <amorsize/job.h>
#include <amorsize/node.h>
#include <amorsize/workload.h>

/* ---- what there is, what is wanted ------------------------------------------------------------------------------------- */

#define AMZ_PLAN_KINDS_MAX 16u /* more than that are refused */

/* Nodes of one kind. */
struct amz_plan_nodes {
  const struct amz_node *node;
  uint32_t count;
  double speed; /* task times are divided by it; 1 for the kind that was sampled on */
};

/* Ranks that are there already, on each node of a kind. */
struct amz_plan_launched {
  uint32_t ranks;      /* >= 1 */
  uint32_t most_slots; /* of each of them: the room that it was started with */
  uint32_t slots;      /* of each of them, fixed; 0: the planner chooses */
};

/* Counts are AMZ_AUTO (job.h) where the planner chooses. */
struct amz_plan_want {
  enum amz_goal goal;
  enum amz_task_kind tasks; /* what they are: advice goes by it */
  double efficiency;    /* goal efficiency: at least */
  double deadline_s;    /* goal deadline */
  uint32_t nodes, ranks_per_node, slots_per_rank, threads_per_task;
  uint32_t max_workers; /* slots over all nodes, at most */
  uint64_t memory_bytes; /* of one task as the user says; 0: as sampled */
  bool memory_ignore;
  bool load_aware;
  bool differ;          /* tasks differ in threads or memory, by a column: these are means, and a run starts each as it fits */
  bool waits;           /* more slots than cores may pay, whatever kind of work the sample shows (preset io) */
  uint32_t open_slots;  /* of a node, that tasks which wait have been given already: never fewer for want of knowing; 0: none */
  uint32_t gpus;        /* per task */
  const char *policy;   /* that hands out: a name of amz_policy_find; NULL: adaptive */
  double chunk_s;       /* its target */
  double chunk_min_s, chunk_max_s; /* bounds of that; 0: the policy's own */
  double rate;          /* as of amz_policy_params; 0: the policy's own */
  bool policy_free;     /* nobody asked for that policy: another one may be taken, */
  bool target_free;     /* and, of adaptive, another target within the bounds */
  bool launched;        /* the ranks are there: nodes and ranks_per_node are given and cost nothing any more */
};

/* Costs beside the tasks' own time; unknown ones are taken as 0 and said to be unknown. */
struct amz_plan_costs {
  struct amz_quantity gap_s;     /* between a task's end and its slot's next start */
  /* of the gap, what a rank's helper takes for each start: it starts one task at a time; unknown: none */
  struct amz_quantity start_s;
  struct amz_quantity chunk_s;   /* a chunk's round trip */
  struct amz_quantity service_s; /* the master's time for one */
  struct amz_quantity launch_base_s, launch_per_rank_s; /* of an MPI launch, by ranks on a node */
  struct amz_quantity collect_s; /* behind the last task */
};

struct amz_plan_input {
  const struct amz_workload *work;
  const struct amz_plan_nodes *nodes; /* kinds; the first is the one that was sampled on */
  size_t n_nodes;
  const struct amz_plan_launched *launched; /* by kind; NULL: nobody knows more than want.ranks_per_node says */
  struct amz_plan_want want;
  struct amz_plan_costs costs;
  /* of the tasks, those that run already, each on a slot of its own (amz_workload_rest); NULL: none does */
  const struct amz_in_hand *in_hand;
  size_t n_in_hand;
  /* relative: 90 % of runs are off by less than this for reasons that no sample shows; unknown: none is minded */
  struct amz_quantity unforeseen;
  uint64_t seed;
  uint32_t replicates;  /* of the simulation; 0: 12 */
  uint64_t chunk_budget; /* simulated chunks in all; 0: 10^6 */
};

/* ---- a plan ------------------------------------------------------------------------------------------------------------ */

/* Where nodes differ, slots_per_rank is the most that any rank has: on each kind, ranks have as many of them as fit there. */
struct amz_plan_layout {
  uint32_t nodes, ranks_per_node, slots_per_rank, threads;
};

/* A layout on the nodes of one kind. */
struct amz_plan_class {
  uint32_t kind;           /* position in input->nodes */
  uint32_t nodes;          /* of them, taken */
  uint32_t ranks_per_node, slots_per_rank;
  double task_s;           /* mean of one task on them */
  double contention;       /* as of a candidate */
};

/* One layout with its prediction. Times in seconds. */
struct amz_candidate {
  struct amz_plan_layout layout;
  const char *policy;    /* that hands out its tasks, and */
  double chunk_s;        /* its target; 0: none */
  uint64_t slots;        /* in all */
  uint64_t cores;        /* of its nodes, that are ours */
  double task_s;         /* mean of one task under it */
  double contention;     /* of that, by busy neighbours: κ·φ relative to the sample's circumstances */
  double launch_s, work_s, imbalance_s, dispatch_s, gap_s, collect_s;
  double bound_s;        /* the longest task, or the master's time: makespan_s can't be less */
  double longest_s;      /* of that, what no policy changes: the longest task, and starting all */
  double makespan_s;     /* all but launch and collecting */
  double total_s;
  double interval_s[2];  /* of makespan_s, 90 % */
  double speedup;        /* over one slot of one thread */
  double efficiency;     /* Σ one-slot one-thread task time / (makespan × slots × threads) */
  double core_hours;
  bool simulated;        /* makespan_s and interval_s come from the simulator */
};

/* The terms by which a task's time under a layout differs from the sampled one (of the first kind of nodes):
 *   stretch = (1 − a)·wait + a · beside / speedup · oversubscribed,   beside = φ·κ·left                (all dimensionless) */
struct amz_plan_terms {
  uint32_t busy, sampled_busy;  /* cores busy in a NUMA domain: under the layout, and when tasks were sampled */
  double active;                /* a: share of the wall time in which a task computes; sampled */
  struct amz_quantity speedup;  /* of the threads, over those that were sampled with */
  bool beyond;                  /* more threads than were sampled: the speedup is extrapolated */
  struct amz_quantity computing; /* φ: pure computing at `busy` cores over that at `sampled_busy` */
  struct amz_quantity memory_share; /* m: of the computing, what memory limits; 0 where tasks fit their share of the last cache */
  bool in_cache;
  struct amz_quantity memory;   /* κ: what `busy` cores make of that share, over `sampled_busy` ones */
  /* what neighbours cost beyond φ and κ, as sampled, a straight line in the busy cores; 1: nothing */
  double left;
  double wait;                  /* likewise of the waiting, for tasks that mostly wait */
  double oversubscribed;        /* CPUs wanted over CPUs there, >= 1 */
};

/* A bound that took something away, or a family of layouts that was ruled out. */
struct amz_reason {
  const char *what; /* "memory", "cores", "gpus", "max_workers", "numa", "given", "deadline", "efficiency" …; static */
  bool active;      /* without it the choice might have been another */
  char *text;       /* "6 slots a node instead of 16: 4.1 GiB a task, 25.6 GiB of memory" */
  char *lift;       /* "nodes of 82 GiB would allow all 16"; "" when nothing would */
};

struct amz_recommendation {
  char *text;
};

/* Another way to hand out the tasks of the chosen layout, played out. */
struct amz_chunking {
  const char *policy;    /* static */
  double chunk_s;        /* its target; 0: it has none */
  double makespan_s, total_s; /* with it */
  const char *why_not;   /* static */
};
#define AMZ_PLAN_CHUNKINGS 12

#define AMZ_PLAN_LISTED 10

struct amz_plan {
  struct amz_candidate chosen;
  struct amz_plan_terms terms;     /* of the chosen one */
  struct amz_plan_class classes[AMZ_PLAN_KINDS_MAX]; /* what it means on each kind of nodes */
  size_t n_classes;
  struct amz_candidate serial;     /* one slot, one thread, one node: what speedups are over */
  struct amz_candidate others[AMZ_PLAN_LISTED]; /* the best of the rest, fastest first */
  const char *why_not[AMZ_PLAN_LISTED];         /* static */
  size_t n_others;
  uint64_t considered, simulated;  /* layouts */
  uint64_t played_tasks;           /* simulated, of all replicates: no fewer than there were chunks */
  const char *why;                 /* how it was chosen, in words; static */
  struct amz_chunking chunkings[AMZ_PLAN_CHUNKINGS]; /* those that weren't chosen, fastest first */
  size_t n_chunkings;
  char why_chunks[256];            /* why tasks are handed out as they are, in words */
  /* from so many tasks on this layout beats the serial one; where that is the choice: from so many on more slots would be worth
   * it; 0: never */
  double break_even_tasks;
  double theoretical_speedup;      /* with all slots allowed and no overhead */
  double unforeseen;               /* amz_plan_unforeseen */
  struct amz_reason *reasons;
  size_t n_reasons;
  struct amz_recommendation *recommendations;
  size_t n_recommendations;
};

/* Tasks that were seen in the first second say nothing of the other work that comes to the nodes later, nor of their clock's
 * mood. How much runs are off for such reasons is assumed, until earlier runs of the job tell. */
#define AMZ_PLAN_UNFORESEEN 0.05

/* What a plan's interval has for what no sample shows: input->unforeseen, and where tasks had to wait for CPUs while they were
 * sampled the time for which they did, as those who had them may go, or be as many again. \return relative, 0..1. */
double amz_plan_unforeseen(const struct amz_plan_input *input);

/* \return AMZ_OK; AMZ_EINVAL: a number out of its range, no times; AMZ_ERANGE with *err: nothing is feasible, and what would have
 * to change; AMZ_ENOMEM. */
int amz_plan_make(const struct amz_plan_input *input, struct amz_plan *ret, struct amz_error *err);
void amz_plan_clear(struct amz_plan *plan);

/* What a layout means on each kind of nodes: kinds that do most work in a second come first, until layout->nodes are taken; those
 * on which not one task fits are left out. With a single kind, what the layout says holds, feasible or not.
 * \return how many classes there are; 0: nothing fits, or the input is none. */
size_t amz_plan_classes(const struct amz_plan_input *input, const struct amz_plan_layout *layout,
                        struct amz_plan_class ret[AMZ_PLAN_KINDS_MAX]);

/* Scores one layout by formulas alone, feasible or not: for sweeps and for what a user has set by hand. \return as
 * amz_plan_make. */
int amz_plan_score(const struct amz_plan_input *input, const struct amz_plan_layout *layout, struct amz_candidate *ret);

/* What comes of going on just as the sample ran, on so many slots: needs no nodes, and decides nothing. Of the layout in *ret
 * only the threads are known.
 * \return AMZ_OK; AMZ_EINVAL: no times, no slots; AMZ_ENOMEM. */
int amz_plan_foretell(const struct amz_plan_input *input, uint64_t slots, struct amz_candidate *ret);

/* \return as amz_plan_score. */
int amz_plan_explain_terms(const struct amz_plan_input *input, const struct amz_plan_layout *layout, struct amz_plan_terms *ret);
/* Of tasks that wait. By what they were seen to do, most want fewer (CPUs, memory, what they wait for, how fast they can be
 * started); this one is for what no sample shows: each has a process, and three descriptors of the helper's. */
#define AMZ_SLOTS_PER_CORE_MAX 64u

/* The bounds that hold on one node: the most slots of `threads` threads that each of them allows; UINT32_MAX: no bound. */
struct amz_plan_bounds {
  uint32_t cores;   /* more slots than cores where tasks wait for I/O */
  uint32_t memory;
  uint32_t gpus;
  uint32_t workers;
  uint32_t load;    /* what others leave free, when the user minds (load.h) */
};
void amz_plan_bound(const struct amz_plan_input *input, const struct amz_node *node, uint32_t threads, uint32_t nodes,
                    struct amz_plan_bounds *ret);

#endif

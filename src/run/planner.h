/* A run that plans itself. Its first tasks are a sample of all (sampler.h): when enough is known, or was known before it began,
 * it plans beside what goes on (think.h), and goes on by the plan: other slots, other threads, from one task to the next. Nothing
 * runs twice, nothing is drained. When a tenth of the tasks has ended it looks again, at what will come of it. */
#ifndef AMZ_RUN_PLANNER_H
#define AMZ_RUN_PLANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/history.h>
#include <amorsize/job.h>
#include <amorsize/report.h>

#include "kinds.h"
#include "recall.h"
#include "run.h"
#include "sampler.h"
#include "spent.h"
#include "think.h"

struct amz_loop;

enum amz_planner_state {
  AMZ_PLANNER_SAMPLES, /* it waits until enough is known */
  AMZ_PLANNER_THINKS,
  AMZ_PLANNER_FOLLOWS, /* the plan is followed */
  AMZ_PLANNER_LOOKS_AGAIN,
  AMZ_PLANNER_DONE,    /* nothing more is planned: all is known, or it isn't worth it */
};

struct amz_planner {
  /* filled in by the launch: */
  const struct amz_job *job;
  const char *dir;              /* the run directory, absolute */
  struct amz_sampler *sampler;  /* told to keep the run going */
  struct amz_kinds kinds;       /* of nodes, and which ranks are on them. Owned */
  uint64_t tasks;               /* of this launch */
  uint32_t total_slots;         /* over all ranks; kept up to date */
  const char *policy;           /* that hands out, static; and */
  double target_s;              /* its target, 0: it has none. Kept up to date */
  uint32_t found_slots;         /* the most of a rank that sampling has opened; 0: no more than there were */
  bool may_refuse;              /* a run of which all sampled tasks fail is ended */
  struct amz_recall *recall;    /* what is known may come while it runs; NULL: it is there, or never will be */
  struct amz_history_known known; /* costs of earlier runs: the plan is made of them at once. runs 0: there are none, or the first tasks spoke against
                                     them. Owned */
  struct amz_quantity unforeseen; /* from the same runs, if there are enough of them; else assumed */
  /* what has come of it: */
  enum amz_planner_state state;
  bool planned;
  bool checked;                 /* what was known has been held against this run's own tasks */
  size_t checked_at;            /* so many of them */
  enum amz_source planned_from; /* where the tasks' costs came from; AMZ_UNKNOWN: nothing was predicted */
  struct amz_plan_layout chosen; /* when planned: by kinds of nodes; */
  struct amz_plan_layout layout; /* as it is told: with the most slots that any rank has; */
  uint32_t *rank_slots;          /* and those of each rank; owned */
  struct amz_prediction predicted, refined;
  int64_t asked_ns, asked_real_ns; /* when it began to think, by either clock; by then */
  uint64_t left;                /* tasks were left, and */
  double in_hand_s;             /* orders of several tasks had run for so long, in all; */
  struct amz_in_hand *in_hand;  /* and single tasks each; owned */
  size_t n_in_hand;
  struct amz_spent spent;       /* on sampling and planning */
  double slot_s;                /* Σ of slots over time, up to */
  int64_t counted_ns;           /* this moment; 0: not begun */
  struct amz_think think;
};

/* What a user's settings want of a plan; nodes and ranks are left to the planner. */
struct amz_plan_want amz_plan_want_of(const struct amz_settings *settings);

/* \return whether a run of so many tasks plans itself: its slots are the planner's to choose, and sample.tasks isn't 0. */
bool amz_planner_wanted(const struct amz_job *job, uint64_t tasks, uint64_t slots);
/* \return whether what will come of a run of so many tasks can be foretold from a sample, though its slots were given. */
bool amz_planner_foretells(const struct amz_job *job, uint64_t tasks, uint64_t slots);
/* Begins with *p filled in. */
void amz_planner_begin(struct amz_planner *p);
/* Waits for a thought that goes on. Accepts what is zeroed. */
void amz_planner_clear(struct amz_planner *p);

/* Appends what was seen as sample.json has it; nothing when nothing was. */
void amz_planner_keep_sample(const struct amz_planner *p, const char *host, struct amz_buf *out);

/* ---- for the loop */
/* Other slots from now on, as amz_loop_shape has it, which are counted, too. A count is of rank 0. \return AMZ_OK; AMZ_ENOMEM. */
int amz_loop_take_slots(struct amz_loop *l, uint32_t threads, uint32_t slots);
/* The slots of each rank (rank_slots), as they are now. \return likewise. */
int amz_loop_take_rank_slots(struct amz_loop *l);
/* Each turn. \return AMZ_OK; AMZ_ENOMEM. */
int amz_loop_plan(struct amz_loop *l);
/* \return a descriptor that wakes the loop when it has to turn, -1: none. */
int amz_planner_fd(const struct amz_planner *p);
/* \return mean number of slots over the time of the loop; `otherwise` when that isn't known. */
double amz_planner_slots(struct amz_planner *p, int64_t now_ns, double otherwise);

#endif

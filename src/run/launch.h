/* What a launch holds from its beginning to its summary. */
#ifndef AMZ_RUN_LAUNCH_H
#define AMZ_RUN_LAUNCH_H

#include <amorsize/history.h>

#include "budget.h"
#include "loop.h"
#include "net.h"
#include "places.h"
#include "recall.h"
#include "run.h"

/* All that a launch holds; zero-initialised it holds nothing. */
struct amz_launch {
  const struct amz_run_observer *observer;
  int64_t began_ns;
  struct amz_job *job;
  char *shown_dir;   /* as the user may type it */
  char *dir;         /* absolute */
  char *pack_path;
  char host[256];
  struct amz_lease *lease;
  bool unsettled;    /* DIR/inputs isn't durable until the store has seen to it */
  struct amz_store *store;
  struct amz_store_counts before;
  uint32_t epoch;
  struct amz_order *order;
  struct amz_cores cores;
  struct amz_gpus gpus;
  uint32_t *slot_gpus; /* of all ranks' slots, our own first: positions in gpus */
  struct amz_layout layout;
  struct amz_budget budget;    /* of this rank */
  struct amz_buf memory_source; /* who says how much memory the node has for us */
  bool fitted;                 /* tasks fit the budget, or were told not to */
  bool barred, any_barred;     /* this rank runs nothing, or some rank does: too little for some of the tasks */
  struct amz_exec *exec;
  struct amz_rank_link *link; /* NULL: a process alone */
  struct amz_team team;       /* with a link */
  struct amz_buf recording, cwd;
  struct amz_range *left;     /* what is to be done, as index ranges */
  size_t n_left;
  struct amz_rank_share *shares; /* of each rank, with a link. Owned */
  uint32_t total_slots;
  const struct amz_policy_ops *policy; /* that hands out, to begin with: as was given, or as an earlier launch's plan has it, */
  double target_s;            /* with this target */
  double slots_mean;          /* over the time of the loop, where they changed; 0: they didn't */
  bool told;                  /* the other ranks know what to do, */
  bool left_alone;            /* and may go home with what packs they have */
  bool lost_early;            /* a rank was missing from the beginning: another launch may do better */
  int signal;                 /* that came before the loop could see it; 0: none */
  int64_t next_beat_ns;       /* when the other ranks are due a sign of life, and the lease its refreshment */
  struct amz_places places;   /* where packs lie on other nodes */
  bool gathers;               /* so do those of this launch; then, by rank: */
  char **node_dirs;           /* where, NULL: it writes into the run directory */
  uint64_t *kept;             /* how many recorded tasks its pack holds */
  struct amz_store_absent *absent; /* records of earlier launches whose packs aren't here */
  size_t n_absent;
  uint64_t elsewhere;         /* tasks whose outputs aren't here */
  int64_t end_s;              /* of the batch job; 0: not known */
  bool *ret_requeue;
  bool no_history;
  struct amz_recall recall;
  struct amz_sampler *sampler; /* NULL: nothing is sampled; else borrowed, or our own: */
  bool plans;                 /* its first tasks are its sample, and it goes on by what they show */
  bool foretells;             /* of these: its slots are given, its sample is an earlier launch's; what will come of it is told */
  size_t n_first;             /* of `left`: ranges of the sample */
  struct amz_sampler own_sampler;
  struct amz_planner planner;
  struct amz_loop_result result;
  struct amz_reduced reduced; /* of all launches; zeroed when nothing is reduced */
};

/* Gives what is due while the loop doesn't run: signs of life to the other ranks, and to the lease while the store isn't open
 * yet. */
void amz_launch_tick(struct amz_launch *l);

void amz_launch_tick_for(void *launch); /* the same, for whoever calls back */

/* ---- launch_dir.c: the run directory */
void amz_launch_tell_findings(const struct amz_run_observer *observer, const struct amz_diags *diags);
/* \return whether our driver launched us. */
bool amz_launch_is_driven(const struct amz_launch *l);
/* What was foreseen by a plan that was given: it holds for the whole run, and for none that goes on. */
struct amz_prediction amz_launch_given_prediction(const struct amz_launch *l);
/* How tasks are handed out to begin with: as the settings say, or where a plan was free to choose, as DIR/plan.yaml has it.
 * \return AMZ_OK; AMZ_EINVAL, AMZ_EIO, AMZ_ENOMEM with *err. */
int amz_launch_choose_policy(struct amz_launch *l, struct amz_error *err);
/* DIR/plan.yaml := the layout and the settings. \return AMZ_OK; AMZ_EIO, AMZ_ENOMEM with *err. */
int amz_launch_write_plan(const struct amz_launch *l, struct amz_error *err);
/* Makes a new one, with its lease. One that can't be resumed is taken back: nobody shall be told to go on with it. \return as
 * amz_run_new. */
int amz_launch_make_directory(struct amz_launch *l, const struct amz_job_input *input, const struct amz_run_options *options,
                              struct amz_error *err);
/* Takes one that is there: it is ours before anything of it is read, and cleaned of an old wish to stop. \return as
 * amz_run_resume. */
int amz_launch_take_directory(struct amz_launch *l, const char *dir, bool take_over, struct amz_error *err);
/* What its run was made from, with what options change of it, and the job from that. \return likewise. */
int amz_launch_load_job(struct amz_launch *l, const struct amz_run_options *options, struct amz_error *err);

/* ---- launch_work.c: what is to be done, and doing it */
/* Opens the store, and makes the order of what is left. \return AMZ_OK; negative with *err. */
int amz_launch_open_store(struct amz_launch *l, const struct amz_run_options *how, struct amz_error *err);
/* Tells the ranks, starts the helper, runs the loop. \return AMZ_OK with l->result; negative with *err. */
int amz_launch_work(struct amz_launch *l, struct amz_signals *signals, struct amz_error *err);

/* ---- the rest */
/* Takes what earlier launches left on nodes that have a rank now (amz_gather_before). A signal ends it: l->signal. \return
 * AMZ_OK; negative with *err. */
int amz_launch_fetch(struct amz_launch *l, struct amz_error *err);
/* Sums up how far the launch came; strings go into *text. \return AMZ_OK; AMZ_ENOMEM. */
int amz_launch_summarize(const struct amz_launch *l, struct amz_buf *text, struct amz_run_summary *ret);

/* Begins to find out which job it is, and (`finds`) what earlier runs of it cost; neither when the user forbids it. */
void amz_launch_ask_history(struct amz_launch *l, bool finds);
/* Waits for the answer, for the planner: nothing also when it can't be read. */
void amz_launch_recall(struct amz_launch *l);
/* Adds a run that has come to its end to the history, for the next one to start from; gives the lease up. What goes wrong is a
 * note. */
void amz_launch_remember(struct amz_launch *l, const struct amz_run_summary *summary);

/* Makes a new run's directory, ready to be resumed, and lets it go. *ret_dir as the user may type it (free it); *ret_job: the
 * job.
 * \return as amz_run_new. */
int amz_launch_prepare(const struct amz_job_input *input, const struct amz_run_options *options,
                       const struct amz_run_observer *observer,
                       char **ret_dir, struct amz_job **ret_job, struct amz_error *err);

#endif

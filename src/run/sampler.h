/* Sampling as the first tasks of a run: what they showed is kept beside their records, and the launch ends when enough is known.
 *
 * The first few tasks run alone, the others on all slots: from the difference the planner learns what neighbours cost. Where
 * tasks wait, more and more slots are opened, beyond the cores (sampler_ramp.c). */
#ifndef AMZ_RUN_SAMPLER_H
#define AMZ_RUN_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/job.h>
#include <amorsize/message.h>
#include <amorsize/ramp.h>
#include <amorsize/sched.h>
#include <amorsize/quantity.h>
#include <amorsize/workload.h>

struct amz_loop;

/* Between a task's end and its slot's next start; before so many tasks that ran one behind the other. */
struct amz_gap {
  double seconds;
  uint64_t tasks;
};

struct amz_sampler {
  uint64_t seed;
  bool goes_on;                  /* the launch isn't ended when enough is known: what follows is seen, too, apart */
  /* filled in by the launch: */
  const struct amz_settings *settings;
  uint64_t tasks;                /* of the job */
  struct amz_observation *seen;  /* in the sequence of their ends; owned */
  size_t n, cap, next_check;
  uint64_t ran;                  /* tasks that they tell of: tiny ones are told of by orders */
  size_t failed, failed_for_good; /* of the n: attempts, and those that were the last */
  struct amz_observation *more;  /* goes_on: what was seen later, thinned out; owned */
  size_t n_more, cap_more;
  uint64_t later, stride;        /* tasks, or orders, seen later; each stride-th of them is kept */
  size_t most;                   /* of them, before more threads are tried; 0: as many as the launch has */
  struct amz_gap *gaps;          /* owned */
  size_t n_gaps, cap_gaps;
  int64_t *last_end_ns;          /* by slot; owned */
  uint32_t slots, threads, alone; /* tasks that run alone before the others do, */
  int64_t alone_ns;              /* for so long at most */
  int64_t started_ns;            /* when the loop began; 0: it hasn't */
  int64_t first_start_ns;        /* the first task that was seen to start; real time; 0: none was */
  int64_t opened_ns;             /* when all slots were */
  uint64_t memory_bytes, peak_bytes; /* for tasks of a rank, 0: not minded; the most that one has taken */
  uint64_t minded_bytes;         /* the peak that slots have been bounded by */
  uint32_t memory_slots, told_slots; /* so many at most by these; 0: not bounded so far; what the user was told of it last */
  struct amz_ramp ramp;          /* over unless tasks may get more slots than there are cores; owned */
  bool opened, done;
  const char *why;               /* it ended: static; NULL: the launch itself ended */
  struct amz_sampler_threads {   /* other numbers of threads (sampler_threads.c): */
    uint32_t now;                /* that tasks have which start now; 0: those of the launch */
    bool emptying, over;         /* it waits until nothing runs; no more are tried */
    size_t from;                 /* observations before it */
    double best;                 /* speedup so far */
  } try;
};

/* Release with amz_sampler_clear (accepts what is zeroed). */
void amz_sampler_clear(struct amz_sampler *s);
/* Sampled; unknown when no slot ran two tasks. Of tasks told of one by one it is the gaps' median with its interval; of orders,
 * before which slots wait for the rank's loop now and then, what a task bears of all gaps (a ratio of sums: Cochran, Sampling
 * Techniques, 1977, section 6.4). Sorts them. */
struct amz_quantity amz_sampler_gap(struct amz_sampler *s);

/* A slot began an order of `count` tasks, or one task. \return AMZ_OK; AMZ_ENOMEM. */
int amz_sampler_note_gap(struct amz_sampler *s, uint32_t slot, int64_t start_ns, int64_t wall_ns, uint64_t count);

/* \return whether enough tasks have failed for good, and none has succeeded. */
bool amz_sampler_all_failed(const struct amz_sampler *s);
/* A fit of the sample and of all that was seen later (amz_workload_refit). \return as amz_workload_fit. */
int amz_sampler_fit_all(const struct amz_sampler *s, struct amz_workload *ret);

/* ---- for the loop */
/* What is known of the launch's tasks before it begins; takes `seen` over. `enough`: no more needs to be seen. Before
 * amz_sampler_begin. */
void amz_sampler_recall(struct amz_sampler *s, struct amz_observation *seen, size_t n, bool enough);
/* Takes that back. Before the loop begins. */
void amz_sampler_forget(struct amz_sampler *s);
int amz_sampler_begin(struct amz_sampler *s, const struct amz_settings *settings, uint64_t tasks, uint32_t slots,
                      uint32_t threads);
/* sampler_memory.c: minds memory from now on: so much there is for a rank's tasks. Where it is scarce, a task runs alone first,
 * which says how much others will take. */
void amz_sampler_mind(struct amz_sampler *s, uint64_t memory_bytes);
/* \return the slots that are to be open: fewer by what tasks have taken of memory, more where they wait; else AMZ_ALL_SLOTS. */
uint32_t amz_sampler_slots(const struct amz_sampler *s);
/* \return how many tasks the memory suffices for, by the largest seen; UINT64_MAX: nobody knows. */
uint64_t amz_sampler_memory_allows(const struct amz_sampler *s);
/* All that is to be learnt of neighbours and threads is known: no task runs alone, no threads are tried. Before the loop
 * begins. */
void amz_sampler_open(struct amz_sampler *s);
/* All that a RAN event tells of. \return AMZ_OK; AMZ_ENOMEM. */
int amz_loop_sample_ran(struct amz_loop *l, const struct amz_event *event);
/* Likewise of what another rank reports to rank 0; nothing where nobody samples. \return AMZ_OK; AMZ_ENOMEM. */
int amz_loop_sample_heard(struct amz_loop *l, const struct amz_message *message);
/* \return when something is due whatever ends until then; AMZ_NEVER: nothing is. s may be NULL. */
int64_t amz_sampler_deadline(const struct amz_sampler *s);
/* sampler_memory.c: slots are taken away when a task has taken more than they leave room for; a warning says so. Also when the
 * sample is over, and of those that a plan has opened. \return AMZ_OK, *ret_bound: some were; AMZ_ENOMEM. */
int amz_loop_mind_memory(struct amz_loop *l, bool *ret_bound);
/* Likewise of the slots that a plan has for each rank (planner.h), before they are opened. \return whether any had too many. */
bool amz_loop_bound_plan(struct amz_loop *l);
/* sampler_threads.c: when the sample itself is complete, tries more threads, while there is time and they pay. \return AMZ_OK,
 * *ret_busy: something is being tried; AMZ_ENOMEM. */
int amz_loop_sample_threads(struct amz_loop *l, int64_t now_ns, bool *ret_busy);
/* sampler_ramp.c: as the sample begins. \return AMZ_OK; AMZ_ENOMEM. */
int amz_loop_ramp_begin(struct amz_loop *l);
/* A task has ended; corrects how many were busy beside it. */
void amz_sampler_ramp_see(struct amz_sampler *s, const struct amz_result *r, struct amz_observation *o);
/* Opens more slots when tasks wait. \return AMZ_OK, *ret_busy: it isn't known yet how many are enough; AMZ_ENOMEM. */
int amz_loop_sample_ramp(struct amz_loop *l, int64_t now_ns, bool *ret_busy);
/* \return whether more threads are to be tried, as far as that is known before any task has run. */
bool amz_sampler_wants_threads(const struct amz_settings *settings, enum amz_task_kind kind, uint32_t cores);
/* Tasks that trying them takes, at most. */
uint32_t amz_sampler_threads_tasks(uint32_t slots, uint32_t threads, uint32_t cores);
/* Does what is due: opens all slots, or ends the launch. Each turn of the loop. \return AMZ_OK; AMZ_ENOMEM. */
int amz_loop_sample(struct amz_loop *l);

#endif

/* What the planner's files share. planner.c: whether and when; planner_known.c: what was known before; planner_input.c: from what
 * a plan is made; planner_apply.c: how it is followed; planner_predict.c: what is said to come of it. */
#ifndef AMZ_RUN_PLANNER_PRIVATE_H
#define AMZ_RUN_PLANNER_PRIVATE_H

#include <amorsize/workload.h>

#include "loop_state.h"
#include "planner.h"

#define AMZ_PLANNER_LEAST_REST_S 0.5 /* what is over sooner needs no plan */
#define AMZ_PLANNER_LEAST_SEEN 2u    /* of one task alone nobody knows the spread */

/* ---- planner_input.c */
/* What is left, and what runs, as of now. */
void amz_planner_note_stand(struct amz_loop *l, struct amz_planner *p);
/* \return seconds that so many tasks will take on the slots that are open. */
double amz_planner_rest_s(const struct amz_planner *p, const struct amz_workload *w, uint64_t left);
/* What is left, as it is foreseen; `w` is then of that. */
void amz_planner_look_ahead(struct amz_loop *l, struct amz_planner *p, struct amz_workload *w);
/* What the user's settings want of a plan, with the policy that hands out. */
struct amz_plan_want amz_planner_want(const struct amz_planner *p);
/* What is known of the costs that aren't the tasks' own. */
struct amz_plan_costs amz_planner_costs(const struct amz_loop *l, const struct amz_planner *p);
/* Takes *w over. Nothing is thought, and the planner done, when nothing is left, or there is no thread to be had. */
void amz_planner_think(struct amz_loop *l, struct amz_planner *p, struct amz_workload *w, enum amz_planner_state next);

/* ---- planner_known.c */
/* What earlier runs cost, if that is there by now. It comes too late when the run's own sample is complete, or threads are being
 * tried. */
void amz_planner_take_known(const struct amz_loop *l, struct amz_planner *p);
/* Costs that are known need no sample. \return AMZ_OK; AMZ_ENOMEM. */
int amz_planner_use_known(struct amz_loop *l, struct amz_planner *p);
/* Whether this run's first tasks, which are drawn from all of them, take as long as was known. If not, it samples and plans as if
 * nothing had been. \return AMZ_OK; AMZ_ENOMEM. */
int amz_planner_check_known(struct amz_loop *l, struct amz_planner *p);

/* ---- planner_apply.c */
/* Follows the plan that was thought of. \return AMZ_OK; AMZ_ENOMEM. */
int amz_planner_apply(struct amz_loop *l, struct amz_planner *p);
/* Writes plan.yaml, with the CV of tasks; a run without is a run. */
void amz_planner_keep_plan(const struct amz_loop *l, const struct amz_planner *p, const struct amz_candidate *c, double cv,
                           const char *why, const char *node_source);

/* ---- planner_predict.c */
/* Of the launch as a whole: what has passed, and what is left, less what runs has done already. */
struct amz_prediction amz_planner_predict(const struct amz_planner *p, const struct amz_candidate *c);
/* What is over soon needs no other layout, nor a thread to look for one; what will come of this one is said all the same. Takes
 * *w over. */
void amz_planner_foretell(struct amz_loop *l, struct amz_planner *p, struct amz_workload *w);
/* When a tenth of the tasks has ended, looks at what will come of the layout that there is. \return AMZ_OK; AMZ_ENOMEM. */
int amz_planner_look_again(struct amz_loop *l, struct amz_planner *p);
/* What came of that. */
void amz_planner_take_second(struct amz_planner *p);

#endif

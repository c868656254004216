/* One launch of ranks that do nothing but say that they are there, and perhaps measure messages. Inside the room. */
#ifndef AMZ_MEASURE_TRIAL_H
#define AMZ_MEASURE_TRIAL_H

#include <amorsize/allocation.h>
#include <amorsize/measure.h>

#include "../run/launcher.h"

#define AMZ_TRIAL_SAID 256

struct amz_trial {
  const struct amz_allocation *allocation;
  struct amz_spread spread;
  unsigned way;       /* of launching */
  const char *mode;   /* text.h */
  const char *program; /* NULL: the rank program, looked for beside our own */
  int64_t timeout_ns; /* it is ended after that */
  bool hurried;       /* and soon: a launcher has no time to think it over */
  const struct amz_measure_observer *observer;
};

struct amz_trial_result {
  bool ready, done;   /* all ranks were there; all was measured */
  double ready_s;     /* from the launcher's start until then */
  struct amz_node_costs costs; /* of messages and chunks */
  char said[AMZ_TRIAL_SAID];   /* the last line that wasn't ours, "" when there was none */
};

/* Launches, listens, waits for the end; leaves no process behind. A launch that fails is a result, too.
 * \return AMZ_OK; AMZ_ENOENT: there is no such way to launch; AMZ_ECLOSED: the observer said stop; AMZ_EENV: a program is
 * missing; AMZ_ENOMEM, AMZ_EIO. */
int amz_trial_run(const struct amz_trial *trial, struct amz_trial_result *ret, struct amz_error *err);

#endif

/* Starting processes: as a run does it, through the spawn helper, one after the other on one slot. */
#include "costs.h"

#include <poll.h>
#include <stdlib.h>

#include <amorsize/alloc.h>
#include <amorsize/exec.h>
#include <amorsize/fit.h>
#include <amorsize/stats.h>

#include "../run/clock.h"

#define STARTS_LEAST 5u
#define STARTS_MOST 2000u
#define PATIENCE_MS 10000 /* for a process that does nothing */

/* \return AMZ_OK: the end has come; AMZ_EENV with *err. */
static int await_end(struct amz_exec *helper, struct amz_exec_end *end, struct amz_error *err)
{
  struct pollfd fd = {.fd = amz_exec_fd(helper), .events = POLLIN};
  bool pending = true;
  int rc;

  while ((rc = amz_exec_next(helper, end)) == 0) {
    if (pending && amz_exec_flush(helper, &pending) < 0)
      break;
    fd.events = (short)(pending ? POLLIN | POLLOUT : POLLIN);
    if (poll(&fd, 1, PATIENCE_MS) == 0)
      return amz_error_set(err, AMZ_EENV, "the spawn helper has started nothing for %d s", PATIENCE_MS / 1000);
  }
  return rc > 0 ? AMZ_OK : amz_error_set(err, AMZ_EENV, "the spawn helper has died");
}

static int start_one(struct amz_exec *helper, const struct amz_exec_command *command, double *ret_s, struct amz_error *err)
{
  int64_t start_ns = amz_clock_monotonic_ns();
  struct amz_exec_end end;
  int rc = amz_exec_start(helper, command);

  if (rc < 0)
    return amz_error_set(err, rc, "cannot start %s: %s", command->argv[0], amz_err_name(rc));
  rc = await_end(helper, &end, err);
  if (rc < 0)
    return rc;
  *ret_s = (double)(amz_clock_monotonic_ns() - start_ns) / 1e9;
  if (end.outcome != AMZ_SUCCEEDED)
    return amz_error_sys(err, AMZ_EENV, end.start_errno, "%s doesn't succeed: exit status %d", command->argv[0], end.exit_code);
  return AMZ_OK;
}

static int start_many(struct amz_exec *helper, const struct amz_exec_command *command, int64_t duration_ns, double *samples,
                      struct amz_quantity *ret,
                      double quartiles[2], struct amz_error *err)
{
  int64_t until_ns = amz_clock_monotonic_ns() + duration_ns;
  size_t n = 0;
  double first_s;
  int rc = start_one(helper, command, &first_s, err); /* its files come into memory */

  while (rc == AMZ_OK && n < STARTS_MOST && (n < STARTS_LEAST || amz_clock_monotonic_ns() < until_ns))
    rc = start_one(helper, command, &samples[n++], err);
  if (rc < 0)
    return rc;
  *ret = amz_fit_median(samples, n); /* sorts */
  quartiles[0] = amz_quantile(samples, n, 0.25);
  quartiles[1] = amz_quantile(samples, n, 0.75);
  return AMZ_OK;
}

static int say(const struct amz_measure_observer *observer, const char *what, struct amz_error *err)
{
  if (observer && observer->stop && observer->stop(observer->ctx))
    return amz_error_set(err, AMZ_ECLOSED, "measuring was ended early");
  if (observer && observer->stage)
    observer->stage(observer->ctx, what);
  return AMZ_OK;
}

/* Starting processes is a small part of all: of the time that somebody waits, a tenth for each of the two. */
static int64_t duration(enum amz_effort effort, const struct amz_measure_observer *observer)
{
  int64_t each_ns = effort == AMZ_EFFORT_PRECISE ? INT64_C(2500000000) : INT64_C(200000000), left_ns;

  if (!observer || !observer->until_ns)
    return each_ns;
  left_ns = observer->until_ns - amz_clock_monotonic_ns();
  return left_ns / 10 < each_ns ? left_ns / 10 : each_ns;
}

static int measure(struct amz_exec *helper, enum amz_effort effort, const struct amz_measure_observer *observer,
                   struct amz_node_costs *costs,
                   struct amz_error *err)
{
  static const char *const plain[] = {"/bin/true", NULL}, *const shell[] = {"/bin/sh", "-c", "/bin/true; exit", NULL};
  const struct amz_exec_config config = {.slots = 1, .epoch = 1};
  const struct amz_exec_command by_name = {.argv = plain, .attempt = 1}, by_shell = {.argv = shell, .shell = true, .attempt = 1};
  int64_t each_ns = duration(effort, observer);
  double *samples = amz_new_array(STARTS_MOST, sizeof *samples);
  int rc = samples ? amz_exec_set_up(helper, &config, err) : amz_error_set(err, AMZ_ENOMEM,
                                                                           "no memory to measure process starts");

  if (rc == AMZ_OK && (rc = say(observer, "starting processes", err)) == AMZ_OK)
    rc = start_many(helper, &by_name, each_ns, samples, &costs->start_s, costs->start_quartiles_s, err);
  if (rc == AMZ_OK && (rc = say(observer, "starting shells", err)) == AMZ_OK)
    rc = start_many(helper, &by_shell, each_ns, samples, &costs->start_shell_s, costs->start_shell_quartiles_s, err);
  free(samples);
  return rc;
}

int amz_measure_starts(struct amz_exec *helper, enum amz_effort effort, const struct amz_measure_observer *observer,
                       struct amz_node_costs *costs,
                       struct amz_error *err)
{
  struct amz_exec *own = NULL;
  int rc = helper ? AMZ_OK : amz_exec_launch(NULL, err, &own);

  if (rc == AMZ_OK)
    rc = measure(helper ? helper : own, effort, observer, costs, err);
  amz_exec_free(own);
  return rc;
}

/* The thread that plans. */
#define _GNU_SOURCE
#include "think.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "profile.h"

/* ---- in the thread ------------------------------------------------------------------------------------------------------ */

static int look(struct amz_think *t)
{
  struct amz_environment env = amz_environment_of_process();
  struct amz_look how = {.env = &env};
  struct amz_profile_source source = {.origin = {.from = AMZ_PROFILE_ASSUMED}};
  struct amz_diags diags; /* a run doesn't report on its node: `node` does */
  int rc;

  if (t->node_known)
    return AMZ_OK;
  amz_diags_init(&diags);
  rc = amz_node_profile(&how, &diags, &t->err, &t->node, &source);
  amz_diags_clear(&diags);
  t->node_known = rc == AMZ_OK;
  t->node_source = amz_source_name(source.origin.from == AMZ_PROFILE_ASSUMED ? AMZ_ASSUMED : AMZ_MEASURED);
  return rc;
}

/* What was divided among the ranks counts, not what one of them would have alone. */
static void keep_to_share(const struct amz_kind *k, bool here, struct amz_node *node)
{
  if (k->memory_bytes)
    node->allowed_memory_bytes = k->memory_bytes;
  if (k->cores == 0)
    return;
  node->allowed_cores = k->cores;
  if (!here || node->allowed_cpu > k->cores) /* a quota here says nothing of the others */
    node->allowed_cpu = k->cores;
}

/* Of the other kinds no more is known than what was divided: in all else they are taken for nodes like this one. */
static void describe_kinds(struct amz_think *t)
{
  for (size_t i = 0; i < t->n_kinds; i++) {
    const struct amz_kind *k = &t->kinds[i];

    t->like[i] = t->node;
    keep_to_share(k, i == 0, &t->like[i]);
    t->nodes[i] = (struct amz_plan_nodes){&t->like[i], k->nodes, 1};
    t->launched[i] = (struct amz_plan_launched){k->ranks, k->most_slots, t->fixed_slots[i]};
  }
  t->input.launched = t->launched;
  t->input.nodes = t->nodes;
  t->input.n_nodes = t->n_kinds;
}

/* Where not one task fits on some of the nodes, the others alone are planned for. */
static int make_plan(struct amz_think *t)
{
  int rc = amz_plan_make(&t->input, &t->plan, &t->err);

  if (rc != AMZ_ERANGE || t->n_kinds == 1 || t->input.want.nodes == AMZ_AUTO)
    return rc;
  t->input.want.nodes = AMZ_AUTO;
  return amz_plan_make(&t->input, &t->plan, &t->err);
}

static void *think(void *arg)
{
  struct amz_think *t = arg;
  const uint64_t one = 1;

  t->rc = look(t);
  if (t->rc == AMZ_OK) {
    const struct amz_node_costs *c = &t->node.costs;

    describe_kinds(t);
    t->input.work = &t->work;
    t->input.costs.chunk_s = c->chunk_s;
    /* our own master's doesn't count what receiving takes */
    if (t->input.costs.service_s.source != AMZ_SAMPLED ||
        (c->service_s.source != AMZ_ASSUMED && c->service_s.value > t->input.costs.service_s.value))
      t->input.costs.service_s = c->service_s;
    t->rc = make_plan(t);
  }
  t->latest_cpu_s = (double)amz_clock_cpu().had_ns * 1e-9;
  while (write(t->fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
  return NULL;
}

/* ---- outside ------------------------------------------------------------------------------------------------------------- */

/* Signals are for the loop's thread. */
static int start_thread(struct amz_think *t)
{
  sigset_t all, before;
  int rc;

  (void)sigfillset(&all);
  rc = pthread_sigmask(SIG_SETMASK, &all, &before);
  if (rc == 0) {
    rc = pthread_create(&t->thread, NULL, think, t);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  }
  return rc;
}

int amz_think_begin(struct amz_think *t, struct amz_error *err)
{
  int rc;

  amz_plan_clear(&t->plan);
  if (t->fd < 0)
    t->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (t->fd < 0)
    return amz_error_sys(err, AMZ_EIO, errno, "cannot make an event descriptor");
  rc = start_thread(t);
  if (rc != 0)
    return amz_error_sys(err, AMZ_EIO, rc, "cannot start a thread for planning");
  t->runs = true;
  return AMZ_OK;
}

bool amz_think_take(struct amz_think *t)
{
  uint64_t n;

  if (!t->runs || read(t->fd, &n, sizeof n) != sizeof n)
    return false;
  (void)pthread_join(t->thread, NULL); /* it has written its last word */
  t->runs = false;
  t->cpu_s += t->latest_cpu_s;
  return true;
}

void amz_think_clear(struct amz_think *t)
{
  if (t->runs)
    (void)pthread_join(t->thread, NULL);
  if (t->fd >= 0)
    (void)close(t->fd);
  amz_plan_clear(&t->plan);
  amz_workload_clear(&t->work);
  amz_node_clear(&t->node);
  memset(t, 0, sizeof *t);
  t->fd = -1;
}

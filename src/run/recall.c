/* The thread that recalls. */
#define _GNU_SOURCE
#include "recall.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/cache.h>
#include <amorsize/measure.h>

#include "clock.h"
#include "profile.h"

/* As far as somebody has measured nodes like this one. */
static void find_costs(struct amz_recall *r, const struct amz_environment *env, struct amz_node *node)
{
  struct amz_profile_source source;
  struct amz_cache *cache = NULL;
  struct amz_error ignored; /* whoever plans tells of a cache that can't be used */

  if (node->this_machine && amz_cache_open(env, &ignored, &cache) == AMZ_OK &&
      amz_profile_recall(cache, AMZ_EFFORT_DEFAULT, amz_clock_realtime_ns() / 1000000000, node, &source, &ignored) == AMZ_OK) {
    r->chunk_s = node->costs.chunk_s;
    r->service_s = node->costs.service_s;
  }
  amz_cache_free(cache);
}

/* Of the node that we are on. */
static int make_key(struct amz_recall *r, const struct amz_environment *env)
{
  struct amz_look look = {.env = env, .quick = true};
  struct amz_node node = {.host = NULL};
  struct amz_diags ignored; /* they are told by whoever plans */
  int rc;

  amz_diags_init(&ignored);
  rc = amz_node_look(&look, &ignored, &r->err, &node);
  amz_diags_clear(&ignored);
  if (rc == AMZ_OK)
    rc = amz_history_key_make(r->job, &node, env, &r->key, &r->err);
  if (rc == AMZ_OK)
    find_costs(r, env, &node);
  amz_node_clear(&node);
  return rc;
}

/* Without a folder there is nothing to find. */
static int find(struct amz_recall *r, const struct amz_environment *env)
{
  struct amz_history *history = NULL;
  int rc = AMZ_OK;

  if (amz_history_open(env, NULL, &history) < 0)
    return AMZ_OK;
  if (access(amz_history_dir(history), F_OK) == 0)
    rc = amz_history_find(history, &r->key, amz_job_tasks(r->job), &r->known, &r->err);
  amz_history_free(history);
  return rc == AMZ_ENOENT ? AMZ_OK : rc;
}

static void *recall(void *arg)
{
  struct amz_recall *r = arg;
  struct amz_environment env = amz_environment_of_process();

  r->rc = make_key(r, &env);
  if (r->rc == AMZ_OK && r->finds)
    r->rc = find(r, &env);
  atomic_store(&r->done, true);
  return NULL;
}

void amz_recall_begin(struct amz_recall *r, const struct amz_job *job, bool finds)
{
  sigset_t all, before;

  r->job = job;
  r->finds = finds;
  r->asked = true;
  (void)sigfillset(&all);
  if (pthread_sigmask(SIG_SETMASK, &all, &before) == 0) {
    r->runs = pthread_create(&r->thread, NULL, recall, r) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  }
  if (!r->runs)
    (void)recall(r);
}

bool amz_recall_done(const struct amz_recall *r)
{
  return atomic_load(&r->done);
}

void amz_recall_wait(struct amz_recall *r)
{
  if (r->runs)
    (void)pthread_join(r->thread, NULL);
  r->runs = false;
}

void amz_recall_take(struct amz_recall *r, const struct amz_run_observer *observer, struct amz_history_known *ret)
{
  amz_recall_wait(r);
  if (r->rc == AMZ_EIO && r->key.text && observer && observer->note)
    observer->note(observer->ctx, AMZ_WARNING, r->err.text);
  *ret = r->known;
  r->known = (struct amz_history_known){.runs = 0};
}

void amz_recall_clear(struct amz_recall *r)
{
  amz_recall_wait(r);
  amz_history_key_clear(&r->key);
  amz_history_known_clear(&r->known);
  memset(r, 0, sizeof *r);
}

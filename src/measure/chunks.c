/* Empty chunks between the real machines of the scheduler: a master here, a worker with one slot there, whose tasks take no time.
 *
 * The worker sees how long a chunk takes from the question to its arrival; the master how long it is kept busy by a question,
 * from taking the message off the transport to having handed over the answer. */
#include "link.h"

#include <stdlib.h>

#include <amorsize/alloc.h>
#include <amorsize/buf.h>
#include <amorsize/fit.h>
#include <amorsize/sched.h>

#include "../run/clock.h"

#define EPOCH 1u
#define TASKS 1000000u /* never all handed out */
#define SAMPLES_MOST 20000u
#define WORKER 0u      /* its number among the master's one worker */

struct bench {
  const struct amz_link *link;
  uint32_t peer;
  struct amz_master *master; /* one of the two */
  struct amz_worker *worker;
  struct amz_actions *out;
  struct amz_buf wire;
  double *samples;
  size_t n_samples;
  int64_t asked_ns;  /* worker: when the oldest open question went out; 0: none is open */
  uint64_t ended;    /* worker: tasks so far, which number their records */
  uint64_t sync_upto; /* worker: to be told durable; 0: nothing is */
  struct amz_result ran[1];
  bool has_ran, finished;
};

static int open_bench(struct bench *b)
{
  b->samples = amz_new_array(SAMPLES_MOST, sizeof *b->samples);
  return b->samples ? amz_actions_new(&b->out) : AMZ_ENOMEM;
}

static void clear(struct bench *b)
{
  amz_master_free(b->master);
  amz_worker_free(b->worker);
  amz_actions_free(b->out);
  amz_buf_clear(&b->wire);
  free(b->samples);
}

static void sample(struct bench *b, int64_t ns)
{
  if (b->n_samples < SAMPLES_MOST)
    b->samples[b->n_samples++] = (double)ns / 1e9;
}

static int send(struct bench *b, const struct amz_message *message)
{
  int rc;

  amz_buf_reset(&b->wire);
  rc = amz_message_encode(message, &b->wire);
  if (rc == AMZ_OK)
    rc = amz_buf_ok(&b->wire);
  return rc < 0 ? rc : b->link->net->send(b->link->mpi, b->peer, b->wire.data, b->wire.len);
}

/* ---- the master ------------------------------------------------------------------------------------------------------- */

static int master_event(struct bench *b, struct amz_event *event)
{
  int rc;

  event->now_ns = amz_clock_monotonic_ns();
  amz_actions_clear(b->out);
  rc = amz_master_step(b->master, event, b->out);
  for (size_t i = 0; rc == AMZ_OK && i < amz_actions_count(b->out); i++) {
    const struct amz_action *a = amz_actions_at(b->out, i);

    if (a->kind == AMZ_DO_SEND)
      rc = send(b, a->message);
    b->finished |= a->kind == AMZ_DO_FINISH;
  }
  return rc;
}

static bool is_request(const struct amz_message *m)
{
  return m->kind == AMZ_MSG_REPORT && m->hungry > 0;
}

static int hear_worker(struct bench *b, const struct amz_mpi_message *got, int64_t start_ns)
{
  struct amz_event event = {.kind = AMZ_EV_MESSAGE};
  struct amz_message message;
  int rc = amz_message_decode(got->bytes, got->n, &message);

  if (rc < 0)
    return rc;
  event.message = &message;
  rc = master_event(b, &event);
  if (is_request(&message))
    sample(b, amz_clock_monotonic_ns() - start_ns);
  amz_message_clear(&message);
  return rc;
}

static int64_t earlier(int64_t a, int64_t b)
{
  return a < b ? a : b;
}

/* One turn: all messages, what is due, then waiting. Past until_ns the run is drained. */
static int master_turn(struct bench *b, int64_t *until_ns, struct amz_error *err)
{
  struct amz_event drain = {.kind = AMZ_EV_DRAIN, .stop = AMZ_STOP_CANCEL}, tick = {.kind = AMZ_EV_TICK};
  int64_t start_ns = amz_clock_monotonic_ns();
  struct amz_mpi_message got;
  int rc = AMZ_OK, more;

  while (rc == AMZ_OK && !b->finished && (more = b->link->net->next(b->link->mpi, &got, err)) != 0) {
    rc = more < 0 ? more : hear_worker(b, &got, start_ns);
    start_ns = amz_clock_monotonic_ns();
  }
  if (rc == AMZ_OK && !b->finished && start_ns >= *until_ns) {
    *until_ns = AMZ_NEVER;
    rc = master_event(b, &drain);
  }
  if (rc == AMZ_OK && !b->finished && amz_master_deadline(b->master) <= start_ns)
    rc = master_event(b, &tick);
  if (rc < 0 || b->finished)
    return rc;
  rc = b->link->net->wait(b->link->mpi, NULL, 0, earlier(*until_ns, amz_master_deadline(b->master)), AMZ_MPI_DUE, err);
  return rc < 0 ? rc : AMZ_OK;
}

static int make_master(struct bench *b)
{
  struct amz_master_config config = {.tasks = TASKS, .epoch = EPOCH, .ranks = 1, .slots = 1, .policy = amz_policy_find("ss"),
                                     .stop_after = UINT64_MAX};

  return amz_master_new(&config, &b->master);
}

/* What the worker has seen: n, median, low and high. */
static int hear_samples(const struct amz_link *link, struct amz_quantity *ret, struct amz_error *err)
{
  struct amz_quantity q = {.source = AMZ_MEASURED};
  struct amz_mpi_message m;
  struct amz_cursor c;
  int rc = amz_link_next(link, true, &m, err);

  if (rc < 0)
    return rc;
  c = amz_cursor_over(m.bytes, m.n);
  if (amz_cursor_u8(&c) != AMZ_LINK_SAMPLES)
    return amz_error_set(err, AMZ_ECORRUPT, "rank %u doesn't tell how long chunks took", m.source);
  q.n = amz_cursor_u32(&c);
  q.value = amz_cursor_f64(&c);
  q.low = amz_cursor_f64(&c);
  q.high = amz_cursor_f64(&c);
  if (!c.failed && q.n > 0)
    *ret = q;
  return AMZ_OK;
}

int amz_link_lead_chunks(const struct amz_link *link, uint32_t peer, int64_t duration_ns, struct amz_node_costs *costs,
                         struct amz_error *err)
{
  struct bench b = {.link = link, .peer = peer, .wire = AMZ_BUF_INIT};
  struct amz_event start = {.kind = AMZ_EV_START};
  int64_t until_ns = amz_clock_monotonic_ns() + duration_ns;
  int rc = open_bench(&b);

  if (rc == AMZ_OK && (rc = make_master(&b)) == AMZ_OK && (rc = amz_link_tell(link, peer, AMZ_LINK_WORK, err)) == AMZ_OK)
    rc = master_event(&b, &start);
  if (rc < 0)
    (void)amz_error_set(err, rc, "cannot start a master: %s", amz_err_name(rc));
  while (rc == AMZ_OK && !b.finished)
    rc = master_turn(&b, &until_ns, err);
  if (rc == AMZ_OK && b.n_samples > 0)
    costs->service_s = amz_fit_median(b.samples, b.n_samples);
  clear(&b);
  return rc < 0 ? rc : hear_samples(link, &costs->chunk_s, err);
}

/* ---- the worker ------------------------------------------------------------------------------------------------------- */

static void note_question(struct bench *b, const struct amz_message *m)
{
  if (is_request(m) && b->asked_ns == 0)
    b->asked_ns = amz_clock_monotonic_ns();
}

static int perform(struct bench *b, const struct amz_action *a)
{
  switch (a->kind) {
  case AMZ_DO_SEND:
    note_question(b, a->message);
    return send(b, a->message);
  case AMZ_DO_RUN: /* it has ended by the time we have heard of it */
    b->ran[0] = (struct amz_result){.position = a->first, .attempt = a->attempt, .outcome = AMZ_SUCCEEDED, .slot = a->slot,
                                    .seq = ++b->ended};
    b->has_ran = true;
    return AMZ_OK;
  case AMZ_DO_SYNC:
    b->sync_upto = b->ended;
    return AMZ_OK;
  case AMZ_DO_FINISH:
    b->finished = true;
    return AMZ_OK;
  default: /* nothing runs that could be killed, and nobody is master here */
    return AMZ_OK;
  }
}

static int worker_event(struct bench *b, struct amz_event *event)
{
  int rc;

  event->now_ns = amz_clock_monotonic_ns();
  amz_actions_clear(b->out);
  rc = amz_worker_step(b->worker, event, b->out);
  for (size_t i = 0; rc == AMZ_OK && i < amz_actions_count(b->out); i++)
    rc = perform(b, amz_actions_at(b->out, i));
  return rc;
}

/* What the worker asked for has happened already: ends of tasks, records on disk. */
static int settle(struct bench *b)
{
  int rc = AMZ_OK;

  while (rc == AMZ_OK && (b->has_ran || b->sync_upto > 0)) {
    struct amz_result ran = b->ran[0];
    struct amz_event event = {.kind = AMZ_EV_RAN, .slot = ran.slot, .results = &ran, .n_results = 1};

    if (!b->has_ran)
      event = (struct amz_event){.kind = AMZ_EV_DURABLE, .durable_upto = b->sync_upto};
    if (!b->has_ran)
      b->sync_upto = 0;
    b->has_ran = false;
    rc = worker_event(b, &event);
  }
  return rc;
}

static int hear_master(struct bench *b, const struct amz_mpi_message *got)
{
  struct amz_event event = {.kind = AMZ_EV_MESSAGE};
  struct amz_message message;
  int rc = amz_message_decode(got->bytes, got->n, &message);

  if (rc < 0)
    return rc;
  if (message.kind == AMZ_MSG_ASSIGN && message.n_chunks > 0 && b->asked_ns > 0) {
    sample(b, amz_clock_monotonic_ns() - b->asked_ns);
    b->asked_ns = 0;
  }
  event.message = &message;
  rc = worker_event(b, &event);
  amz_message_clear(&message);
  return rc;
}

static int worker_turn(struct bench *b, struct amz_error *err)
{
  struct amz_event tick = {.kind = AMZ_EV_TICK};
  struct amz_mpi_message got;
  int rc = AMZ_OK, more;

  while (rc == AMZ_OK && !b->finished && (more = b->link->net->next(b->link->mpi, &got, err)) != 0) {
    rc = more < 0 ? more : hear_master(b, &got);
    if (rc == AMZ_OK)
      rc = settle(b);
  }
  if (rc == AMZ_OK && !b->finished && amz_worker_deadline(b->worker) <= amz_clock_monotonic_ns())
    rc = worker_event(b, &tick);
  if (rc == AMZ_OK)
    rc = settle(b);
  if (rc < 0 || b->finished)
    return rc;
  rc = b->link->net->wait(b->link->mpi, NULL, 0, amz_worker_deadline(b->worker), AMZ_MPI_DUE, err);
  return rc < 0 ? rc : AMZ_OK;
}

static int tell_samples(struct bench *b)
{
  struct amz_quantity q = amz_fit_median(b->samples, b->n_samples);

  amz_buf_reset(&b->wire);
  amz_buf_addc(&b->wire, AMZ_LINK_SAMPLES);
  amz_buf_add_u32(&b->wire, q.n);
  amz_buf_add_f64(&b->wire, q.value);
  amz_buf_add_f64(&b->wire, q.low);
  amz_buf_add_f64(&b->wire, q.high);
  return amz_buf_ok(&b->wire) < 0 ? AMZ_ENOMEM : b->link->net->send(b->link->mpi, b->peer, b->wire.data, b->wire.len);
}

int amz_link_serve_chunks(const struct amz_link *link, struct amz_error *err)
{
  struct bench b = {.link = link, .peer = 0, .wire = AMZ_BUF_INIT};
  const struct amz_worker_config config = {.rank = WORKER, .epoch = EPOCH, .slots = 1, .node = link->net->node(link->mpi),
                                           .grain = 1};
  struct amz_event start = {.kind = AMZ_EV_START};
  int rc = open_bench(&b);

  if (rc == AMZ_OK && (rc = amz_worker_new(&config, &b.worker)) == AMZ_OK && (rc = worker_event(&b, &start)) == AMZ_OK)
    rc = settle(&b);
  while (rc == AMZ_OK && !b.finished)
    rc = worker_turn(&b, err);
  if (rc == AMZ_OK)
    rc = tell_samples(&b);
  if (rc < 0 && rc != AMZ_EIO)
    (void)amz_error_set(err, rc, "cannot be a worker: %s", amz_err_name(rc));
  clear(&b);
  return rc;
}

/* Meeting before the loop: whoever can't come is known soon. */
#define _GNU_SOURCE
#include "meeting.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#include "clock.h"

#define SECOND INT64_C(1000000000)
#define GATHER_NS (30 * SECOND)      /* for reading a topology, */
#define GATHER_EACH_NS (SECOND / 20) /* and as much more for each rank, as many may share one core */
#define AWAIT_SILENT_NS (90 * SECOND) /* as everywhere: so long unheard of, a rank is given up */
#define AFTER_SIGNAL_NS (10 * SECOND) /* for rank 0 to send us home once it knows of our signal */

/* ---- rank 0 ----------------------------------------------------------------------------------------------------------- */

int amz_meeting_beat(const struct amz_rank_link *link, struct amz_error *err)
{
  struct amz_buf word = AMZ_BUF_INIT;
  const char *node = link->net->node(link->mpi);
  int rc = AMZ_OK;

  amz_word_begin(AMZ_WORD_HERE, &word);
  amz_buf_add_i64(&word, (int64_t)getpid());
  amz_buf_add_u64(&word, amz_pid_space());
  amz_buf_add_bytes(&word, node, strlen(node));
  for (uint32_t i = 1; rc == AMZ_OK && i < link->net->size(link->mpi); i++)
    rc = amz_word_send(link, i, &word, err);
  amz_buf_clear(&word);
  return rc;
}

int amz_meeting_tell(const struct amz_rank_link *link, uint32_t rank, const struct amz_order_of_work *order,
                     struct amz_error *err)
{
  struct amz_buf word = AMZ_BUF_INIT;
  int rc;

  amz_order_encode(order, &word);
  rc = amz_word_send(link, rank, &word, err);
  amz_buf_clear(&word);
  return rc;
}

struct gathering {
  const struct amz_rank_link *link;
  struct amz_team team;
  bool *here; /* by rank: has reported */
  uint32_t missing;
};

static int take_report(struct gathering *g, const struct amz_mpi_message *got, struct amz_error *err)
{
  struct amz_member said;
  int rc = amz_member_decode(got->bytes, got->n, &said);

  if (rc < 0)
    return amz_error_set(err, rc, "rank %u is of another version, or no rank of ours", got->source);
  amz_member_clear(&g->team.members[got->source]);
  g->team.members[got->source] = said;
  g->missing -= !g->here[got->source];
  g->here[got->source] = true;
  return AMZ_OK;
}

static int take_excuse(const struct gathering *g, const struct amz_mpi_message *got, struct amz_error *err)
{
  g->link->net->forget(g->link->mpi, got->source);
  return amz_error_set(err, AMZ_EENV, "rank %u cannot take part: %.*s", got->source, (int)(got->n - 2),
                       (const char *)got->bytes + 2);
}

static int take_word(struct gathering *g, const struct amz_mpi_message *got, int *ret_signal, struct amz_error *err)
{
  if (amz_word_is(got, AMZ_WORD_FAILED))
    return take_excuse(g, got, err);
  *ret_signal = amz_word_signal(got);
  return *ret_signal ? AMZ_ECLOSED : take_report(g, got, err);
}

/* Of those that have reported from our own node, whether one has died since. */
static int look_for_dead(const struct gathering *g, struct amz_error *err)
{
  uint64_t space = amz_pid_space();

  for (uint32_t i = 1; i < g->team.count; i++) {
    const struct amz_member *m = &g->team.members[i];

    if (!g->here[i] || m->pid_space != space || strcmp(m->node, g->team.members[0].node) != 0 || !amz_process_is_gone(m->pid))
      continue;
    g->link->net->forget(g->link->mpi, i);
    return amz_error_set(err, AMZ_EENV, "rank %u (process %lld) died before the run could begin", i, (long long)m->pid);
  }
  return AMZ_OK;
}

static int tell_missing(const struct gathering *g, struct amz_error *err)
{
  uint32_t first = 0;

  for (uint32_t i = g->team.count; i-- > 1;)
    if (!g->here[i]) {
      g->link->net->forget(g->link->mpi, i);
      first = i;
    }
  return amz_error_set(err, AMZ_EENV, "%u of %u ranks have not spoken up, rank %u among them: were they killed, or is their node "
                                      "stuck?", g->missing,
                       g->team.count, first);
}

static int gather_all(struct gathering *g, int *ret_signal, struct amz_error *err)
{
  int64_t now_ns = amz_clock_monotonic_ns(), deadline_ns = now_ns + GATHER_NS + g->team.count * GATHER_EACH_NS, beat_ns = now_ns;
  struct amz_mpi_message got;
  int rc = AMZ_OK, heard;

  while (rc == AMZ_OK && g->missing > 0) {
    now_ns = amz_clock_monotonic_ns();
    if (now_ns >= deadline_ns)
      return tell_missing(g, err);
    if (now_ns >= beat_ns) {
      beat_ns = now_ns + AMZ_MEETING_BEAT_NS;
      if ((rc = amz_meeting_beat(g->link, err)) < 0)
        return rc;
    }
    heard = amz_words_wait(g->link, now_ns + SECOND, &got, ret_signal, err);
    if (heard == AMZ_HEARD_MESSAGE)
      rc = take_word(g, &got, ret_signal, err);
    else if (heard == AMZ_HEARD_NOTHING)
      rc = look_for_dead(g, err);
    else
      rc = heard == AMZ_HEARD_SIGNAL ? AMZ_ECLOSED : heard;
  }
  return rc;
}

int amz_meeting_gather(const struct amz_rank_link *link, const struct amz_cores *own, const struct amz_gpus *gpus,
                       uint64_t memory_bytes,
                       int *ret_signal, struct amz_error *err, struct amz_team *ret)
{
  struct gathering g = {.link = link, .team = {NULL, link->net->size(link->mpi)}};
  int rc = AMZ_OK;

  g.missing = g.team.count - 1;
  g.team.members = amz_new_array(g.team.count, sizeof *g.team.members);
  g.here = amz_new_array(g.team.count, sizeof *g.here);
  if (!g.team.members || !g.here || amz_member_describe(link->net->node(link->mpi), own, gpus, &g.team.members[0]) < 0)
    rc = amz_error_set(err, AMZ_ENOMEM, "out of memory for %u ranks", g.team.count);
  if (rc == AMZ_OK) {
    g.team.members[0].memory_bytes = memory_bytes;
    rc = gather_all(&g, ret_signal, err);
  }
  free(g.here);
  if (rc < 0) {
    if (g.team.members)
      amz_team_clear(&g.team);
    return rc;
  }
  amz_team_divide(&g.team);
  *ret = g.team;
  return AMZ_OK;
}

/* ---- the others ------------------------------------------------------------------------------------------------------- */

int amz_meeting_report(const struct amz_rank_link *link, const struct amz_cores *own, const struct amz_gpus *gpus,
                       uint64_t memory_bytes,
                       struct amz_error *err)
{
  struct amz_buf word = AMZ_BUF_INIT;
  struct amz_member self;
  int rc;

  if (amz_member_describe(link->net->node(link->mpi), own, gpus, &self) < 0) {
    amz_member_clear(&self);
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  }
  self.memory_bytes = memory_bytes;
  amz_member_encode(&self, &word);
  amz_member_clear(&self);
  rc = amz_word_send(link, 0, &word, err);
  amz_buf_clear(&word);
  return rc;
}

void amz_meeting_excuse(const struct amz_rank_link *link, const char *why)
{
  struct amz_buf word = AMZ_BUF_INIT;
  struct amz_error ignored; /* rank 0 will miss us, later */

  amz_word_begin(AMZ_WORD_FAILED, &word);
  amz_buf_adds(&word, why);
  (void)amz_word_send(link, 0, &word, &ignored);
  amz_buf_clear(&word);
}

struct awaiting {
  const struct amz_rank_link *link;
  struct amz_giver *giver;
  int64_t heard_ns, until_ns; /* until_ns: AMZ_NEVER, or when to leave after a signal */
  int64_t master_pid;         /* 0: on another node, or not known yet */
};

/* On our own node a process number tells at once whether it lives. */
static void learn_master(struct awaiting *a, const struct amz_mpi_message *got)
{
  struct amz_cursor c = amz_cursor_over(got->bytes, got->n);
  const char *node = a->link->net->node(a->link->mpi);
  const void *bytes;
  int64_t pid;
  size_t n;
  bool same;

  c.pos = 2;
  pid = amz_cursor_i64(&c);
  same = amz_cursor_u64(&c) == amz_pid_space();
  amz_cursor_bytes(&c, &bytes, &n);
  if (!c.failed && same && n == strlen(node) && memcmp(bytes, node, n) == 0)
    a->master_pid = pid;
}

static int heed_signal(struct awaiting *a, int number)
{
  if (a->until_ns == AMZ_NEVER)
    a->until_ns = amz_clock_monotonic_ns() + AFTER_SIGNAL_NS;
  return amz_word_send_signal(a->link->net, a->link->mpi, number);
}

static int look(const struct awaiting *a, struct amz_error *err)
{
  int64_t now_ns = amz_clock_monotonic_ns();

  if (amz_process_is_gone(a->master_pid))
    return amz_error_set(err, AMZ_EENV, "rank 0 is gone");
  if (now_ns >= a->until_ns)
    return amz_error_set(err, AMZ_ECLOSED, "ended by a signal before rank 0 had said what to do");
  if (now_ns - a->heard_ns >= AWAIT_SILENT_NS)
    return amz_error_set(err, AMZ_EENV, "rank 0 has not been heard of for %d s", (int)(AWAIT_SILENT_NS / SECOND));
  return AMZ_OK;
}

/* \return 1: it is the order; AMZ_OK: it was something else. */
static int take_from_master(struct awaiting *a, const struct amz_mpi_message *got, struct amz_error *err)
{
  a->heard_ns = amz_clock_monotonic_ns();
  if (amz_word_is(got, AMZ_WORD_HERE)) {
    learn_master(a, got);
    return AMZ_OK;
  }
  if (amz_word_is(got, AMZ_WORD_ASK))
    return amz_giver_hear(a->giver, a->link, got, err);
  return 1;
}

static int take_order(const struct amz_mpi_message *got, struct amz_error *err, struct amz_buf *ret_bytes,
                      struct amz_order_parts *ret_parts,
                      struct amz_order_of_work *ret)
{
  int rc;

  amz_buf_reset(ret_bytes);
  amz_buf_add(ret_bytes, got->bytes, got->n);
  rc = amz_buf_ok(ret_bytes);
  if (rc == AMZ_OK)
    rc = amz_order_decode(ret_bytes, ret_parts, ret);
  if (rc < 0)
    return amz_error_set(err, rc, "rank 0's word is not understood: %s", amz_err_name(rc));
  return ret->status < 0 ? amz_error_set(err, AMZ_ECLOSED, "rank 0 could not set up the run") : AMZ_OK;
}

int amz_meeting_await(const struct amz_rank_link *link, struct amz_giver *giver, struct amz_error *err, struct amz_buf *ret_bytes,
                      struct amz_order_parts *ret_parts, struct amz_order_of_work *ret)
{
  struct awaiting a = {.link = link, .giver = giver, .heard_ns = amz_clock_monotonic_ns(), .until_ns = AMZ_NEVER};
  struct amz_mpi_message got;
  int rc = AMZ_OK, number, heard;

  while (rc == AMZ_OK) {
    heard = amz_words_wait(link, amz_clock_monotonic_ns() + SECOND, &got, &number, err);
    if (heard == AMZ_HEARD_MESSAGE)
      rc = take_from_master(&a, &got, err);
    else if (heard == AMZ_HEARD_SIGNAL)
      rc = heed_signal(&a, number);
    else
      rc = heard < 0 ? heard : look(&a, err);
  }
  return rc == 1 ? take_order(&got, err, ret_bytes, ret_parts, ret) : rc;
}

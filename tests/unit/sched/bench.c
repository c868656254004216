/* Actions as short text, so that a scenario reads like one. */
#include "bench.h"

#include <inttypes.h>
#include <signal.h>

static const char *const outcomes[] = {"?", "ok", "failed", "timeout", "skipped", "cancelled"};
static const char *const stops[] = {"none", "done", "drain", "cancel"};

static void tell_results(const struct amz_result *results, size_t n, const struct amz_bulk *bulks, size_t n_bulks,
                         struct amz_buf *out)
{
  const char *blank = "";

  amz_buf_addc(out, '[');
  for (size_t i = 0; i < n; i++, blank = " ") {
    amz_buf_addf(out, "%s%" PRIu64 ":%s", blank, results[i].position, outcomes[results[i].outcome]);
    if (results[i].error)
      amz_buf_addf(out, "(%s)", results[i].error);
    if (results[i].attempt != 1)
      amz_buf_addf(out, "#%" PRIu32, results[i].attempt);
  }
  for (size_t i = 0; i < n_bulks; i++, blank = " ")
    amz_buf_addf(out, "%sbulk %" PRIu64 "+%" PRIu64, blank, bulks[i].first, bulks[i].count);
  amz_buf_addc(out, ']');
}

static void tell_chunks(const struct amz_message *m, struct amz_buf *out)
{
  amz_buf_addf(out, "assign%" PRIu32 "[", m->rank);
  for (size_t i = 0; i < m->n_chunks; i++) {
    amz_buf_addf(out, "%s%" PRIu64 "+%" PRIu64, i ? " " : "", m->chunks[i].first, m->chunks[i].count);
    if (m->chunks[i].attempt != 1)
      amz_buf_addf(out, "#%" PRIu32, m->chunks[i].attempt);
  }
  amz_buf_addc(out, ']');
}

static void tell_report(const struct amz_message *m, const char *name, struct amz_buf *out)
{
  amz_buf_adds(out, name);
  amz_buf_addc(out, '(');
  if (m->hungry)
    amz_buf_addf(out, "h%" PRIu32 " ", m->hungry);
  if (m->durable_upto)
    amz_buf_addf(out, "d%" PRIu64 " ", m->durable_upto);
  tell_results(m->results, m->n_results, m->bulks, m->n_bulks, out);
  amz_buf_addc(out, ')');
}

static void tell_message(const struct amz_message *m, struct amz_buf *out)
{
  switch (m->kind) {
  case AMZ_MSG_HELLO:
    amz_buf_adds(out, "hello");
    break;
  case AMZ_MSG_REPORT:
    tell_report(m, "report", out);
    break;
  case AMZ_MSG_BYE:
    tell_report(m, "bye", out);
    break;
  case AMZ_MSG_ASSIGN:
    tell_chunks(m, out);
    break;
  case AMZ_MSG_YIELD:
    amz_buf_addf(out, "yield%" PRIu32 "[", m->slots);
    for (size_t i = 0; i < m->n_chunks; i++)
      amz_buf_addf(out, "%s%" PRIu64 "+%" PRIu64, i ? " " : "", m->chunks[i].first, m->chunks[i].count);
    amz_buf_addc(out, ']');
    break;
  case AMZ_MSG_RECALL:
    amz_buf_addf(out, "recall%" PRIu32, m->rank);
    break;
  case AMZ_MSG_STOP:
    amz_buf_addf(out, "stop%" PRIu32 ":%s", m->rank, stops[m->stop]);
    break;
  }
}

static void tell_action(const struct amz_action *a, struct amz_buf *out)
{
  switch (a->kind) {
  case AMZ_DO_SEND:
    tell_message(a->message, out);
    break;
  case AMZ_DO_RECORD:
    amz_buf_addf(out, "record%" PRIu32 "%s", a->rank, a->final ? "" : "~");
    tell_results(a->results, a->n_results, a->bulk, a->bulk ? 1 : 0, out);
    break;
  case AMZ_DO_FENCE:
    amz_buf_addf(out, "fence%" PRIu32, a->rank);
    break;
  case AMZ_DO_RUN:
    amz_buf_addf(out, "run%" PRIu32 "[%" PRIu64 "+%" PRIu64 "]", a->slot, a->first, a->count);
    break;
  case AMZ_DO_KILL:
    amz_buf_addf(out, "kill%" PRIu32 ":%s:%s", a->slot, a->signal == SIGTERM ? "term" : "kill", outcomes[a->outcome]);
    break;
  case AMZ_DO_SYNC:
    amz_buf_adds(out, "sync");
    break;
  case AMZ_DO_FINISH:
    amz_buf_adds(out, "finish");
    break;
  }
}

void bench_tell(const struct amz_actions *actions, struct amz_buf *out)
{
  for (size_t i = 0; i < amz_actions_count(actions); i++) {
    if (out->len)
      amz_buf_addc(out, ' ');
    tell_action(amz_actions_at(actions, i), out);
  }
}

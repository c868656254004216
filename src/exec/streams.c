/* All co-processes of a helper: what the rank wants of them, what is due by the clock, and what the rank is told.
 *
 * Records of one turn are gathered and written at once, and ends are told in company: at once only when a slot has run out of
 * lines or something else matters, else within TELL_NS. */
#include "streams.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <amorsize/alloc.h>
#include <amorsize/units.h>

#define NEVER AMZ_STREAMS_NEVER
#define SECOND INT64_C(1000000000)
#define TELL_NS INT64_C(5000000)
#define GIVE_BACK_NS INT64_C(40000000) /* the rank gives a slot what should last a quarter of this */
#define KILL_AFTER_NS (5 * SECOND)
#define BUSY_SHARE 10 /* of the time that a silent program had: computing more than 1/10 of it, it isn't waiting for us */

/* ---- telling ------------------------------------------------------------------------------------------------------------ */

static int64_t now(void)
{
  return amz_clock_ns(CLOCK_MONOTONIC);
}

void amz_streams_watch(struct amz_streams *s, int fd, uint32_t events, uint64_t data, int operation)
{
  struct epoll_event event = {.events = events, .data = {.u64 = data}};

  if (epoll_ctl(s->epoll, operation, fd, &event) < 0)
    s->failed = true;
}

void amz_streams_push(struct amz_streams *s, const struct amz_exec_end *end)
{
  if (amz_grow((void **)&s->ends, &s->cap_ends, s->n_ends + 1, sizeof *s->ends) < 0)
    s->failed = true;
  else
    s->ends[s->n_ends++] = *end;
}

void amz_streams_note(struct amz_streams *s, const struct amz_coprocess *co, const char *format, ...)
{
  char text[AMZ_ERROR_TEXT], whole[AMZ_ERROR_TEXT + 32];
  va_list ap;

  va_start(ap, format);
  (void)vsnprintf(text, sizeof text, format, ap);
  va_end(ap);
  (void)snprintf(whole, sizeof whole, "slot %u: %s", co->child->slot, text);
  if (amz_wire_add_note(s->out, whole) < 0)
    s->failed = true;
}

/* Between this and settle, records are gathered. */
static void begin(struct amz_streams *s)
{
  const struct amz_exec_sink *sink = s->output->sink;

  s->urgent = false;
  if (sink && sink->hold && sink->flush)
    sink->hold(sink->ctx);
}

/* Nothing of what was gathered has been kept. */
static void forget_records(struct amz_streams *s, int error)
{
  for (size_t i = 0; i < s->n_ends; i++)
    if (s->ends[i].pack_seq) {
      s->ends[i].pack_seq = s->ends[i].pack_offset = 0;
      s->ends[i].sink_errno = error ? error : EIO;
    }
}

static void tell(struct amz_streams *s)
{
  amz_buf_add(s->out, s->told.data, s->told.len);
  amz_buf_reset(&s->told);
  s->told_ns = NEVER;
}

static int settle(struct amz_streams *s, int64_t now_ns)
{
  const struct amz_exec_sink *sink = s->output->sink;

  if (sink && sink->hold && sink->flush && sink->flush(sink->ctx) < 0)
    forget_records(s, errno);
  for (size_t i = 0; i < s->n_ends; i++)
    if (amz_wire_add_end(&s->told, &s->ends[i]) < 0)
      s->failed = true;
  if (s->n_ends && s->told_ns == NEVER)
    s->told_ns = now_ns + TELL_NS;
  s->n_ends = 0;
  if (s->told.len && (s->urgent || now_ns >= s->told_ns))
    tell(s);
  return s->failed || amz_buf_ok(s->out) < 0 ? AMZ_ENOMEM : AMZ_OK;
}

static int end_closing(struct amz_streams *s)
{
  return s->closing && s->alive == 0 ? amz_wire_add_closed(s->out) : AMZ_OK;
}

/* ---- life --------------------------------------------------------------------------------------------------------------- */

int amz_streams_init(struct amz_streams *s)
{
  s->told_ns = s->alarm_ns = NEVER;
  s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  return s->timer < 0 ? AMZ_EIO : AMZ_OK;
}

static void coprocess_free(struct amz_coprocess *co)
{
  if (!co)
    return;
  amz_buf_clear(&co->order);
  amz_buf_clear(&co->why);
  amz_lines_clear(&co->lines);
  amz_answer_clear(&co->answer);
  free(co);
}

void amz_streams_clear(struct amz_streams *s)
{
  for (uint32_t i = 0; i < s->n_slots; i++) {
    coprocess_free(s->slots[i].co);
    s->slots[i].co = NULL;
  }
  if (s->timer >= 0)
    (void)close(s->timer);
  s->timer = -1;
  free(s->ends);
  s->ends = NULL;
  amz_buf_clear(&s->told);
}

/* ---- what the rank says ------------------------------------------------------------------------------------------------- */

/* The STREAM that co->order holds. */
static int read_order(struct amz_coprocess *co)
{
  struct amz_cursor body = amz_cursor_over(co->order.data, co->order.len);
  struct amz_wire_stream order;

  if (amz_wire_read_stream(&body, &order) < 0)
    return AMZ_ECORRUPT;
  co->command_at = body.pos;
  co->window = order.window;
  co->timeout_ns = order.timeout_ns;
  co->kill_after_ns = order.kill_after_ns ? order.kill_after_ns : KILL_AFTER_NS;
  co->advice_ns = order.advice_ns;
  co->max_result = order.max_result;
  co->rules = (struct amz_answer_rules){.sentinel = order.sentinel, .fail_prefix = order.fail_prefix,
    .sentinel_bytes = order.sentinel ? strlen(order.sentinel) : 0, .fail_prefix_bytes =
    order.fail_prefix ? strlen(order.fail_prefix) : 0};
  return AMZ_OK;
}

static int coprocess_new(const struct amz_cursor *body, struct amz_coprocess **ret)
{
  struct amz_coprocess *co = calloc(1, sizeof *co);
  int rc;

  if (!co)
    return AMZ_ENOMEM;
  co->look_ns = co->kill_ns = co->retry_ns = co->back_ns = co->advise_ns = NEVER;
  amz_buf_add(&co->order, body->data + body->pos, body->len - body->pos);
  rc = amz_buf_ok(&co->order);
  if (rc == AMZ_OK)
    rc = read_order(co);
  if (rc < 0)
    coprocess_free(co);
  else
    *ret = co;
  return rc;
}

int amz_streams_open(struct amz_streams *s, struct amz_cursor *body)
{
  struct amz_coprocess *co;
  struct amz_cursor command;
  struct amz_child *t;
  int rc = coprocess_new(body, &co);

  if (rc < 0)
    return rc;
  command = amz_cursor_over(co->order.data + co->command_at, co->order.len - co->command_at);
  rc = amz_wire_read_start(&command, s->start);
  t = rc == AMZ_OK && s->start->command.slot < s->n_slots ? &s->slots[s->start->command.slot] : NULL;
  if (!t || t->pid || t->co || t->wish.len) {
    coprocess_free(co);
    return rc == AMZ_ENOMEM ? rc : AMZ_ECORRUPT;
  }
  amz_child_begin(t, &s->start->command);
  co->child = t;
  t->co = co;
  return AMZ_OK;
}

int amz_streams_add(struct amz_streams *s, struct amz_cursor *body)
{
  struct amz_wire_lines lines;
  struct amz_exec_line line;
  struct amz_coprocess *co;
  int64_t now_ns = now();
  bool idle;
  int rc = amz_wire_read_lines(body, &lines);

  co = rc == AMZ_OK && lines.slot < s->n_slots ? s->slots[lines.slot].co : NULL;
  if (!co || s->closing)
    return AMZ_ECORRUPT;
  idle = co->lines.count == 0;
  while ((rc = amz_wire_read_line(body, &lines, &line)) > 0) {
    const struct amz_line one = {line.index, line.tag, line.bytes, lines.attempt};

    if ((rc = amz_lines_add(&co->lines, &one, line.text)) < 0)
      return rc;
  }
  if (rc < 0)
    return rc;
  if (idle)
    amz_coprocess_take_head(co);
  s->real_ns = amz_clock_ns(CLOCK_REALTIME) - now_ns;
  begin(s);
  amz_coprocess_pump(s, co, now_ns);
  co->back_ns = co->lines.fed < co->lines.count ? now_ns + GIVE_BACK_NS : NEVER;
  return settle(s, now_ns);
}

int amz_streams_close(struct amz_streams *s, struct amz_cursor *body)
{
  int64_t grace_ns, now_ns = now();

  if (amz_wire_read_close(body, &grace_ns) < 0 || s->closing)
    return AMZ_ECORRUPT;
  s->closing = true;
  for (uint32_t i = 0; i < s->n_slots; i++) {
    struct amz_coprocess *co = s->slots[i].co;

    if (co && co->lines.count)
      return AMZ_ECORRUPT;
    if (!co || !co->child->pid)
      continue;
    amz_coprocess_close_input(s, co);
    if (co->kill_ns == NEVER)
      co->kill_ns = grace_ns > 0 && grace_ns < NEVER - now_ns ? now_ns + grace_ns : now_ns;
  }
  return end_closing(s);
}

int amz_streams_kill(struct amz_streams *s, struct amz_child *t, const struct amz_wire_kill *order)
{
  int64_t now_ns = now();

  begin(s);
  if (t->pid)
    amz_coprocess_signal(s, t->co, order->signal, (enum amz_outcome)order->as);
  if (order->as == AMZ_CANCELLED)
    amz_coprocess_give_back(s, t->co, t->pid == 0);
  return settle(s, now_ns);
}

/* ---- what happens by itself --------------------------------------------------------------------------------------------- */

int amz_streams_ready(struct amz_streams *s, uint64_t data)
{
  uint64_t slot = (data & ~(UINT64_C(1) << 62)) >> 2;
  struct amz_coprocess *co = slot < s->n_slots ? s->slots[slot].co : NULL;
  int64_t now_ns = now();

  if (!co || !co->child->pid)
    return AMZ_OK;
  begin(s);
  switch ((enum amz_streams_what)(data & 3)) {
  case AMZ_STREAMS_OUT:
    co->armed = false;
    amz_coprocess_listen(s, co, now_ns);
    break;
  case AMZ_STREAMS_ERR:
    amz_coprocess_read_errors(s, co);
    break;
  case AMZ_STREAMS_IN:
    amz_coprocess_pump(s, co, now_ns);
    break;
  }
  return settle(s, now_ns);
}

int amz_streams_ended(struct amz_streams *s, struct amz_child *t, const struct amz_child_status *status)
{
  int64_t now_ns = now();
  int rc;

  begin(s);
  amz_coprocess_ended(s, t->co, status, now_ns);
  rc = settle(s, now_ns);
  return rc < 0 ? rc : end_closing(s);
}

void amz_streams_kill_doomed(const struct amz_streams *s)
{
  for (uint32_t i = 0; s->doomed && i < s->n_slots; i++)
    if (s->slots[i].co && s->slots[i].co->as)
      amz_child_kill_group(&s->slots[i]);
}

/* ---- clocks ------------------------------------------------------------------------------------------------------------- */

static int64_t timeout_at(const struct amz_coprocess *co)
{
  if (!co->timeout_ns || !co->child->pid || co->as || amz_lines_written(&co->lines) == 0)
    return NEVER;
  return co->timeout_ns > NEVER - co->head_ns ? NEVER : co->head_ns + co->timeout_ns;
}

static int64_t next_of(const struct amz_coprocess *co)
{
  const int64_t candidates[] = {co->look_ns, co->kill_ns, co->retry_ns, co->back_ns, co->advise_ns, timeout_at(co)};
  int64_t at_ns = NEVER;

  for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++)
    if (candidates[i] < at_ns)
      at_ns = candidates[i];
  return at_ns;
}

/* A result may lie there already: it counts. */
static void check_timeout(struct amz_streams *s, struct amz_coprocess *co, int64_t now_ns)
{
  amz_coprocess_listen(s, co, now_ns);
  if (now_ns < timeout_at(co))
    return;
  amz_coprocess_signal(s, co, SIGTERM, AMZ_TIMED_OUT);
  co->kill_ns = co->kill_after_ns < NEVER - now_ns ? now_ns + co->kill_after_ns : NEVER;
}

static void end_it(struct amz_streams *s, struct amz_coprocess *co, int64_t now_ns)
{
  static const char closed[] = "amorsize-mpi: the stream's program has closed its standard output; it was ended\n";
  bool ask = s->closing && !co->termed;

  if (co->mute && !co->as && co->lines.count)
    amz_coprocess_keep(s, co, 1, closed, sizeof closed - 1);
  co->termed = true;
  co->kill_ns = ask ? now_ns + SECOND : NEVER;
  amz_coprocess_signal(s, co, ask ? SIGTERM : SIGKILL, 0);
}

/* A program that has read its line, said nothing since it was started, and doesn't compute: it may well have answered, into a
 * buffer of its own. Twice the time, so that what it computed at first doesn't count. */
static void advise(struct amz_streams *s, struct amz_coprocess *co, int64_t now_ns)
{
  int64_t cpu_ns = amz_coprocess_cpu(co), silent_ns = 2 * co->advice_ns;
  char text[32];

  if (s->advised || cpu_ns < 0) {
    co->advice_ns = 0;
    co->advise_ns = NEVER;
    return;
  }
  if (co->advice_cpu_ns < 0 || cpu_ns - co->advice_cpu_ns > co->advice_ns / BUSY_SHARE) {
    co->advice_cpu_ns = cpu_ns;
    co->advise_ns = now_ns + co->advice_ns;
    return;
  }
  s->advised = true;
  co->advice_ns = 0;
  co->advise_ns = NEVER;
  amz_streams_note(s, co,
                   "the stream's program has written nothing for %s. If it should have, it holds its output back: let it flush "
                   "after each result (fflush, print(…, flush=True)), or start it with stdbuf -oL. mawk needs -W interactive",
                   amz_format_duration(silent_ns, text, sizeof text));
}

static void do_due(struct amz_streams *s, struct amz_coprocess *co, int64_t now_ns)
{
  if (now_ns >= co->look_ns)
    amz_coprocess_listen(s, co, now_ns);
  if (now_ns >= timeout_at(co))
    check_timeout(s, co, now_ns);
  if (now_ns >= co->kill_ns && co->child->pid)
    end_it(s, co, now_ns);
  if (now_ns >= co->advise_ns)
    advise(s, co, now_ns);
  if (now_ns >= co->back_ns)
    amz_coprocess_give_back(s, co, false);
  if (now_ns >= co->retry_ns)
    amz_coprocess_pump(s, co, now_ns);
}

int amz_streams_due(struct amz_streams *s)
{
  int64_t now_ns = now();

  s->alarm_ns = 0; /* it has gone off: must be set again, whatever to */
  begin(s);
  for (uint32_t i = 0; i < s->n_slots; i++)
    if (s->slots[i].co && now_ns >= next_of(s->slots[i].co))
      do_due(s, s->slots[i].co, now_ns);
  return settle(s, now_ns);
}

int amz_streams_arm(struct amz_streams *s)
{
  int64_t at_ns = s->told_ns;
  struct itimerspec spec = {.it_value = {0, 0}};

  for (uint32_t i = 0; i < s->n_slots; i++) {
    int64_t own_ns = s->slots[i].co ? next_of(s->slots[i].co) : NEVER;

    if (own_ns < at_ns)
      at_ns = own_ns;
  }
  if (at_ns == s->alarm_ns)
    return AMZ_OK;
  s->alarm_ns = at_ns;
  if (at_ns != NEVER) {
    spec.it_value.tv_sec = at_ns / SECOND;
    spec.it_value.tv_nsec = at_ns % SECOND + (at_ns == 0);
  }
  return timerfd_settime(s->timer, TFD_TIMER_ABSTIME, &spec, NULL) < 0 ? AMZ_EIO : AMZ_OK;
}

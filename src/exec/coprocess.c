/* The life of one co-process: started when there are lines, fed, listened to. */
#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "../node/read_small.h"

#define NEVER AMZ_STREAMS_NEVER
#define SECOND INT64_C(1000000000)
#define LISTEN_BELOW_NS 250000 /* tasks that last longer are listened to all the time: waking up costs little of them */
#define LOOK_AFTER_MAX_NS 500000
#define LOOK_IN_FLIGHT 4u      /* with fewer lines, it might run dry while we don't look */
#define SHORTAGES_MAX 30u      /* starts, a second apart, for which the system had no room */
#define MEAN_SHARE 8           /* the newest weighs 1/8 in the running mean */

/* ---- starting ----------------------------------------------------------------------------------------------------------- */

static void start_failed(struct amz_streams *s, struct amz_coprocess *co, const struct amz_spawn *spawn, int64_t now_ns)
{
  struct amz_exec_end verdict = {.start_errno = spawn->error ? spawn->error : EIO};
  struct amz_buf text = AMZ_BUF_INIT;

  if (amz_spawn_is_shortage(spawn) && ++co->shortages < SHORTAGES_MAX) {
    co->retry_ns = now_ns + SECOND;
    return;
  }
  verdict.exit_code = amz_spawn_explain(spawn, &text);
  amz_coprocess_keep(s, co, 1, amz_buf_text(&text), text.len);
  amz_buf_reset(&text);
  amz_buf_adds(&text, "the stream's program cannot be started: ");
  amz_spawn_say(spawn, &text);
  amz_coprocess_condemn(s, co, &verdict, amz_buf_text(&text));
  amz_buf_clear(&text);
}

static bool set_nonblocking(const struct amz_child *t)
{
  return fcntl(t->fds[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(t->fds[1], F_SETFL, O_NONBLOCK) == 0 &&
         fcntl(t->input, F_SETFL, O_NONBLOCK) == 0;
}

static void begin_process(struct amz_streams *s, struct amz_coprocess *co)
{
  struct amz_child *t = co->child;

  s->alive++;
  co->shortages = 0;
  co->answers = 0;
  co->deaf = co->mute = co->reaped = co->input_known = co->termed = false;
  co->as = 0;
  co->cpu_ns = co->measure_ns = 0;
  co->max_rss_bytes = 0;
  co->advice_cpu_ns = -1;
  co->kill_ns = co->look_ns = co->advise_ns = NEVER;
  co->has_cpu_clock = clock_getcpuclockid(t->pid, &co->cpu_clock) == 0;
  t->watched = true;
  if (!set_nonblocking(t))
    s->failed = true;
  amz_streams_watch(s, t->fds[0], EPOLLIN | EPOLLONESHOT, AMZ_STREAMS_EVENT(t->slot, AMZ_STREAMS_OUT), EPOLL_CTL_ADD);
  amz_streams_watch(s, t->fds[1], EPOLLIN, AMZ_STREAMS_EVENT(t->slot, AMZ_STREAMS_ERR), EPOLL_CTL_ADD);
  co->armed = true;
  amz_buf_reset(&t->held[1]); /* what the last one complained of, this one will say again, if it is so */
  amz_coprocess_take_head(co);
}

static void start(struct amz_streams *s, struct amz_coprocess *co, int64_t now_ns)
{
  struct amz_cursor body = amz_cursor_over(co->order.data + co->command_at, co->order.len - co->command_at);
  struct amz_spawn spawn;

  if (now_ns < co->retry_ns && co->retry_ns != NEVER)
    return;
  co->retry_ns = NEVER;
  if (amz_wire_read_start(&body, s->start) < 0) {
    s->failed = true; /* it was read before: no memory */
    return;
  }
  if (amz_launch(s->launcher, co->child, s->start, &spawn) < 0)
    start_failed(s, co, &spawn, now_ns);
  else
    begin_process(s, co);
}

/* ---- feeding ------------------------------------------------------------------------------------------------------------ */

static void wait_for_room(struct amz_streams *s, struct amz_coprocess *co)
{
  amz_streams_watch(s, co->child->input, EPOLLOUT | EPOLLONESHOT, AMZ_STREAMS_EVENT(co->child->slot, AMZ_STREAMS_IN),
                    co->input_known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD);
  co->input_known = true;
}

/* Lines are given several at a time: not before half of the window is free. */
static void feed(struct amz_streams *s, struct amz_coprocess *co, int64_t now_ns)
{
  size_t window = co->careful ? 1 : co->window, n;
  bool idle = amz_lines_written(&co->lines) == 0;
  const char *bytes;

  if (co->deaf || co->as || co->child->input < 0 || (co->lines.fed > window / 2 && !co->lines.ahead))
    return;
  bytes = amz_lines_next(&co->lines, window, &n);
  while (n > 0) {
    ssize_t wrote = write(co->child->input, bytes, n);

    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote < 0 && errno == EAGAIN)
      wait_for_room(s, co);
    else if (wrote < 0)
      co->deaf = true;
    if (wrote < 0)
      break;
    if (idle)
      co->head_ns = now_ns;
    idle = false;
    amz_lines_wrote(&co->lines, (size_t)wrote);
    bytes += wrote;
    n -= (size_t)wrote;
  }
}

/* One that won't hear any more, or say anything, is let go. */
static void let_go(struct amz_coprocess *co, int64_t now_ns)
{
  if (co->kill_ns == NEVER && (co->mute || (co->deaf && amz_lines_written(&co->lines) == 0)))
    co->kill_ns = now_ns + SECOND;
}

/* `heard`: it has just said something. */
static void plan_next_look(struct amz_streams *s, struct amz_coprocess *co, bool heard, int64_t now_ns)
{
  int64_t after_ns = co->mean_ns * (int64_t)(co->lines.fed / 2);

  co->look_ns = NEVER;
  if (co->mute || co->armed)
    return;
  if (heard && co->mean_ns > 0 && co->mean_ns < LISTEN_BELOW_NS && co->lines.fed >= LOOK_IN_FLIGHT) {
    co->look_ns = now_ns + (after_ns < LOOK_AFTER_MAX_NS ? after_ns : LOOK_AFTER_MAX_NS);
    return;
  }
  amz_streams_watch(s, co->child->fds[0], EPOLLIN | EPOLLONESHOT, AMZ_STREAMS_EVENT(co->child->slot, AMZ_STREAMS_OUT),
                    EPOLL_CTL_MOD);
  co->armed = true;
}

static void plan_advice(struct amz_coprocess *co)
{
  if (co->answers || !co->advice_ns || amz_lines_written(&co->lines) == 0)
    co->advise_ns = NEVER;
  else if (co->advise_ns == NEVER)
    co->advise_ns = co->head_ns + co->advice_ns;
}

void amz_coprocess_pump(struct amz_streams *s, struct amz_coprocess *co, int64_t now_ns)
{
  if (co->condemned)
    amz_coprocess_fail_all(s, co);
  if (co->lines.count && !co->child->pid)
    start(s, co, now_ns);
  if (!co->child->pid)
    return;
  feed(s, co, now_ns);
  let_go(co, now_ns);
  plan_advice(co);
}

/* ---- listening ---------------------------------------------------------------------------------------------------------- */

int64_t amz_coprocess_cpu(const struct amz_coprocess *co)
{
  struct timespec ts;

  if (!co->has_cpu_clock || clock_gettime(co->cpu_clock, &ts) < 0)
    return -1;
  return (int64_t)ts.tv_sec * SECOND + ts.tv_nsec;
}

/* The peak of the program's memory, which tells what a slot needs. Once a second is enough, and costs nothing. */
static void measure(struct amz_coprocess *co, int64_t now_ns)
{
  char path[64], text[2048];
  const char *line;

  if (now_ns < co->measure_ns)
    return;
  co->measure_ns = now_ns + SECOND;
  (void)snprintf(path, sizeof path, "/proc/%ld/status", (long)co->child->pid);
  if (amz_read_small(path, text, sizeof text) < 0)
    return;
  line = strstr(text, "VmHWM:");
  if (line)
    co->max_rss_bytes = (uint64_t)strtoull(line + strlen("VmHWM:"), NULL, 10) * 1024;
}

/* How many results end in what has come. One that began in an earlier read may be missed where it ends in a sentinel: it is for
 * sharing out time alone. */
static int64_t count_results(const struct amz_answer_rules *rules, const char *bytes, size_t n)
{
  const char *end = bytes + n, *newline;
  int64_t count = 0;

  for (const char *at = bytes; at < end && (newline = memchr(at, '\n', (size_t)(end - at))); at = newline + 1)
    count += !rules->sentinel || ((size_t)(newline - at) == rules->sentinel_bytes &&
                                  memcmp(at, rules->sentinel, rules->sentinel_bytes) == 0);
  return count > 0 ? count : 1;
}

/* The times of the results of one read: nobody looked at a clock between them. */
struct shares {
  int64_t at_ns, wall_ns, cpu_ns;
};

static struct shares share_out(struct amz_coprocess *co, const char *bytes, size_t n, int64_t now_ns)
{
  int64_t count = count_results(&co->rules, bytes, n), cpu_ns = amz_coprocess_cpu(co);
  struct shares each = {.at_ns = co->head_ns, .wall_ns = (now_ns - co->head_ns) / count};

  if (cpu_ns > co->cpu_ns) {
    each.cpu_ns = (cpu_ns - co->cpu_ns) / count;
    co->cpu_ns = cpu_ns;
  }
  return each;
}

static void result(struct amz_streams *s, struct amz_coprocess *co, struct shares *each, bool failed)
{
  const struct amz_exec_end end = {.outcome = failed ? AMZ_FAILED : AMZ_SUCCEEDED, .exit_code = failed ? 1 : 0,
    .start_ns = each->at_ns + s->real_ns, .wall_ns = each->wall_ns, .cpu_ns = each->cpu_ns,
    .max_rss_bytes = co->max_rss_bytes};

  co->answers++;
  co->bad_starts = 0;
  co->mean_ns = co->mean_ns ? co->mean_ns + (each->wall_ns - co->mean_ns) / MEAN_SHARE : each->wall_ns;
  each->at_ns += each->wall_ns;
  co->head_ns = each->at_ns;
  amz_coprocess_finish(s, co, &end);
}

/* What nobody asked for. Results may have gone to wrong tasks by then, so it isn't passed over in silence. */
static void surplus(struct amz_streams *s, const struct amz_coprocess *co)
{
  if (s->surplus_told || s->closing)
    return;
  s->surplus_told = true;
  amz_streams_note(s, co,
                   "the stream's program has written more than one result per line: results may stand with the wrong tasks; "
                   "nothing else may go to its standard output");
}

/* \return whether its head was judged already: what it says comes too late. */
static bool is_past(const struct amz_coprocess *co)
{
  return co->as == AMZ_TIMED_OUT || co->as == AMZ_FAILED;
}

/* \return false: out of memory. */
static bool take(struct amz_streams *s, struct amz_coprocess *co, const char *bytes, size_t n, int64_t now_ns)
{
  struct shares each = share_out(co, bytes, n, now_ns);

  measure(co, now_ns);
  while (n > 0 && !is_past(co)) {
    struct amz_piece piece;
    size_t used = amz_answer_take(&co->answer, &co->rules, bytes, n, &piece);

    if (used == 0)
      return false;
    bytes += used;
    n -= used;
    if (amz_lines_written(&co->lines) == 0) {
      if (piece.n || piece.complete)
        surplus(s, co);
      amz_answer_reset(&co->answer);
      continue;
    }
    amz_coprocess_keep(s, co, 0, piece.bytes, piece.n);
    if (is_past(co))
      break;
    if (piece.complete && co->lines.fed)
      result(s, co, &each, piece.failed);
    else if (piece.complete) /* to a line that it hasn't read to its end */
      surplus(s, co);
  }
  return true;
}

ssize_t amz_coprocess_read(struct amz_streams *s, struct amz_coprocess *co, int64_t now_ns)
{
  ssize_t n;

  do
    n = read(co->child->fds[0], s->output->scratch, AMZ_TASK_HOLD);
  while (n < 0 && errno == EINTR);
  if (n > 0 && !take(s, co, s->output->scratch, (size_t)n, now_ns))
    s->failed = true;
  return n;
}

void amz_coprocess_read_errors(struct amz_streams *s, struct amz_coprocess *co)
{
  ssize_t n;

  if (co->child->fds[1] < 0)
    return;
  do
    n = read(co->child->fds[1], s->output->scratch, AMZ_TASK_HOLD); /* all that a pipe holds */
  while (n < 0 && errno == EINTR);
  if (n > 0)
    amz_coprocess_keep(s, co, 1, s->output->scratch, (size_t)n);
  if (n == 0)
    amz_child_close(co->child, 1, s->output);
}

void amz_coprocess_listen(struct amz_streams *s, struct amz_coprocess *co, int64_t now_ns)
{
  ssize_t n;

  amz_coprocess_read_errors(s, co); /* first, so that what a task complained of goes with it */
  n = amz_coprocess_read(s, co, now_ns);
  co->mute = co->mute || n == 0;
  amz_coprocess_pump(s, co, now_ns);
  if (co->child->pid)
    plan_next_look(s, co, n > 0, now_ns);
}

/* The end of a co-process: what it left is taken, and it is judged whose fault that was.
 *
 * A line is guilty when its program died while it had that line alone. Had it more, or had it answered others before and read
 * ahead, all that it had are given again, one at a time. A program that has read nothing is no line's fault. */
#include "streams.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <amorsize/diag.h>

#define LAST_WORDS 200 /* bytes of a line of standard error in a note */

void amz_coprocess_signal(struct amz_streams *s, struct amz_coprocess *co, int signal, enum amz_outcome as)
{
  if (as && !co->as) {
    co->as = as;
    s->doomed++;
  }
  (void)kill(-co->child->pid, signal);
}

void amz_coprocess_close_input(struct amz_streams *s, struct amz_coprocess *co)
{
  struct amz_child *t = co->child;

  if (t->input < 0)
    return;
  if (co->input_known)
    (void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, t->input, NULL);
  (void)close(t->input);
  t->input = -1;
}

/* \return whether it has read nothing of what it was given and hasn't answered. */
static bool has_read_nothing(const struct amz_coprocess *co)
{
  int unread = 0;

  return co->child->input < 0 || (ioctl(co->child->input, FIONREAD, &unread) == 0 &&
                                  (size_t)unread >= amz_lines_written(&co->lines));
}

/* Takes what is in its pipes now. Whoever else holds their other ends, and may write on for ever, isn't waited for. */
static void drain(struct amz_streams *s, struct amz_coprocess *co, int64_t now_ns)
{
  ssize_t n = 1;
  int there = 0;

  amz_coprocess_read_errors(s, co);
  if (ioctl(co->child->fds[0], FIONREAD, &there) < 0)
    there = 0;
  for (; there > 0 && n > 0 && !s->failed; there -= (int)n)
    n = amz_coprocess_read(s, co, now_ns);
}

static struct amz_exec_end verdict_of(const struct amz_streams *s, const struct amz_coprocess *co,
                                      const struct amz_child_status *status,
                                      int64_t now_ns)
{
  struct amz_exec_end end = {.outcome = AMZ_FAILED, .start_ns = co->head_ns + s->real_ns, .wall_ns = now_ns - co->head_ns};
  int64_t cpu_ns = amz_child_cpu_ns(status->usage);

  if (WIFSIGNALED(status->wait_status)) {
    end.exit_code = -1;
    end.signal = WTERMSIG(status->wait_status);
  } else {
    end.exit_code = WEXITSTATUS(status->wait_status);
  }
  end.cpu_ns = cpu_ns > co->cpu_ns ? cpu_ns - co->cpu_ns : 0;
  end.max_rss_bytes = (uint64_t)status->usage->ru_maxrss * 1024;
  return end;
}

static void say_how(const struct amz_exec_end *end, struct amz_buf *out)
{
  if (end->signal)
    amz_buf_addf(out, "signal %d", (int)end->signal);
  else
    amz_buf_addf(out, "exit status %d", (int)end->exit_code);
}

/* Appends the last line that it has written to standard error and that isn't recorded yet. */
static void add_last_words(const struct amz_coprocess *co, struct amz_buf *out)
{
  const struct amz_buf *errors = &co->child->held[1];
  size_t end = errors->len, begin;

  while (end > 0 && errors->data[end - 1] == '\n')
    end--;
  for (begin = end; begin > 0 && errors->data[begin - 1] != '\n'; begin--)
    ;
  if (end == begin)
    return;
  amz_buf_adds(out, ": ");
  amz_buf_add_printable(out, errors->data + begin, end - begin, LAST_WORDS);
}

static void bad_start(struct amz_streams *s, struct amz_coprocess *co, const struct amz_exec_end *verdict)
{
  struct amz_buf why = AMZ_BUF_INIT;

  if (++co->bad_starts >= AMZ_EXEC_BAD_STARTS) {
    amz_buf_addf(&why, "the stream's program has ended %d times in a row before it read a line (", AMZ_EXEC_BAD_STARTS);
    say_how(verdict, &why);
    amz_buf_addc(&why, ')');
    add_last_words(co, &why);
    amz_coprocess_condemn(s, co, verdict, amz_buf_text(&why));
  }
  amz_buf_clear(&why);
}

/* Whose fault it was. */
static void judge(struct amz_streams *s, struct amz_coprocess *co, const struct amz_exec_end *verdict, enum amz_outcome as,
                  bool innocent)
{
  struct amz_exec_end end = *verdict;
  size_t in_flight = co->lines.fed + (co->lines.ahead > 0);
  bool alone = in_flight == 1 && (co->careful || co->window == 1 || co->answers == 0);

  end.outcome = as ? as : AMZ_FAILED;
  if (as == AMZ_CANCELLED) {
    amz_coprocess_give_back(s, co, true);
  } else if (as || (alone && !innocent)) {
    co->bad_starts = 0;
    amz_coprocess_finish(s, co, &end);
  } else if (innocent && co->answers == 0 && co->lines.count) {
    bad_start(s, co, verdict);
  } else if (!innocent) {
    co->careful = in_flight;
  }
  amz_lines_rewind(&co->lines);
  amz_coprocess_take_head(co);
}

static void tell_last_words(struct amz_streams *s, const struct amz_coprocess *co, const struct amz_exec_end *verdict)
{
  struct amz_buf text = AMZ_BUF_INIT;

  amz_buf_adds(&text, "after its last task, the stream's program has ended with ");
  say_how(verdict, &text);
  add_last_words(co, &text);
  amz_streams_note(s, co, "%s", amz_buf_text(&text));
  amz_buf_clear(&text);
}

void amz_coprocess_ended(struct amz_streams *s, struct amz_coprocess *co, const struct amz_child_status *status, int64_t now_ns)
{
  struct amz_child *t = co->child;
  struct amz_exec_end verdict;
  enum amz_outcome as;
  bool innocent;

  co->reaped = true;
  drain(s, co, now_ns);
  as = co->as;
  verdict = verdict_of(s, co, status, now_ns);
  innocent = has_read_nothing(co);
  amz_coprocess_close_input(s, co);
  amz_child_close(t, 0, s->output);
  amz_child_close(t, 1, s->output);
  t->pid = 0;
  s->alive--;
  s->doomed -= as ? 1 : 0;
  co->as = 0;
  co->look_ns = co->kill_ns = co->advise_ns = AMZ_STREAMS_NEVER;
  amz_answer_reset(&co->answer);
  if (s->closing && (verdict.signal || verdict.exit_code))
    tell_last_words(s, co, &verdict);
  if (as || co->lines.count)
    judge(s, co, &verdict, co->lines.count ? as : 0, innocent);
  amz_coprocess_pump(s, co, now_ns);
}

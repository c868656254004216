/* The head of a co-process: the line that it works on, what is kept for it, and how it is done with.
 *
 * The slot's struct amz_child always is at the head: its index and attempt are those of the oldest line, and what it keeps is
 * what was printed for that. Between lines it keeps standard error alone, for the next head. */
#include "streams.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <amorsize/units.h>

/* The child takes over who it is from the oldest line. What was printed on standard output belongs to nobody by now. */
void amz_coprocess_take_head(struct amz_coprocess *co)
{
  const struct amz_line *head = amz_lines_head(&co->lines);
  struct amz_child *t = co->child;

  t->index = head ? head->index : 0;
  t->tag = head ? head->tag : 0;
  t->attempt = head ? head->attempt : 0;
  t->bytes[0] = 0;
  t->bytes[1] = t->held[1].len;
  t->link = 0;
  t->sink_errno = 0;
  amz_buf_reset(&t->held[0]);
}

static void keep(struct amz_streams *s, struct amz_coprocess *co, int stream, const char *bytes, size_t n)
{
  struct amz_child *t = co->child;

  while (n > 0) {
    size_t room = AMZ_TASK_HOLD - t->held[stream].len, some = n < room ? n : room;

    if (!amz_lines_head(&co->lines) && some == room)
      return; /* nobody's: no frame can be written for it */
    amz_child_keep(t, stream, bytes, some, s->output);
    bytes += some;
    n -= some;
  }
}

/* A result that never ends would fill the disk. What comes behind is nobody's; the program can't be trusted with another line. */
static void end_flood(struct amz_streams *s, struct amz_coprocess *co)
{
  char most[32], text[AMZ_ERROR_TEXT];

  (void)snprintf(text, sizeof text,
                 "amorsize-mpi: more than %s were written without the end of a result (failures.max_result); the program was "
                 "ended\n", amz_format_bytes(co->max_result, most, sizeof most));
  keep(s, co, 1, text, strlen(text));
  if (!s->flood_told)
    amz_streams_note(s, co, "the stream's program has written more than %s without the end of a result; its task fails. "
                     "failures.max_result says how much a result may be", most);
  s->flood_told = true;
  co->as = AMZ_FAILED;
  s->doomed++;
  if (!co->reaped)
    amz_coprocess_signal(s, co, SIGKILL, 0);
}

void amz_coprocess_keep(struct amz_streams *s, struct amz_coprocess *co, int stream, const char *bytes, size_t n)
{
  const uint64_t *kept = co->child->bytes;

  if (co->max_result && kept[0] + kept[1] > co->max_result)
    return;
  keep(s, co, stream, bytes, n);
  if (co->max_result && kept[0] + kept[1] > co->max_result && !co->as && amz_lines_head(&co->lines))
    end_flood(s, co);
}

/* The head is done with: records and tells that. */
void amz_coprocess_finish(struct amz_streams *s, struct amz_coprocess *co, const struct amz_exec_end *how)
{
  struct amz_exec_end end = *how;

  end.slot = co->child->slot;
  end.tag = co->child->tag;
  end.cpus_differ = co->child->cpus_differ;
  amz_child_record(co->child, s->output, &end);
  amz_lines_drop(&co->lines);
  co->careful -= co->careful > 0;
  amz_coprocess_take_head(co);
  if (end.outcome != AMZ_SUCCEEDED || co->lines.count == 0)
    s->urgent = true;
  amz_streams_push(s, &end);
}

void amz_coprocess_give_back(struct amz_streams *s, struct amz_coprocess *co, bool all)
{
  struct amz_exec_end end = {.slot = co->child->slot, .outcome = AMZ_CANCELLED, .exit_code = -1};
  struct amz_line line;

  co->back_ns = AMZ_STREAMS_NEVER;
  s->urgent = true;
  if (all) {
    amz_lines_rewind(&co->lines);
    amz_buf_reset(&co->child->held[1]);
    co->careful = 0;
  }
  while (amz_lines_take_back(&co->lines, &line)) {
    end.tag = line.tag;
    amz_streams_push(s, &end);
  }
  if (all)
    amz_coprocess_take_head(co);
}

void amz_coprocess_fail_all(struct amz_streams *s, struct amz_coprocess *co)
{
  while (amz_lines_head(&co->lines)) {
    keep(s, co, 1, amz_buf_text(&co->why), co->why.len);
    co->verdict.start_ns = amz_clock_ns(CLOCK_MONOTONIC) + s->real_ns;
    amz_coprocess_finish(s, co, &co->verdict);
  }
}

/* From now on all lines fail: the program can't be started, or does nothing. The first tells all; the others why they weren't
 * tried. */
void amz_coprocess_condemn(struct amz_streams *s, struct amz_coprocess *co, const struct amz_exec_end *verdict, const char *why)
{
  co->condemned = true;
  co->verdict = *verdict;
  co->verdict.outcome = AMZ_FAILED;
  co->verdict.wall_ns = co->verdict.cpu_ns = 0;
  amz_buf_reset(&co->why);
  amz_buf_addf(&co->why, "amorsize-mpi: not tried: %s\n", why);
  amz_streams_note(s, co, "%s; its tasks fail", why);
  amz_lines_rewind(&co->lines);
  amz_coprocess_fail_all(s, co);
}

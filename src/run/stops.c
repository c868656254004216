/* What asks a run to come to an end before all is done: signals to any of its ranks, `stop RUN`, the job's time limit.
 *
 * Rank 0 answers for all. The first request lets running tasks end within their grace, a second one ends them. A signal to
 * another rank is passed on to rank 0: batch systems may signal a part of a job alone. Such a signal counts as the first request
 * or not at all, as rank 0 can't tell one that was sent to all ranks from one that was sent again. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <amorsize/units.h>

#include "loop_state.h"
#include "words.h"

static int drain(struct amz_loop *l, enum amz_stop how, const char *reason)
{
  int64_t grace_ns = amz_job_settings(l->config->job)->failures.grace_ns;
  struct amz_event event = {.kind = AMZ_EV_DRAIN, .stop = how,
                            .grace_ns = amz_walltime_grace(&l->config->walltime, amz_clock_monotonic_ns(), grace_ns)};

  if (!*l->result->reason)
    (void)snprintf(l->result->reason, sizeof l->result->reason, "%s", reason);
  return amz_loop_master_event(l, &event);
}

/* What Slurm is asked to send before the end; other signals come from people. */
static bool means_out_of_time(const char *name)
{
  return strcmp(name, amz_signal_name(SIGUSR1)) == 0;
}

/* `by`: " (rank 3)", or nothing. */
static int heed(struct amz_loop *l, const char *name, const char *by)
{
  bool first = l->stop_signals++ == 0;
  char text[192], reason[64], grace[32];

  (void)amz_format_duration(amz_job_settings(l->config->job)->failures.grace_ns, grace, sizeof grace);
  if (first)
    (void)snprintf(text, sizeof text, "%s%s: letting what runs end (%" PRIu64 " now, at most %s); once more to end it at once",
                   name, by,
                   amz_loop_running(l), grace);
  else
    (void)snprintf(text, sizeof text, "%s again: ending what runs; resume will run it again", name);
  amz_loop_note(l, AMZ_WARNING, text);
  l->result->out_of_time |= means_out_of_time(name);
  (void)snprintf(reason, sizeof reason, "interrupted (%s)", name);
  return drain(l, first ? AMZ_STOP_DRAIN : AMZ_STOP_CANCEL, reason);
}

int amz_loop_gather_signals(struct amz_loop *l)
{
  int number, rc = AMZ_OK;

  while (rc == AMZ_OK && (number = amz_signals_next(l->signals)) > 0) {
    if (!l->master)
      rc = amz_word_send_signal(l->config->net, l->config->mpi, number);
    else if (l->relayed_signal == number) /* the one that another rank has told of: it was sent to all */
      l->relayed_signal = 0;
    else
      rc = heed(l, amz_signal_name(number), "");
  }
  return rc;
}

int amz_loop_hear_signal(struct amz_loop *l, const struct amz_mpi_message *got)
{
  int number = amz_word_signal(got);
  char by[32];

  if (!l->master || number == 0 || l->stop_signals > 0 || l->master_finished)
    return AMZ_OK;
  l->relayed_signal = number;
  (void)snprintf(by, sizeof by, " (rank %u)", got->source);
  return heed(l, amz_signal_name(number), by);
}

int amz_loop_stop_asked(struct amz_loop *l, const struct amz_store_event *asked)
{
  char reason[64] = "stopped on request";

  amz_loop_note(l, AMZ_WARNING,
                asked->token ? "asked to stop at once: ending what runs" : "asked to stop: letting what runs end");
  if (*asked->why) /* the driver passes on what it was sent */
    (void)snprintf(reason, sizeof reason, "interrupted (%s)", asked->why);
  l->result->out_of_time |= means_out_of_time(asked->why);
  return drain(l, asked->token ? AMZ_STOP_CANCEL : AMZ_STOP_DRAIN, reason);
}

bool amz_loop_is_out_of_time(const struct amz_loop *l, int64_t now_ns)
{
  return l->master && !l->result->out_of_time && !*l->result->reason && now_ns >= l->config->walltime.drain_ns;
}

/* Ranks that could run what is left are gone. */
int amz_loop_drain_too_small(struct amz_loop *l)
{
  static const char reason[] = "the ranks that are left have too little memory, or too few cores, for some of the tasks";

  amz_loop_note(l, AMZ_WARNING, reason);
  return drain(l, AMZ_STOP_DRAIN, reason);
}

/* The job's end is near: as at a signal, but nobody has to send one. */
int amz_loop_drain_in_time(struct amz_loop *l)
{
  l->result->out_of_time = true;
  amz_loop_note(l, AMZ_WARNING, "the job's time limit is near: letting what runs end");
  return drain(l, AMZ_STOP_DRAIN, "the job's time limit");
}

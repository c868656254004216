/* Preparing, launching, watching, launching again. */
#define _GNU_SOURCE
#include "drive.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <amorsize/alloc.h>
#include <amorsize/allocation.h>
#include <amorsize/exec.h>
#include <amorsize/store.h>

#include "../mpi/version.h"
#include "here.h"
#include "launch.h"
#include "launcher.h"
#include "clock.h"
#include "marker.h"
#include "patience.h"
#include "show.h"
#include "signals.h"

#define LINGER_NS INT64_C(10000000000) /* for a launcher to end when the run has ended */
#define INSIST_NS INT64_C(5000000000)  /* between TERM and KILL */
#define LOOK_MS 200                    /* between looks at the markers when the launcher can't be waited for by a descriptor */
#define LAUNCHES_WITHOUT_PROGRESS 3
#define GATHER_NS INT64_C(120000000000)   /* for ranks to come together: programs are read from slow disks, */
#define GATHER_EACH_NS INT64_C(500000000) /* and by many at once */

extern char **environ;

struct drive {
  const struct amz_run_observer *observer;
  const struct amz_drive_options *options;
  const char *dir;             /* as the user may type it */
  struct amz_allocation allocation;
  struct amz_spread spread;
  struct amz_signals signals;
  unsigned stop_signals;
  int first_signal;            /* 0: none came */
  pid_t launcher;              /* 0: none runs */
  int64_t gather_ns;           /* when ranks that haven't come together are ended; INT64_MAX: never */
  int64_t ended_ns;            /* when the end marker was first seen, or the launch was given up; 0: not yet */
  bool tarried;                /* it was given up */
  bool told_to_go, killed;
  struct amz_show show;
};

static void note(const struct drive *d, enum amz_severity severity, const char *text)
{
  if (d->observer && d->observer->note)
    d->observer->note(d->observer->ctx, severity, text);
}

/* ---- where -------------------------------------------------------------------------------------------------------------- */

static int read_allocation(const struct amz_drive_options *options, const struct amz_run_observer *observer,
                           struct amz_allocation *ret,
                           struct amz_error *err)
{
  struct amz_diags diags;
  int rc;

  amz_diags_init(&diags);
  rc = amz_allocation_here(options->hostfile, &diags, err, ret);
  if (observer && observer->findings && diags.count > 0)
    observer->findings(observer->ctx, &diags);
  amz_diags_clear(&diags);
  return rc;
}

int amz_drive_wanted(const struct amz_drive_options *options, const struct amz_run_observer *observer, bool *ret,
                     struct amz_error *err)
{
  struct amz_allocation a;
  int rc;

  *ret = options->ranks > 0 || options->nodes > 0 || options->hostfile || options->launcher;
  if (*ret)
    return AMZ_OK;
  rc = read_allocation(options, observer, &a, err);
  if (rc < 0)
    return rc;
  *ret = a.n_nodes > 1;
  amz_allocation_clear(&a);
  return AMZ_OK;
}

static int choose_spread(struct drive *d, const struct amz_settings *s, struct amz_error *err)
{
  uint32_t nodes = d->options->nodes ? d->options->nodes : s->plan.nodes == AMZ_AUTO ? 0 : s->plan.nodes;
  uint32_t per_node = s->plan.ranks_per_node == AMZ_AUTO ? 0 : s->plan.ranks_per_node;

  return amz_spread_choose(d->options->ranks, nodes, per_node, d->allocation.n_nodes, err, &d->spread);
}

/* ---- the launcher's command line ---------------------------------------------------------------------------------------- */

/* Appends the words of the user's own launcher, split at blanks. */
static void own_words(const char *text, struct amz_buf *out)
{
  while (*text) {
    size_t n = strcspn(text, " \t");

    if (n > 0) {
      amz_buf_add(out, text, n);
      amz_buf_addc(out, '\0');
    }
    text += n + strspn(text + n, " \t");
  }
}

/* Number `attempt` of the ways to launch. \return AMZ_OK; AMZ_ENOENT: there is no such way; AMZ_ENOMEM. */
static int launcher_words(const struct drive *d, unsigned attempt, struct amz_buf *out)
{
  struct amz_launcher_choice choice;

  if (d->options->launcher) {
    own_words(d->options->launcher, out);
    return attempt == 0 ? AMZ_OK : AMZ_ENOENT;
  }
  if (amz_launcher_choose(&d->allocation, attempt, &choice) < 0)
    return AMZ_ENOENT;
  amz_launcher_words(&choice, &d->spread, &d->allocation, out);
  return AMZ_OK;
}

/* The whole line as NUL-ended words: launcher, program, resume DIR, options. */
static int whole_line(const struct drive *d, unsigned attempt, struct amz_buf *out, struct amz_error *err)
{
  static const char program[] = "amorsize-mpi-rank", verb[] = "resume";
  int rc = launcher_words(d, attempt, out);

  if (rc < 0)
    return rc;
  rc = amz_exec_find_program(program, err, out);
  if (rc < 0)
    return rc;
  amz_buf_addc(out, '\0');
  amz_buf_add(out, verb, sizeof verb);
  amz_buf_add(out, d->dir, strlen(d->dir) + 1);
  for (size_t i = 0; d->options->pass && d->options->pass[i]; i++)
    amz_buf_add(out, d->options->pass[i], strlen(d->options->pass[i]) + 1);
  rc = amz_buf_ok(out);
  return rc < 0 ? amz_error_set(err, rc, "out of memory") : AMZ_OK;
}

/* A process group of its own: the terminal's Ctrl-C is for us. Its standard input is empty, its outputs are ours. */
static int add_streams(const struct drive *d, posix_spawn_file_actions_t *actions)
{
  int rc = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

  for (int i = 0; rc == 0 && i < AMZ_SHOW_STREAMS; i++)
    if (d->show.to[i] >= 0)
      rc = posix_spawn_file_actions_adddup2(actions, d->show.to[i], i + 1);
  return rc;
}

static int spawn(struct drive *d, char **words, struct amz_error *err)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int rc = posix_spawn_file_actions_init(&actions);

  if (rc == 0 && (rc = posix_spawnattr_init(&attributes)) == 0) {
    if ((rc = add_streams(d, &actions)) == 0 && (rc = posix_spawnattr_setsigmask(&attributes, &d->signals.before)) == 0 &&
        (rc = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK)) == 0)
      rc = posix_spawnp(&d->launcher, words[0], &actions, &attributes, words, environ);
    (void)posix_spawnattr_destroy(&attributes);
  }
  (void)posix_spawn_file_actions_destroy(&actions);
  if (rc == 0)
    return AMZ_OK;
  d->launcher = 0;
  return amz_error_sys(err, AMZ_EENV, rc, "cannot start %s", words[0]);
}

static void say_launch(const struct drive *d, const char *by)
{
  char text[256];

  if (d->options->quiet)
    return;
  (void)snprintf(text, sizeof text, "%u rank%s on %u node%s, launched by %s", d->spread.ranks, d->spread.ranks == 1 ? "" : "s",
                 d->spread.nodes, d->spread.nodes == 1 ? "" : "s", by);
  note(d, AMZ_WARNING, text);
}

static int start_launcher(struct drive *d, unsigned attempt, struct amz_error *err)
{
  struct amz_buf line = AMZ_BUF_INIT;
  char **words = NULL;
  int rc = whole_line(d, attempt, &line, err);

  if (rc == AMZ_OK && !(words = amz_launcher_split(&line)))
    rc = amz_error_set(err, AMZ_ENOMEM, "out of memory");
  if (rc == AMZ_OK) {
    say_launch(d, words[0]);
    rc = d->options->show ? amz_show_open(&d->show, d->dir, d->options->show_out, d->observer, err) : AMZ_OK;
    if (rc == AMZ_OK && (rc = spawn(d, words, err)) < 0)
      amz_show_close(&d->show);
    amz_show_launched(&d->show);
  }
  free(words);
  amz_buf_clear(&line);
  return rc;
}

/* ---- watching ----------------------------------------------------------------------------------------------------------- */

static void ask_to_stop(struct drive *d, int number)
{
  bool first = d->stop_signals++ == 0;
  struct amz_error err;
  char text[AMZ_ERROR_TEXT + 64], wish[32];
  int n = snprintf(wish, sizeof wish, first ? "%s\n" : "now %s\n", amz_signal_name(number));

  if (first)
    d->first_signal = number;
  if (d->stop_signals > 2 && d->launcher > 0)
    (void)kill(-d->launcher, SIGTERM);
  (void)snprintf(text, sizeof text, first ? "%s: asking the ranks to let what runs end; once more to end it at once" :
                                            "%s again: asking the ranks to end what runs; resume will run it again",
                 amz_signal_name(number));
  if (amz_rundir_write(d->dir, "stop", wish, (size_t)n, false, &err) < 0)
    (void)snprintf(text, sizeof text, "cannot ask the ranks to stop: %s", err.text);
  note(d, AMZ_WARNING, text);
}

static bool somebody_runs_it(const char *dir)
{
  struct amz_lease_info holder;

  return amz_lease_look(dir, &holder, NULL) == AMZ_OK && holder.alive;
}

/* How long a launch may take. The user's own launcher may wait in a queue first. */
static int64_t gather_limit(const struct drive *d)
{
  if (d->options->gather_ns > 0)
    return d->options->gather_ns;
  return d->options->launcher ? 0 : GATHER_NS + d->spread.ranks * GATHER_EACH_NS;
}

/* A rank that dies in MPI_Init is waited for by the others for ever, when the launcher doesn't end them (--enable-recovery,
 * --no-kill). Who waits for a lease is beyond that. */
static void give_up_late(struct drive *d, int64_t now_ns)
{
  if (now_ns < d->gather_ns)
    return;
  d->gather_ns = INT64_MAX;
  if (d->ended_ns || amz_marker_launched(d->dir) || somebody_runs_it(d->dir))
    return;
  note(d, AMZ_WARNING, "the ranks have not come together in time: one of them may have died on its way; ending this launch");
  d->tarried = d->told_to_go = true;
  d->ended_ns = now_ns - LINGER_NS;
  (void)kill(-d->launcher, SIGTERM);
}

/* A launcher that doesn't end by itself when the run has: TERM, then KILL. */
static void hurry(struct drive *d, int64_t now_ns)
{
  int64_t since = d->ended_ns ? now_ns - d->ended_ns : 0;

  if (since > LINGER_NS && !d->told_to_go) {
    d->told_to_go = true;
    (void)kill(-d->launcher, SIGTERM);
  }
  if (since > LINGER_NS + INSIST_NS && !d->killed) {
    d->killed = true;
    (void)kill(-d->launcher, SIGKILL);
  }
}

/* Waits for the launcher's end. \return its wait status. */
static int watch(struct drive *d)
{
  struct pollfd fds[] = {{.fd = (int)syscall(SYS_pidfd_open, d->launcher, 0), .events = POLLIN},
                         {.fd = d->signals.fd, .events = POLLIN},
                         {.events = POLLIN}, {.events = POLLIN}};
  int64_t limit_ns = gather_limit(d);
  int wait_status = 0, number, ignored;

  d->ended_ns = 0;
  d->gather_ns = limit_ns > 0 ? amz_clock_monotonic_ns() + limit_ns : INT64_MAX;
  d->told_to_go = d->killed = d->tarried = false;
  while (waitpid(d->launcher, &wait_status, WNOHANG) == 0) {
    for (int i = 0; i < AMZ_SHOW_STREAMS; i++)
      fds[2 + i].fd = d->show.from[i];
    (void)poll(fds, sizeof fds / sizeof *fds, LOOK_MS);
    while ((number = amz_signals_next(&d->signals)) > 0)
      ask_to_stop(d, number);
    if (!d->ended_ns && amz_marker_ended(d->dir, &ignored)) {
      d->ended_ns = amz_clock_monotonic_ns();
      amz_show_end(&d->show);
    }
    amz_show_turn(&d->show);
    give_up_late(d, amz_clock_monotonic_ns());
    hurry(d, amz_clock_monotonic_ns());
  }
  if (fds[0].fd >= 0)
    (void)close(fds[0].fd);
  d->launcher = 0;
  return wait_status;
}

/* A launcher that was killed may leave ranks that go on without it: the run is theirs until rank 0 ends or gives the lease up. */
static void wait_for_orphans(struct drive *d)
{
  struct pollfd fd = {.fd = d->signals.fd, .events = POLLIN};
  int number, ignored;
  bool told = false;

  while (!amz_marker_ended(d->dir, &ignored) && somebody_runs_it(d->dir)) {
    if (!told)
      note(d, AMZ_WARNING, "the launcher died; its ranks go on, and are waited for");
    told = true;
    (void)poll(&fd, 1, LOOK_MS);
    while ((number = amz_signals_next(&d->signals)) > 0)
      ask_to_stop(d, number);
    amz_show_turn(&d->show);
  }
}

static void describe_death(int wait_status, char *out, size_t n)
{
  if (WIFSIGNALED(wait_status))
    (void)snprintf(out, n, "signal %d", WTERMSIG(wait_status));
  else
    (void)snprintf(out, n, "exit status %d", WEXITSTATUS(wait_status));
}

static bool died_by(int wait_status, int number)
{
  return WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == number;
}

/* ---- launches ----------------------------------------------------------------------------------------------------------- */

struct tries {
  unsigned way, idle; /* way: of launching; idle: launches in a row without progress */
  uint64_t done;
};

/* What to do after a launch that didn't end in order. \return 1: launch again; AMZ_OK: the run ends with *ret_status; negative
 * with *err. */
static int after_death(struct drive *d, struct tries *t, int wait_status, int *ret_status, struct amz_error *err)
{
  char how[64], text[256];
  uint64_t done = amz_marker_done(d->dir);

  describe_death(wait_status, how, sizeof how);
  if (!amz_marker_launched(d->dir)) {
    if (d->tarried && d->stop_signals > 0) {
      *ret_status = 75;
      return AMZ_OK;
    }
    /* a rank or the launcher that was killed says little about the way of launching */
    if (!(d->tarried || died_by(wait_status, SIGKILL)) || ++t->idle % LAUNCHES_WITHOUT_PROGRESS == 0)
      t->way++;
    return 1;
  }
  t->idle = done > t->done ? 0 : t->idle + 1;
  t->done = done;
  if (d->stop_signals > 0) {
    *ret_status = 75;
    return AMZ_OK;
  }
  if (t->idle >= LAUNCHES_WITHOUT_PROGRESS)
    return amz_error_set(err, AMZ_EENV, "the ranks died %u times in a row without getting further (%s); what was recorded is "
                                        "safe: amorsize-mpi resume %s",
                         t->idle, how, d->dir);
  (void)snprintf(text, sizeof text, "the ranks died (%s); launching them again for what is left", how);
  note(d, AMZ_WARNING, text);
  return 1;
}

static int launch_until_done(struct drive *d, int *ret_status, struct amz_error *err)
{
  struct tries t = {.done = amz_marker_done(d->dir)};
  int rc = 1, wait_status;

  while (rc == 1) {
    amz_marker_clear(d->dir);
    rc = start_launcher(d, t.way, err);
    if (rc == AMZ_ENOENT)
      return amz_error_set(err, AMZ_EENV, t.way == 0 ? "no mpirun of %s in PATH: load its module, or give --launcher" :
                           "the ranks could not be launched (the launcher's own words are above); this was built with %s",
                               amz_mpi_version());
    if (rc < 0)
      return rc;
    wait_status = watch(d);
    wait_for_orphans(d);
    amz_show_close(&d->show);
    if (amz_marker_ended(d->dir, ret_status))
      return AMZ_OK;
    rc = after_death(d, &t, wait_status, ret_status, err);
  }
  return rc;
}

/* Whether what is left is for another turn of the job: rank 0 knows of the time limit and of signals to the ranks, we know of our
 * own. */
static bool is_for_another_turn(const struct drive *d, const struct amz_job *job, int status)
{
  bool out_of_time = d->first_signal ? d->first_signal == SIGUSR1 : amz_marker_out_of_time(d->dir);

  return status == 75 && out_of_time && amz_job_settings(job)->slurm.requeue;
}

static int drive(struct drive *d, const struct amz_job *job, const struct amz_run_options *run, int *ret_status,
                 struct amz_error *err)
{
  int rc = choose_spread(d, amz_job_settings(job), err);

  if (rc < 0 || (rc = amz_signals_open(&d->signals, err)) < 0)
    return rc;
  amz_marker_clear_stop(d->dir);
  rc = launch_until_done(d, ret_status, err);
  amz_signals_close(&d->signals);
  if (rc == AMZ_OK && run->ret_requeue)
    *run->ret_requeue = is_for_another_turn(d, job, *ret_status);
  return rc;
}

int amz_drive_new(const struct amz_job_input *input, const struct amz_run_options *run, const struct amz_drive_options *options,
                  const struct amz_run_observer *observer, int *ret_status, struct amz_error *err)
{
  struct drive d = {.observer = observer, .options = options, .show = AMZ_SHOW_NONE};
  struct amz_job *job = NULL;
  char *dir = NULL;
  int rc = read_allocation(options, observer, &d.allocation, err);

  if (rc < 0)
    return rc;
  if (options->nodes) { /* a wish that can't be met leaves no directory behind */
    rc = amz_spread_choose(options->ranks, options->nodes, 0, d.allocation.n_nodes, err, &d.spread);
    if (rc < 0) {
      amz_allocation_clear(&d.allocation);
      return rc;
    }
  }
  rc = amz_launch_prepare(input, run, observer, &dir, &job, err);
  d.dir = dir;
  if (rc == AMZ_OK)
    rc = drive(&d, job, run, ret_status, err);
  amz_job_free(job);
  amz_allocation_clear(&d.allocation);
  free(dir);
  return rc;
}

int amz_drive_resume(const char *dir, const struct amz_run_options *run, const struct amz_drive_options *options,
                     const struct amz_run_observer *observer, int *ret_status, struct amz_error *err)
{
  struct drive d = {.observer = observer, .options = options, .dir = dir, .show = AMZ_SHOW_NONE};
  struct amz_lease_info holder;
  struct amz_job *job = NULL;
  struct amz_diags diags;
  int rc = read_allocation(options, observer, &d.allocation, err), ignored;

  if (rc < 0)
    return rc;
  amz_diags_init(&diags);
  rc = amz_patience_wait(dir, run->take_over, observer, NULL, NULL, NULL, &ignored, err);
  if (rc == AMZ_OK && amz_lease_look(dir, &holder, err) == AMZ_OK && holder.alive && (holder.seen || !run->take_over))
    rc = amz_error_set(err, AMZ_EBUSY, "%s is run by process %lld on %s now; wait for its end, or: amorsize-mpi stop %s", dir,
                       (long long)holder.pid, holder.host, dir);
  if (rc == AMZ_OK && (rc = amz_run_load_recorded(dir, run->sets, run->n_sets, &diags, &job, err)) == AMZ_OK)
    rc = drive(&d, job, run, ret_status, err);
  else if (rc == AMZ_EINVAL && observer && observer->findings)
    observer->findings(observer->ctx, &diags);
  amz_diags_clear(&diags);
  amz_job_free(job);
  amz_allocation_clear(&d.allocation);
  return rc;
}

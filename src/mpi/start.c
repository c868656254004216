/* Beginning and end of MPI. Both are guarded: at the beginning against launchers that start many singletons, at the end against
 * MPI_Finalize, which waits for every rank, a dead one too. */
#include "state.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#include "pace.h"
#include "version.h"

int amz_mpi_failed(struct amz_error *err, int code, const char *what)
{
  char text[MPI_MAX_ERROR_STRING + 1] = "";
  int n = 0;

  if (MPI_Error_string(code, text, &n) != MPI_SUCCESS)
    n = 0;
  text[n] = '\0';
  return amz_error_set(err, AMZ_EIO, "MPI: %s: %s", what, n ? text : "it doesn't say why");
}

/* ---- start ------------------------------------------------------------------------------------------------------- */

struct remedy {
  const char *library; /* how amz_mpi_version begins */
  const char *launcher, *srun;
};

static const struct remedy remedies[] = {
  {"Open MPI", "mpirun", "srun --mpi=pmix"},
  {"MPICH", "mpiexec.hydra", "srun --mpi=pmi2"},
  {"", "mpiexec", "srun --mpi=pmix"},
};

/* Refuses what would run the whole job as many times as there are processes, and says what to type instead. */
static int refuse_singletons(const struct amz_mpi_launch *launch, struct amz_error *err)
{
  const char *library = amz_mpi_version();
  const struct remedy *remedy = remedies;
  uint32_t p = launch->processes;

  while (strncmp(library, remedy->library, strlen(remedy->library)) != 0)
    remedy++;
  return amz_error_set(err, AMZ_EENV, "%s has started %u processes, but each of them is alone, "
                       "because this program was built with %s; start it with: %s -n %u amorsize-mpi ..., "
                       "or inside Slurm: %s -n %u amorsize-mpi ...",
                       launch->by, p, library, remedy->launcher, p, remedy->srun, p);
}

/* \return AMZ_OK; AMZ_EIO with *err. */
static int learn_world(struct amz_mpi *t, struct amz_error *err)
{
  int rank = 0, size = 0, length = 0, rc;

  if ((rc = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN)) != MPI_SUCCESS ||
      (rc = MPI_Comm_dup(MPI_COMM_WORLD, &t->comm)) != MPI_SUCCESS ||
      (rc = MPI_Comm_set_errhandler(t->comm, MPI_ERRORS_RETURN)) != MPI_SUCCESS ||
      (rc = MPI_Comm_rank(t->comm, &rank)) != MPI_SUCCESS ||
      (rc = MPI_Comm_size(t->comm, &size)) != MPI_SUCCESS || (rc = MPI_Get_processor_name(t->node, &length)) != MPI_SUCCESS)
    return amz_mpi_failed(err, rc, "cannot start");
  t->node[length] = '\0';
  t->rank = (uint32_t)rank;
  t->size = (uint32_t)size;
  return AMZ_OK;
}

static int set_up(struct amz_mpi *t, const struct amz_mpi_launch *launch, struct amz_error *err)
{
  int rc = learn_world(t, err);

  if (rc < 0)
    return rc;
  if (t->size == 1 && launch->processes > 1) {
    (void)MPI_Finalize();
    return refuse_singletons(launch, err);
  }
  t->peers = amz_new_array(t->size, sizeof *t->peers);
  if (!t->peers)
    return amz_error_set(err, AMZ_ENOMEM, "no memory for %u ranks", t->size);
  t->active_ns = amz_mpi_now_ns();
  t->rung_ns = AMZ_PACE_RUNG_NS;
  rc = amz_bell_open(t, err);
  return rc < 0 ? rc : amz_inbox_open(t, err);
}

static void free_all(struct amz_mpi *t)
{
  amz_outbox_free(t);
  amz_inbox_free(t);
  amz_bell_free(t);
  free(t->peers);
  free(t);
}

int amz_mpi_start(struct amz_mpi **ret, struct amz_error *err)
{
  struct amz_mpi_launch launch = {.wired = true};
  struct amz_mpi *t;
  int started = 0, level, rc;

  (void)amz_mpi_looks_launched(&launch);
  if (!launch.wired) /* some MPIs end the process in MPI_Init then */
    return refuse_singletons(&launch, err);
  if (MPI_Initialized(&started) != MPI_SUCCESS || started)
    return amz_error_set(err, AMZ_EBUSY, "MPI has been started before in this process");
  t = amz_new_array(1, sizeof *t);
  if (!t)
    return amz_error_set(err, AMZ_ENOMEM, "no memory for the transport");
  rc = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level); /* any level will do: one thread calls */
  rc = rc == MPI_SUCCESS ? AMZ_OK : amz_mpi_failed(err, rc, "cannot start");
  if (rc == AMZ_OK && signal(SIGPIPE, SIG_IGN) == SIG_ERR)
    rc = amz_error_set(err, AMZ_EIO, "cannot ignore SIGPIPE");
  if (rc == AMZ_OK)
    rc = set_up(t, &launch, err);
  if (rc < 0) { /* receives may be posted: their memory stays MPI's, as the process is about to end */
    if (!t->peers)
      free(t);
    return rc;
  }
  *ret = t;
  return AMZ_OK;
}

uint32_t amz_mpi_rank(const struct amz_mpi *t)
{
  return t->rank;
}

uint32_t amz_mpi_size(const struct amz_mpi *t)
{
  return t->size;
}

const char *amz_mpi_node(const struct amz_mpi *t)
{
  return t->node;
}

/* ---- finish ------------------------------------------------------------------------------------------------------ */

#ifdef SMPI_H

/* Simulated ranks share a process, which nobody may end; and they don't die. */
static bool arm_guard(int64_t timeout_ns, int exit_code, timer_t *ret)
{
  (void)timeout_ns;
  (void)exit_code;
  (void)ret;
  return true;
}

static void disarm_guard(timer_t guard)
{
  (void)guard;
}

#else

/* The exit code travels with the timer, so that the handler needs no global. */
static void on_guard(int number, siginfo_t *info, void *context)
{
  (void)number;
  (void)context;
  if (info->si_code == SI_TIMER)
    _exit(info->si_value.sival_int);
}

/* \return false: there is no guard to be had. */
static bool arm_guard(int64_t timeout_ns, int exit_code, timer_t *ret)
{
  struct sigaction action = {.sa_sigaction = on_guard, .sa_flags = SA_SIGINFO};
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM, .sigev_value.sival_int = exit_code};
  struct itimerspec when = {.it_value = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000 + 1}};
  sigset_t alarms;

  if (sigemptyset(&alarms) < 0 || sigaddset(&alarms, SIGALRM) < 0 || sigemptyset(&action.sa_mask) < 0)
    return false;
  if (sigaction(SIGALRM, &action, NULL) < 0 || pthread_sigmask(SIG_UNBLOCK, &alarms, NULL) != 0)
    return false;
  return timer_create(CLOCK_MONOTONIC, &event, ret) == 0 && timer_settime(*ret, 0, &when, NULL) == 0;
}

static void disarm_guard(timer_t guard)
{
  (void)timer_delete(guard);
}

#endif

/* Receives nothing more to deliver, but goes on taking: what others still send must not keep them. */
static void flush(struct amz_mpi *t, int64_t until_ns)
{
  struct amz_mpi_message ignored;

  for (;;) {
    while (amz_mpi_next(t, &ignored, NULL) > 0)
      ;
    if (amz_outbox_settled(t) || t->some_gone || amz_mpi_now_ns() >= until_ns)
      return;
    amz_mpi_sleep(50000);
  }
}

int amz_mpi_finish(struct amz_mpi *t, int64_t timeout_ns, int exit_code)
{
  timer_t guard;
  int rc;

  if (!t)
    return AMZ_OK;
  if (timeout_ns < 0)
    timeout_ns = 0;
  if (!arm_guard(timeout_ns, exit_code, &guard))
    _exit(exit_code);
  flush(t, amz_mpi_now_ns() + timeout_ns / 2);
  if (t->some_gone)
    _exit(exit_code);
  amz_inbox_close(t);
  rc = MPI_Finalize();
  disarm_guard(guard);
  free_all(t);
  return rc == MPI_SUCCESS ? AMZ_OK : AMZ_EIO;
}

_Noreturn void amz_mpi_abort(struct amz_mpi *t, int exit_code)
{
  int started = 0, ended = 0;

  if (MPI_Initialized(&started) == MPI_SUCCESS && started && MPI_Finalized(&ended) == MPI_SUCCESS && !ended)
    (void)MPI_Abort(t ? t->comm : MPI_COMM_WORLD, exit_code);
  _exit(exit_code);
}

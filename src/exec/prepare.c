/* Makes a process fit to be a helper: nothing inherited that a task shouldn't see, and no signal that could end it. */
#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OOM_SCORE 500 /* half way to "always first": tasks inherit it, and having more memory than we they are taken before us */

static int open_standard(struct amz_error *err)
{
  int fd;

  do
    fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd < 0)
    return amz_error_sys(err, AMZ_EIO, errno, "cannot open /dev/null");
  (void)close(fd);
  return AMZ_OK;
}

/* close_range(2) where the kernel has it (5.9), else one by one. */
static void close_from_to(unsigned first, unsigned last)
{
  struct rlimit limit;

#ifdef SYS_close_range
  if (first > last || syscall(SYS_close_range, first, last, 0u) == 0)
    return;
#endif
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > 1u << 20)
    limit.rlim_cur = 1u << 20;
  for (unsigned fd = first; fd <= last && fd < limit.rlim_cur; fd++)
    (void)close((int)fd);
}

static int reset_signals(struct amz_error *err)
{
  sigset_t all;

  for (int s = 1; s < NSIG; s++)
    (void)signal(s, SIG_DFL); /* SIGKILL and SIGSTOP refuse, rightly */
  /* meant for us ("the end is near"), but sent to all of a step's processes: tasks are to end in peace */
  if (getenv("SLURM_JOB_ID"))
    (void)signal(SIGUSR1, SIG_IGN);
  if (sigfillset(&all) < 0 || sigprocmask(SIG_SETMASK, &all, NULL) < 0)
    return amz_error_sys(err, AMZ_EIO, errno, "cannot block signals");
  return AMZ_OK;
}

/* Not having /proc, or not being allowed to, is no reason not to run. */
static void raise_oom_score(void)
{
  char text[16] = "";
  int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC), n;
  ssize_t got;

  if (fd < 0)
    return;
  got = read(fd, text, sizeof text - 1);
  if (got > 0 && strtol(text, NULL, 10) < OOM_SCORE) {
    n = snprintf(text, sizeof text, "%d", OOM_SCORE);
    got = pwrite(fd, text, (size_t)n, 0);
  }
  (void)close(fd);
}

int amz_helper_prepare(int fd, struct amz_error *err)
{
  int rc;

  if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
    return amz_error_sys(err, AMZ_EIO, errno, "no socket on descriptor %d", fd);
  if ((rc = open_standard(err)) < 0 || (rc = reset_signals(err)) < 0)
    return rc;
  if (fd > STDERR_FILENO + 1)
    close_from_to(STDERR_FILENO + 1, (unsigned)fd - 1);
  close_from_to((unsigned)fd + 1, UINT_MAX);
  raise_oom_score();
  return AMZ_OK;
}

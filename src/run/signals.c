/* signalfd around the signals that mean "stop". */
#include "signals.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Under nohup SIGHUP is to have no effect. An ignored SIGINT means nothing: shells do that to whatever a script starts in the
 * background. */
static bool is_ignored(int number)
{
  struct sigaction now;

  return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

int amz_signals_open(struct amz_signals *s, struct amz_error *err)
{
  static const int stopping[] = {SIGINT, SIGTERM, SIGUSR1, SIGHUP};
  struct sigaction ignore = {0};
  sigset_t set;

  (void)sigemptyset(&set);
  for (size_t i = 0; i < sizeof stopping / sizeof *stopping; i++)
    if (stopping[i] != SIGHUP || !is_ignored(SIGHUP))
      (void)sigaddset(&set, stopping[i]);
  ignore.sa_handler = SIG_IGN;
  if (sigaction(SIGPIPE, &ignore, NULL) < 0 || sigaction(SIGXFSZ, &ignore, NULL) < 0 || /* told as EPIPE and EFBIG instead */
      sigprocmask(SIG_BLOCK, &set, &s->before) < 0)
    return amz_error_sys(err, AMZ_EIO, errno, "cannot set up signals");
  s->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (s->fd < 0) {
    int code = errno;

    (void)sigprocmask(SIG_SETMASK, &s->before, NULL);
    return amz_error_sys(err, AMZ_EIO, code, "cannot make a signal descriptor");
  }
  return AMZ_OK;
}

int amz_signals_next(struct amz_signals *s)
{
  struct signalfd_siginfo info;
  ssize_t n;

  do
    n = read(s->fd, &info, sizeof info);
  while (n < 0 && errno == EINTR);
  return n == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

const char *amz_signal_name(int number)
{
  switch (number) {
  case SIGINT: return "SIGINT";
  case SIGTERM: return "SIGTERM";
  case SIGUSR1: return "SIGUSR1";
  case SIGHUP: return "SIGHUP";
  default: return "a signal";
  }
}

void amz_signals_close(struct amz_signals *s)
{
  while (amz_signals_next(s) > 0) /* what came while we were already stopping has been answered */
    ;
  (void)close(s->fd);
  s->fd = -1;
  (void)sigprocmask(SIG_SETMASK, &s->before, NULL);
}

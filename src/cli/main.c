/* amorsize-mpi: the command line. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"

/* A program started with a standard descriptor closed would get files of its own under these numbers and print into them. The
 * holes are filled so that using them for what they are meant for still fails. */
static int fill_standard_descriptors(void)
{
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) >= 0)
      continue;
    if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
      return -1;
  }
  return 0;
}

int main(int argc, char **argv)
{
  struct cli cli = {AMZ_BUF_INIT, 0};

  if (fill_standard_descriptors() < 0)
    return CLI_ENVIRONMENT;
  (void)signal(SIGPIPE, SIG_IGN); /* closed pipes are seen as EPIPE */
  return cli_finish(&cli, cli_dispatch(&cli, argv + 1, argc > 0 ? (size_t)argc - 1 : 0));
}

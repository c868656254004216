/* amorsize-mpi: the command line.
 *
 * This program links no MPI library: loading one costs a tenth of a second. Started by an MPI launcher, as one of several, it
 * becomes amorsize-mpi-rank (rank_main.c), which is the same command line with MPI. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/exec.h>
#include <amorsize/transport.h>

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

/* Commands that run tasks or measure nodes are a matter for several ranks; the others would print their answer several times. */
static bool takes_ranks(int argc, char **argv)
{
  static const char *const commands[] = {"run", "resume", "sample", "node"};

  for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
    if (strcmp(argv[1], commands[i]) == 0)
      return true;
  return false;
}

/* \return the exit status when the other program can't be executed. */
static int become_rank(char **argv)
{
  struct amz_buf path = AMZ_BUF_INIT;
  struct amz_error err;
  int rc = amz_exec_find_program("amorsize-mpi-rank", &err, &path);

  if (rc == AMZ_OK) {
    (void)execv(path.data, argv);
    rc = amz_error_set(&err, AMZ_EENV, "cannot execute %s", path.data);
  }
  amz_buf_clear(&path);
  return cli_fail(rc, &err);
}

int main(int argc, char **argv)
{
  struct cli cli = {.out = AMZ_BUF_INIT};
  struct amz_mpi_launch launch;

  if (fill_standard_descriptors() < 0)
    return CLI_ENVIRONMENT;
  if (takes_ranks(argc, argv) && amz_mpi_looks_launched(&launch) && launch.processes != 1)
    return become_rank(argv);
  (void)signal(SIGPIPE, SIG_IGN); /* closed pipes are seen as EPIPE */
  (void)signal(SIGXFSZ, SIG_IGN); /* ulimit -f is seen as EFBIG; tasks get the default back from the helper */
  return cli_finish(&cli, cli_dispatch(&cli, argv + 1, argc > 0 ? (size_t)argc - 1 : 0));
}

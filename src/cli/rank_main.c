/* amorsize-mpi-rank: one rank of an MPI launch. Rank 0 is the command line; the others serve it.
 *
 * The order matters: signals are blocked and the spawn helper is started before MPI_Init, whose threads and sockets neither
 * should meet; what is printed is flushed before MPI is left, as leaving may end the process. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/exec.h>
#include <amorsize/transport.h>

#include "../run/batch.h"
#include "../run/net.h"
#include "../run/run.h"
#include "../run/signals.h"
#include "../survey/survey.h"
#include "cli.h"
#include "measure_link.h"

#define LEAVE_NS INT64_C(20000000000)

static const struct amz_net over_mpi = {amz_mpi_start, amz_mpi_rank, amz_mpi_size, amz_mpi_node, amz_mpi_send, amz_mpi_next,
                                        amz_mpi_wait, amz_mpi_forget, amz_mpi_finish};

/* All ranks are started with the same words; what they are to do beyond that, rank 0 tells. */
static int serve(const struct amz_rank_link *link, int argc, char **argv)
{
  struct amz_error err = {0};
  bool survey = argc > 1 && strcmp(argv[1], "node") == 0;
  int rc = survey ? amz_survey_serve(link, &err) : amz_run_serve(link, &err);

  if (rc == AMZ_OK || rc == AMZ_ECLOSED) /* rank 0 has told why */
    return CLI_OK;
  return cli_fail(rc, &err);
}

static int command_line(struct amz_rank_link *link, int argc, char **argv)
{
  struct cli cli = {.out = AMZ_BUF_INIT, .link = link};
  int status = cli_dispatch(&cli, argv + 1, argc > 0 ? (size_t)argc - 1 : 0);

  if (!link->used)
    amz_run_dismiss(link);
  cli.requeue &= !link->driven;
  return cli_finish(&cli, status);
}

/* The driver names this program, the user's launcher amorsize-mpi, which has become this program and kept its name. */
static bool is_driven(const char *name)
{
  const char *slash = strrchr(name, '/');

  return strcmp(slash ? slash + 1 : name, "amorsize-mpi-rank") == 0;
}

int main(int argc, char **argv)
{
  struct amz_signals signals;
  struct amz_rank_link link = {.net = &over_mpi, .signals = &signals};
  struct amz_error err = {0};
  int rc, status;

  link.driven = argc > 0 && is_driven(argv[0]);
  if (amz_batch_end(&link.end_s, &err) < 0)
    link.end_err = err;
  if ((rc = amz_signals_open(&signals, &err)) < 0 || (rc = amz_exec_launch(NULL, &err, &link.exec)) < 0 ||
      (rc = amz_mpi_start(&link.mpi, &err)) < 0) {
    amz_exec_free(link.exec);
    return cli_fail(rc, &err);
  }
  if (cli_is_measure_link(argc, argv))
    status = cli_measure_link(&link, argv[2]);
  else
    status = amz_mpi_rank(link.mpi) == 0 ? command_line(&link, argc, argv) : serve(&link, argc, argv);
  amz_exec_free(link.exec);
  if (amz_mpi_finish(link.mpi, LEAVE_NS, status) < 0 && status == CLI_OK)
    status = CLI_ENVIRONMENT;
  return status;
}

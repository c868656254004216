/* hello [ROUNDS=100]: says where each rank is, then sends a few bytes to and fro between the first and the last rank and says
 * how long one way took. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

static void say_where(int rank, int size)
{
  char name[MPI_MAX_PROCESSOR_NAME];
  int length;

  MPI_Get_processor_name(name, &length);
  printf("rank %d/%d host %s\n", rank, size, name);
  fflush(stdout);
}

/* One side of the exchange; the rank that begins sends first. */
static void exchange(int peer, int begins, long rounds)
{
  char bytes[8] = "hello";

  for (long i = 0; i < rounds; i++) {
    if (begins)
      MPI_Send(bytes, sizeof bytes, MPI_CHAR, peer, 0, MPI_COMM_WORLD);
    MPI_Recv(bytes, sizeof bytes, MPI_CHAR, peer, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    if (!begins)
      MPI_Send(bytes, sizeof bytes, MPI_CHAR, peer, 0, MPI_COMM_WORLD);
  }
}

int main(int argc, char **argv)
{
  long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 100;
  int rank, size;
  double start_s;

  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  say_where(rank, size);
  MPI_Barrier(MPI_COMM_WORLD);
  start_s = MPI_Wtime();
  if (size > 1 && rank == 0) {
    exchange(size - 1, 1, rounds);
    printf("one way %.0f us\n", (MPI_Wtime() - start_s) / (double)rounds / 2 * 1e6);
  } else if (size > 1 && rank == size - 1) {
    exchange(0, 0, rounds);
  }
  MPI_Finalize();
  return 0;
}

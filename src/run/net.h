/* What the driver and the loop need of a transport between ranks. The table is injected by the program that links MPI, so that
 * the one that doesn't starts a tenth of a second sooner. The functions are those of amorsize/transport.h, word for word. */
#ifndef AMZ_RUN_NET_H
#define AMZ_RUN_NET_H

#include <amorsize/transport.h>

struct amz_net {
  int (*start)(struct amz_mpi **ret, struct amz_error *err);
  uint32_t (*rank)(const struct amz_mpi *t);
  uint32_t (*size)(const struct amz_mpi *t);
  const char *(*node)(const struct amz_mpi *t);
  int (*send)(struct amz_mpi *t, uint32_t rank, const void *bytes, size_t n);
  int (*next)(struct amz_mpi *t, struct amz_mpi_message *ret, struct amz_error *err);
  int (*wait)(struct amz_mpi *t, struct pollfd *fds, size_t n_fds, int64_t deadline_ns, enum amz_mpi_haste haste,
              struct amz_error *err);
  void (*forget)(struct amz_mpi *t, uint32_t rank);
  int (*finish)(struct amz_mpi *t, int64_t timeout_ns, int exit_code);
};

#endif

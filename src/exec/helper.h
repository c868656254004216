/* The spawn helper's loop: one thread, one socket to the rank, any number of slots.
 *
 * What is printed, and how each attempt ended, goes to an injected sink, so that this room knows no file format: the program
 * amorsize-mpi-helper plugs in the pack writer. The process must have been made ready by amz_helper_prepare. */
#ifndef AMZ_EXEC_HELPER_H
#define AMZ_EXEC_HELPER_H

#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>
#include <amorsize/pack.h>

/* data and finish return AMZ_OK, or a negative enum amz_err with errno set; see pack.h for what they are given. `open` is
 * called once, when the rank wants records, and `close` once if it succeeded. */
struct amz_exec_sink {
  void *ctx;
  int (*open)(void *ctx, const char *path, uint32_t rank, uint32_t epoch, struct amz_error *err);
  int (*data)(void *ctx, uint64_t index, uint32_t attempt, int stream, const void *bytes, size_t n, uint64_t *link);
  int (*finish)(void *ctx, struct amz_pack_end *end, const struct amz_pack_tail *tail, uint64_t *link);
  void (*close)(void *ctx);
  /* Between the two, data and finish may gather what they are given; a flush that fails means that nothing of it was kept. Both
   * may be NULL: each thing is kept by itself. */
  void (*hold)(void *ctx);
  int (*flush)(void *ctx);
};

/* The descriptor on which the helper finds its socket. */
#define AMZ_HELPER_FD 3

/* Makes the calling process a helper: closes every descriptor but 0, 1, 2 and `fd` and opens 0..2 on /dev/null where
 * closed, resets all signal dispositions and blocks all signals, makes itself a likelier victim of the out-of-memory
 * killer than its rank.
 * \return AMZ_OK; AMZ_EIO with *err. */
int amz_helper_prepare(int fd, struct amz_error *err) AMZ_MUST_CHECK;

/* Serves until the socket closes; then kills the process groups of what runs.
 * \return AMZ_OK: the rank has gone or wanted us to end; a negative enum amz_err with *err. */
int amz_helper_run(int fd, const struct amz_exec_sink *sink, char *const *environment, struct amz_error *err);

#endif

/* amorsize-mpi-helper: the spawn helper's loop with the pack writer as its sink.
 *
 * It is started by amorsize-mpi, not by people, and must stay tiny: what it has in memory is where its tasks' max RSS begins. */
#include <stdio.h>
#include <string.h>

#include <amorsize/error.h>
#include <amorsize/pack.h>

#include "../exec/helper.h"

extern char **environ;

static int sink_open(void *ctx, const char *path, uint32_t rank, uint32_t epoch, struct amz_error *err)
{
  return amz_pack_create(path, rank, epoch, err, ctx);
}

static int sink_data(void *ctx, uint64_t index, uint32_t attempt, int stream, const void *bytes, size_t n, uint64_t *link)
{
  return amz_pack_data(ctx, index, attempt, stream, bytes, n, link);
}

static int sink_finish(void *ctx, struct amz_pack_end *end, const struct amz_pack_tail *tail, uint64_t *link)
{
  return amz_pack_finish(ctx, end, tail, link);
}

static void sink_close(void *ctx)
{
  amz_pack_close(ctx);
}

static void sink_hold(void *ctx)
{
  amz_pack_hold(ctx);
}

static int sink_flush(void *ctx)
{
  return amz_pack_flush(ctx);
}

static int complain(const struct amz_error *err)
{
  (void)fprintf(stderr, "amorsize-mpi-helper: %s\n", err->text);
  return 3;
}

int main(int argc, char **argv)
{
  struct amz_pack_writer writer;
  const struct amz_exec_sink sink = {&writer, sink_open, sink_data, sink_finish, sink_close, sink_hold, sink_flush};
  struct amz_error err;

  if (argc != 2 || strcmp(argv[1], "3") != 0) {
    (void)fputs("amorsize-mpi-helper is started by amorsize-mpi; it is of no use alone\n", stderr);
    return 2;
  }
  if (amz_helper_prepare(AMZ_HELPER_FD, &err) < 0 || amz_helper_run(AMZ_HELPER_FD, &sink, environ, &err) < 0)
    return complain(&err);
  return 0;
}

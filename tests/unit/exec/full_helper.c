/* A helper whose sink is a disk of 64 KiB that forgets what is recorded: any larger output, and any end record with more
 * than 32 KiB of output in it, finds it full. */
#include <errno.h>
#include <stdint.h>

#include "../../../src/exec/helper.h"

extern char **environ;

static int sink_open(void *ctx, const char *path, uint32_t rank, uint32_t epoch, struct amz_error *err)
{
  (void)ctx;
  if (rank == 3 && epoch == 2) /* as the rig says */
    return AMZ_OK;
  return amz_error_set(err, AMZ_EINVAL, "%s: another rank or epoch", path);
}

static int sink_data(void *ctx, uint64_t index, uint32_t attempt, int stream, const void *bytes, size_t n, uint64_t *link)
{
  (void)ctx;
  (void)index;
  (void)attempt;
  (void)stream;
  (void)bytes;
  (void)n;
  (void)link;
  errno = ENOSPC;
  return AMZ_EIO;
}

static int sink_finish(void *ctx, struct amz_pack_end *end, const struct amz_pack_tail *tail, uint64_t *link)
{
  uint64_t *seq = ctx;

  (void)link;
  if (tail->n[0] + tail->n[1] > 32768) {
    errno = ENOSPC;
    return AMZ_EIO;
  }
  end->result.seq = ++*seq;
  return AMZ_OK;
}

static void sink_close(void *ctx)
{
  (void)ctx;
}

int main(void)
{
  uint64_t seq = 0;
  const struct amz_exec_sink sink = {.ctx = &seq, .open = sink_open, .data = sink_data, .finish = sink_finish,
                                     .close = sink_close};
  struct amz_error err;

  return amz_helper_prepare(AMZ_HELPER_FD, &err) < 0 || amz_helper_run(AMZ_HELPER_FD, &sink, environ, &err) < 0;
}

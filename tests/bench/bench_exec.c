/* Runs N times a command over S slots through the executor alone, with records in a pack file or without, and prints the
 * wall time:
 *     bench_exec HELPER N SLOTS PACK|- COMMAND [ARG…] To be compared, pairwise, with: seq N | xargs -P SLOTS -n1 COMMAND */
#include <inttypes.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <amorsize/exec.h>
#include <amorsize/units.h>

struct bench {
  struct amz_exec *x;
  const char *const *argv;
  uint64_t tasks, started, ended, failed;
};

static double now_s(void)
{
  struct timespec ts = {0, 0};

  (void)clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static int start_next(struct bench *b, uint32_t slot)
{
  struct amz_exec_command command = {.slot = slot, .index = b->started, .tag = b->started, .attempt = 1, .argv = b->argv};

  if (b->started == b->tasks)
    return AMZ_OK;
  b->started++;
  return amz_exec_start(b->x, &command);
}

static int hear(struct bench *b)
{
  struct amz_exec_end end;
  int rc;

  while ((rc = amz_exec_next(b->x, &end)) > 0) {
    b->ended++;
    b->failed += end.outcome != AMZ_SUCCEEDED;
    if ((rc = start_next(b, end.slot)) < 0)
      return rc;
  }
  return rc;
}

static int run(struct bench *b, uint32_t slots)
{
  struct pollfd p = {.fd = amz_exec_fd(b->x), .events = POLLIN};
  bool pending = false;
  int rc = AMZ_OK;

  for (uint32_t i = 0; i < slots && rc == AMZ_OK; i++)
    rc = start_next(b, i);
  while (rc == AMZ_OK && b->ended < b->tasks) {
    if ((rc = amz_exec_flush(b->x, &pending)) < 0)
      break;
    p.events = (short)(pending ? POLLIN | POLLOUT : POLLIN);
    (void)poll(&p, 1, -1);
    rc = hear(b);
  }
  return rc;
}

int main(int argc, char **argv)
{
  struct amz_exec_config config = {.rank = 0, .epoch = 1};
  struct bench b = {0};
  uint64_t slots;
  struct amz_error err;
  double begin = now_s();
  int rc;

  if (argc < 6 || amz_parse_u64(argv[2], &b.tasks) < 0 || amz_parse_u64(argv[3], &slots) < 0 || slots > 65536) {
    (void)fputs("usage: bench_exec HELPER N SLOTS PACK|- COMMAND [ARG...]\n", stderr);
    return 2;
  }
  config.helper_path = argv[1];
  config.slots = (uint32_t)slots;
  config.pack_path = strcmp(argv[4], "-") == 0 ? NULL : argv[4];
  b.argv = (const char *const *)argv + 5;
  if (amz_exec_new(&config, &err, &b.x) < 0) {
    (void)fprintf(stderr, "bench_exec: %s\n", err.text);
    return 3;
  }
  rc = run(&b, config.slots);
  amz_exec_free(b.x);
  printf("%.3f s, %" PRIu64 " ended, %" PRIu64 " failed, %s\n", now_s() - begin, b.ended, b.failed, amz_err_name(rc));
  return rc < 0 || b.failed > 0;
}

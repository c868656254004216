/* How fast the simulator is: chunks a second of self-scheduling, the policy with the most of them, at a few sizes.
 * usage: bench_sim [SECONDS]; each row runs for about that long (default 2). */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <amorsize/sim.h>

static double cpu_s(void)
{
  struct timespec t;

  (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* \return chunks a second; < 0: failed. */
static double measure(uint32_t ranks, uint32_t slots, double seconds)
{
  struct amz_sim_config c = {
    .master = {.tasks = (uint64_t)ranks * slots * 20, .policy = amz_policy_find("ss"), .stop_after = UINT64_MAX},
    .ranks = ranks, .slots_per_rank = slots, .bulk = true, .latency_ns = 5000, .message_ns = 10, .chunk_ns = 10,
    .work = {.shape = AMZ_SIM_EXPONENTIAL, .mean_s = 1e-3},
  };
  double begin = cpu_s(), spent;
  uint64_t chunks = 0;

  do {
    struct amz_sim_result r;

    c.seed++;
    if (amz_sim_run(&c, &r) < 0 || r.end != AMZ_END_DONE)
      return -1;
    chunks += r.stats.chunks;
    spent = cpu_s() - begin;
  } while (spent < seconds);
  return (double)chunks / spent;
}

int main(int argc, char **argv)
{
  static const struct {
    uint32_t ranks, slots;
  } rows[] = {{1, 64}, {8, 8}, {64, 1}, {1024, 1}, {4096, 1}, {16384, 1}};
  double seconds = argc > 1 ? atof(argv[1]) : 2;

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    double rate = measure(rows[i].ranks, rows[i].slots, seconds);

    if (rate < 0)
      return 1;
    printf("%6u ranks x %2u slots: %.2f M chunks/s of CPU time\n", rows[i].ranks, rows[i].slots, rate * 1e-6);
  }
  return 0;
}

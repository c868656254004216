/* Measures this machine as `node` does and prints one line a number: name, value, ends of its interval, observations.
 * usage: bench_node memory|costs [precise] */
#include <stdio.h>
#include <string.h>

#include <amorsize/measure.h>

#include "../../src/measure/costs.h"
#include "../../src/node/measure_plan.h"

static void put(const char *name, uint32_t at, const struct amz_quantity *q)
{
  if (q->source == AMZ_MEASURED)
    printf("%s-%u %.6g %.6g %.6g %u\n", name, at, q->value, q->low, q->high, q->n);
}

/* Bytes of each of the triad's arrays, of all threads together, where there is memory enough. */
static void put_arrays(const struct amz_node *node)
{
  uint64_t all = node->n_domains == 0 ? amz_triad_share(node, 1, node->allowed_cores) * node->allowed_cores : 0;

  for (size_t d = 0; d < node->n_domains; d++)
    if (node->domains[d].allowed_cores > 0)
      all += amz_triad_share(node, 1, node->domains[d].allowed_cores) * node->domains[d].allowed_cores;
  printf("array-one %llu\narray-all %llu\n", (unsigned long long)amz_triad_share(node, 1, 1), (unsigned long long)all);
}

static void put_memory(const struct amz_node *node)
{
  for (size_t i = 0; i < node->n_bandwidth; i++)
    if (node->bandwidth[i].domain == AMZ_ALL_DOMAINS)
      put("triad", node->bandwidth[i].cores, &node->bandwidth[i].value);
  for (size_t i = 0; i < node->n_slowdown; i++)
    if (node->slowdown[i].domain == AMZ_ALL_DOMAINS)
      put("slowdown", node->slowdown[i].cores, &node->slowdown[i].value);
  for (size_t i = 0; i < node->n_latency; i++)
    put("latency", node->latency[i].level, &node->latency[i].seconds);
  put("stream", 1, &node->stream_one);
  put("stream-all", node->allowed_cores, &node->stream_all);
  put_arrays(node);
  printf("method %s\n", node->bandwidth_method ? node->bandwidth_method : "none");
}

static void put_costs(const struct amz_node_costs *c)
{
  put("start", 0, &c->start_s);
  put("start-shell", 0, &c->start_shell_s);
  for (size_t i = 0; i < c->n_launches; i++)
    put("launch", c->launches[i].ranks, &c->launches[i].seconds);
  put("launch-base", 0, &c->launch_base_s);
  put("launch-per-rank", 0, &c->launch_per_rank_s);
  put("alpha-inside", 0, &c->inside.alpha_s);
  put("beta-inside", 0, &c->inside.beta_s_per_byte);
  put("alpha-between", 0, &c->between.alpha_s);
  put("beta-between", 0, &c->between.beta_s_per_byte);
  put("chunk", 0, &c->chunk_s);
  put("service", 0, &c->service_s);
}

int main(int argc, char **argv)
{
  enum amz_effort effort = argc == 3 && strcmp(argv[2], "precise") == 0 ? AMZ_EFFORT_PRECISE : AMZ_EFFORT_DEFAULT;
  struct amz_environment env = amz_environment_of_process();
  struct amz_look look = {.env = &env};
  struct amz_node node = {.n_domains = 0};
  struct amz_error err = {0};
  struct amz_diags diags;
  int rc;

  if (argc < 2 || argc > 3) {
    (void)fprintf(stderr, "usage: bench_node memory|costs [precise]\n");
    return 2;
  }
  amz_diags_init(&diags);
  rc = amz_node_look(&look, &diags, &err, &node);
  if (rc == AMZ_OK && strcmp(argv[1], "memory") == 0 && (rc = amz_measure_memory(&node, effort, NULL, &err)) == AMZ_OK)
    put_memory(&node);
  else if (rc == AMZ_OK && (rc = amz_measure_costs(&node, effort, NULL, &err)) == AMZ_OK)
    put_costs(&node.costs);
  if (rc < 0)
    (void)fprintf(stderr, "bench_node: %s\n", err.text);
  for (size_t i = 0; i < node.n_findings; i++)
    (void)fprintf(stderr, "bench_node: %s\n", node.findings[i].text);
  amz_node_clear(&node);
  amz_diags_clear(&diags);
  return rc < 0 ? 3 : 0;
}

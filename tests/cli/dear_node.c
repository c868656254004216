/* Puts a profile of this node into the cache by which handing out a chunk takes long, its answer and its master alike: whoever
 * plans by it hands out tasks in few chunks. dear_node SECONDS_OF_A_CHUNK SECONDS_OF_THE_MASTER */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <amorsize/cache.h>

#include "../../src/run/profile.h"

static struct amz_quantity measured(double seconds)
{
  return (struct amz_quantity){.value = seconds, .low = seconds, .high = seconds, .n = 5, .source = AMZ_MEASURED};
}

static int keep(const struct amz_environment *env, struct amz_node *node, struct amz_error *err)
{
  char id[AMZ_CACHE_ID];
  struct amz_cache *cache;
  int rc = amz_cache_open(env, err, &cache);

  if (rc == AMZ_OK) {
    node->load.cpu = 0; /* it isn't dear for being busy */
    rc = amz_profile_keep(cache, AMZ_EFFORT_DEFAULT, (int64_t)time(NULL), node, id, err);
    amz_cache_free(cache);
  }
  return rc;
}

int main(int argc, char **argv)
{
  struct amz_environment env = amz_environment_of_process();
  struct amz_look how = {.env = &env};
  struct amz_profile_source source;
  struct amz_error err = {.text = ""};
  struct amz_diags diags;
  struct amz_node node;
  int rc;

  if (argc != 3)
    return 2;
  amz_diags_init(&diags);
  rc = amz_node_profile(&how, &diags, &err, &node, &source);
  if (rc == AMZ_OK) {
    node.costs.chunk_s = measured(atof(argv[1]));
    node.costs.service_s = measured(atof(argv[2]));
    rc = keep(&env, &node, &err);
    amz_node_clear(&node);
  }
  if (rc < 0)
    (void)fprintf(stderr, "dear_node: %s\n", err.text);
  amz_diags_clear(&diags);
  return rc < 0 ? 1 : 0;
}

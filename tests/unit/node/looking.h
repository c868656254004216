/* What the tests of looking at a node share: looking with injected variables, and what holds for every profile. */
#ifndef AMZ_TESTS_NODE_LOOKING_H
#define AMZ_TESTS_NODE_LOOKING_H

#include <stdlib.h>

#include <amorsize/measure.h>

#include "../../support/tap.h"
#include "injected.h"

/* Looks at a described machine, or below a root, with these variables (NULL: none). */
static inline int look_at(const char *topology, const char *root, const struct pair *variables, struct amz_diags *diags,
                          struct amz_error *err, struct amz_node *ret)
{
  static const struct pair nothing[] = {{NULL, NULL}};
  struct amz_environment env = injected_environment(variables ? variables : nothing);
  struct amz_look look = {.topology = topology, .root = root, .env = &env};

  amz_diags_init(diags);
  return amz_node_look(&look, diags, err, ret);
}

static inline void check_cores(const char *what, const struct amz_node *n)
{
  uint64_t units = 0, domain_cores = 0, kind_cores = 0, homeless = 0;

  for (uint32_t i = 0; i < n->cores; i++) {
    const struct amz_node_core *core = &n->core[i];

    ASSERT_ROW_U64(what, core->first_unit, units);
    units += core->n_units;
    homeless += core->domain == AMZ_NO_DOMAIN;
    CU_ASSERT(core->n_units >= 1 && core->n_units <= n->units_per_core && core->allowed_units <= core->n_units);
    CU_ASSERT(core->kind < n->n_kinds && core->package < n->packages);
    CU_ASSERT(core->domain == AMZ_NO_DOMAIN || core->domain < n->n_domains);
  }
  ASSERT_ROW_U64(what, units, n->units);
  for (size_t i = 0; i < n->n_domains; i++) {
    domain_cores += n->domains[i].cores;
    CU_ASSERT(n->domains[i].allowed_cores <= n->domains[i].cores);
  }
  ASSERT_ROW_U64(what, domain_cores + homeless, n->cores);
  for (size_t i = 0; i < n->n_kinds; i++) {
    kind_cores += n->kinds[i].cores;
    CU_ASSERT(n->kinds[i].name != NULL && n->kinds[i].allowed_cores <= n->kinds[i].cores);
  }
  ASSERT_ROW_U64(what, kind_cores, n->cores);
}

static inline void check_limits(const struct amz_node *n)
{
  uint32_t active[3] = {0, 0, 0};

  for (size_t i = 0; i < n->n_limits; i++) {
    CU_ASSERT(n->limits[i].source != NULL && n->limits[i].source[0] != '\0' && n->limits[i].value > 0);
    active[n->limits[i].kind] += n->limits[i].active;
    if (n->limits[i].kind == AMZ_LIMIT_CORES)
      CU_ASSERT((double)n->allowed_cores <= n->limits[i].value);
  }
  CU_ASSERT(active[AMZ_LIMIT_CORES] == 1 && active[AMZ_LIMIT_CPU] <= 1 && active[AMZ_LIMIT_MEMORY] <= 1);
  CU_ASSERT(n->allowed_cores >= 1 && n->allowed_cores <= n->cores);
  CU_ASSERT(n->allowed_cpu > 0 && n->allowed_cpu <= n->cores && n->allowed_cpu < n->allowed_cores + 1.0);
}

/* Invariants of every profile, of whatever machine. */
static inline void check_profile(const char *what, const struct amz_node *n)
{
  CU_ASSERT(n->cores >= 1 && n->cores <= n->units && n->packages >= 1 && n->n_kinds >= 1 && n->n_domains >= 1);
  check_cores(what, n);
  check_limits(n);
  for (size_t i = 0; i < n->n_caches; i++) {
    CU_ASSERT(n->caches[i].count >= 1 && n->caches[i].shared_cores >= 1 && n->caches[i].shared_cores <= n->cores);
    CU_ASSERT(i == 0 || n->caches[i].level >= n->caches[i - 1].level);
  }
  CU_ASSERT(n->host && n->cpu_model && n->kernel && n->machine && n->hypervisor && n->topology && n->bandwidth_method);
}

/* How many caches of a level there are in all. */
static inline uint64_t caches_of(const struct amz_node *n, uint32_t level)
{
  uint64_t count = 0;

  for (size_t i = 0; i < n->n_caches; i++)
    count += n->caches[i].level == level ? n->caches[i].count : 0;
  return count;
}

#endif

/* What Slurm says of each node. Which variables exist depends on what the user asked for (facts of 22.05): without --mem
 * there is SLURM_MEM_PER_CPU, without -c no SLURM_CPUS_PER_TASK; so each number has a list of sources, best first. */
#include <stdlib.h>

#include <amorsize/alloc.h>
#include <amorsize/units.h>

#include "allocation_private.h"

/* Where a number of each node may come from. */
struct column_source {
  const char *variable;
  enum { A_COUNT_PER_NODE, THE_SAME_ON_ALL, OF_THIS_NODE } says;
};

static const struct column_source slots_sources[] = {
  {"SLURM_TASKS_PER_NODE", A_COUNT_PER_NODE},
  {"SLURM_NTASKS_PER_NODE", THE_SAME_ON_ALL},
  {NULL, THE_SAME_ON_ALL},
};

static const struct column_source cores_sources[] = {
  {"SLURM_JOB_CPUS_PER_NODE", A_COUNT_PER_NODE},
  {"SLURM_CPUS_ON_NODE", OF_THIS_NODE}, /* of all nodes only when there is no other */
  {NULL, THE_SAME_ON_ALL},
};

static bool take_counts(const struct amz_allocation_reader *r, const char *variable, size_t n, uint32_t *column)
{
  const char *value = amz_environment_value(r->env, variable);
  struct amz_error why;

  if (!value)
    return false;
  if (amz_counts_expand(value, column, n, &why) == AMZ_OK)
    return true;
  amz_doubt(r->diags, variable, value, why.text);
  return false;
}

static bool take_one_number(const struct amz_allocation_reader *r, const char *variable, size_t n, uint32_t *column)
{
  uint64_t v;

  if (!amz_variable_number(r->env, r->diags, variable, 1, AMZ_NODE_SLOTS_MAX, &v))
    return false;
  for (size_t i = 0; i < n; i++)
    column[i] = (uint32_t)v;
  return true;
}

/* Fills column[0..n) from the best source. \return its name, or NULL when there is none. */
static const char *take_column(const struct amz_allocation_reader *r, const struct column_source *s, size_t n, uint32_t *column)
{
  for (; s->variable; s++) {
    if (s->says == OF_THIS_NODE && n != 1)
      continue;
    if (s->says == A_COUNT_PER_NODE ? take_counts(r, s->variable, n, column) : take_one_number(r, s->variable, n, column))
      return s->variable;
  }
  return NULL;
}

bool amz_slurm_memory(const struct amz_environment *env, struct amz_diags *diags, const char *variable, uint64_t *ret_bytes)
{
  const char *value = amz_environment_value(env, variable);
  uint64_t v;
  int rc;

  if (!value)
    return false;
  rc = amz_parse_u64(value, &v);
  if (rc == AMZ_OK)
    rc = __builtin_mul_overflow(v, UINT64_C(1) << 20, &v) || v > INT64_MAX ? AMZ_ERANGE : AMZ_OK;
  else
    rc = amz_parse_bytes(value, &v);
  if (rc < 0) {
    amz_doubt(diags, variable, value, "an amount of memory in MiB is expected");
    return false;
  }
  *ret_bytes = v;
  return v > 0;
}

static void read_memory(const struct amz_allocation_reader *r, struct amz_allocation *a)
{
  static const char per_node[] = "SLURM_MEM_PER_NODE", per_cpu[] = "SLURM_MEM_PER_CPU";
  uint64_t bytes;
  bool by_cpu = false;

  if (amz_slurm_memory(r->env, r->diags, per_node, &bytes))
    a->memory_source = per_node;
  else if (a->cores_source && amz_slurm_memory(r->env, r->diags, per_cpu, &bytes)) {
    a->memory_source = per_cpu;
    by_cpu = true;
  }
  for (size_t i = 0; a->memory_source && i < a->n_nodes; i++) {
    uint64_t times = by_cpu ? a->nodes[i].cores : 1;

    if (__builtin_mul_overflow(bytes, times, &a->nodes[i].memory_bytes))
      a->nodes[i].memory_bytes = INT64_MAX;
  }
}

/* A number of nodes beside the list, and parts of a job that we don't see: both are told, the list is believed. */
static void compare_with_list(const struct amz_allocation_reader *r, const struct amz_allocation *a)
{
  uint64_t v;

  if (amz_variable_number(r->env, r->diags, "SLURM_JOB_NUM_NODES", 1, AMZ_NODES_MAX, &v) && v != a->n_nodes)
    amz_doubt(r->diags, "SLURM_JOB_NUM_NODES", amz_environment_value(r->env, "SLURM_JOB_NUM_NODES"),
              "the list of nodes has another number of them");
  if (amz_variable_number(r->env, r->diags, "SLURM_HET_SIZE", 0, UINT32_MAX, &v) && v > 1)
    amz_doubt(r->diags, "SLURM_HET_SIZE", amz_environment_value(r->env, "SLURM_HET_SIZE"),
              "only the nodes of a heterogeneous job's first component are used");
}

int amz_allocation_read_slurm(const struct amz_allocation_reader *r, struct amz_allocation *a)
{
  uint32_t *column = amz_new_array(a->n_nodes, sizeof *column);

  if (!column)
    return AMZ_ENOMEM;
  compare_with_list(r, a);
  a->slots_source = take_column(r, slots_sources, a->n_nodes, column);
  for (size_t i = 0; a->slots_source && i < a->n_nodes; i++)
    a->nodes[i].slots = column[i];
  a->cores_source = take_column(r, cores_sources, a->n_nodes, column);
  for (size_t i = 0; a->cores_source && i < a->n_nodes; i++)
    a->nodes[i].cores = column[i];
  free(column);
  read_memory(r, a);
  return AMZ_OK;
}

/* What the batch system gave the node that we are on, as limits.
 *
 * Slurm counts "CPUs": cores, or hardware threads where the site says so. No variable tells which. The mask does when Slurm
 * confines us: a number equal to the units that we have counts units. One larger than our cores counts units too, and
 * SLURM_THREADS_PER_CORE says it outright. Anything else is taken for cores. */
#include <stdio.h>
#include <string.h>

#include <amorsize/allocation.h>

#include "allocation_private.h"
#include "limits.h"

struct batch_reader {
  const struct amz_environment *env;
  struct amz_tree *tree;
  const struct amz_ours *ours;
  struct amz_limits *limits;
  const struct amz_allocation *allocation;
  const struct amz_allocation_node *node; /* ours; NULL: not among the named */
};

static bool same_host(const char *a, const char *b)
{
  size_t n = strcspn(a, ".");

  return n > 0 && n == strcspn(b, ".") && memcmp(a, b, n) == 0;
}

/* The node that has our name, or the only one. */
static const struct amz_allocation_node *find_node(const struct amz_allocation *a, const char *host, const char *daemon)
{
  for (size_t i = 0; i < a->n_nodes; i++)
    if (same_host(a->nodes[i].name, host))
      return &a->nodes[i];
  for (size_t i = 0; daemon && i < a->n_nodes; i++)
    if (same_host(a->nodes[i].name, daemon))
      return &a->nodes[i];
  return a->n_nodes == 1 ? &a->nodes[0] : NULL;
}

static uint64_t cores_of_cpus(const struct batch_reader *r, uint64_t cpus)
{
  uint64_t threads = 0, cores = cpus;

  if (amz_variable_number(r->env, r->tree->diags, "SLURM_THREADS_PER_CORE", 1, 1024, &threads) && threads > 1)
    cores = (cpus + threads - 1) / threads;
  else if (cpus >= r->ours->units)
    return r->ours->cores;
  else if (cpus > r->ours->cores)
    cores = (cpus * r->ours->cores + r->ours->units - 1) / r->ours->units;
  return cores ? cores : 1;
}

static int add_cores(const struct batch_reader *r, uint64_t cpus, const char *source)
{
  return amz_limits_add(r->limits, AMZ_LIMIT_CORES, (double)cores_of_cpus(r, cpus), "%s", source);
}

/* SLURM_CPUS_ON_NODE is of the node and the step where Slurm started us. A launcher may have carried it along from another
 * node, which SLURMD_NODENAME then gives away; and ranks that a launcher's daemon started are in the daemon's step, which may
 * be smaller than the job: where the job's own counts are known, they are asked instead. */
static bool variables_are_ours(const struct batch_reader *r, const char *host)
{
  const char *daemon = amz_environment_value(r->env, "SLURMD_NODENAME");
  bool by_daemon = amz_environment_value(r->env, "OMPI_COMM_WORLD_SIZE") || amz_environment_value(r->env, "MPI_LOCALRANKID");

  if (by_daemon && r->node && r->node->cores)
    return false;
  return !daemon || !r->node || same_host(daemon, r->node->name) || same_host(daemon, host);
}

static int add_batch_cores(const struct batch_reader *r, const char *host)
{
  static const char on_node[] = "SLURM_CPUS_ON_NODE";
  uint64_t cpus;

  if (variables_are_ours(r, host) && amz_variable_number(r->env, r->tree->diags, on_node, 1, AMZ_NODE_SLOTS_MAX, &cpus))
    return add_cores(r, cpus, on_node);
  return r->node && r->node->cores ? add_cores(r, r->node->cores, r->allocation->cores_source) : AMZ_OK;
}

/* What was asked for each task, times the tasks here. Inside a job step the tasks are the step's (a launcher's daemon, one a
 * node) and their number says nothing of the job. */
static int add_cores_of_tasks(const struct batch_reader *r)
{
  const struct amz_allocation *a = r->allocation;

  if (!a->cores_per_task || !r->node || !r->node->slots || amz_environment_value(r->env, "SLURM_STEP_ID"))
    return AMZ_OK;
  return amz_limits_add(r->limits, AMZ_LIMIT_CORES, (double)cores_of_cpus(r, (uint64_t)a->cores_per_task * r->node->slots),
                        "%s × %s",
                        a->cores_per_task_source, a->slots_source);
}

static int add_memory(const struct batch_reader *r, uint64_t bytes, const char *source)
{
  return bytes ? amz_limits_add(r->limits, AMZ_LIMIT_MEMORY, (double)bytes, "%s", source) : AMZ_OK;
}

/* Slurm tells memory without naming nodes too. */
static int add_batch_memory(const struct batch_reader *r)
{
  static const char per_node[] = "SLURM_MEM_PER_NODE", per_cpu[] = "SLURM_MEM_PER_CPU", on_node[] = "SLURM_CPUS_ON_NODE";
  uint64_t bytes, cpus;

  if (r->node)
    return add_memory(r, r->node->memory_bytes, r->allocation->memory_source);
  if (r->allocation->n_nodes > 0)
    return AMZ_OK;
  if (amz_slurm_memory(r->env, r->tree->diags, per_node, &bytes))
    return add_memory(r, bytes, per_node);
  if (amz_variable_number(r->env, NULL, on_node, 1, AMZ_NODE_SLOTS_MAX, &cpus) &&
      amz_slurm_memory(r->env, r->tree->diags, per_cpu, &bytes))
    return amz_limits_add(r->limits, AMZ_LIMIT_MEMORY, (double)bytes * (double)cpus, "%s × %s", per_cpu, on_node);
  return AMZ_OK;
}

/* Outside of Slurm nothing is said of a node, and nothing need be read. */
static bool is_slurm(const struct amz_environment *env)
{
  static const char *const variables[] = {"SLURM_JOB_ID", "SLURM_JOBID", "SLURM_JOB_NODELIST", "SLURM_NODELIST",
                                          "SLURM_CPUS_ON_NODE",
                                          "SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU"};

  for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
    if (amz_environment_value(env, variables[i]))
      return true;
  return false;
}

int amz_batch_limits(const struct amz_environment *env, struct amz_tree *tree, const char *host, const struct amz_ours *ours,
                     bool with_memory, struct amz_limits *limits)
{
  struct batch_reader r = {.env = env, .tree = tree, .ours = ours, .limits = limits};
  struct amz_files files = amz_tree_files(tree);
  struct amz_diags unheard;
  struct amz_allocation a;
  struct amz_error why;
  int rc;

  if (!is_slurm(env))
    return AMZ_OK;
  amz_diags_init(&unheard);
  rc = amz_allocation_read(env, &files, NULL, tree->diags ? tree->diags : &unheard, &why, &a);
  amz_diags_clear(&unheard);
  if (rc < 0)
    return rc == AMZ_ENOMEM ? rc : AMZ_OK; /* told in diags */
  r.allocation = &a;
  r.node = find_node(&a, host, amz_environment_value(env, "SLURMD_NODENAME"));
  rc = add_batch_cores(&r, host);
  if (rc == AMZ_OK)
    rc = add_cores_of_tasks(&r);
  if (rc == AMZ_OK && with_memory)
    rc = add_batch_memory(&r);
  amz_allocation_clear(&a);
  return rc;
}

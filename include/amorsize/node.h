/* The profile of a node: everything that a planner wants to know of it, as plain numbers.
 *
 * Room `node` fills it in (measure.h), on the machine we are on or from a description of another one; behind that, hwloc is not
 * seen again. Pure rooms read it. Rates are in bytes or operations per second, times in seconds, sizes in bytes. Whatever was
 * not measured is unknown, or assumed and marked so (quantity.h).
 *
 * Ownership: a profile owns all that it points to; release it with amz_node_clear. */
#ifndef AMORSIZE_NODE_H
#define AMORSIZE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>
#include <amorsize/quantity.h>

/* ---- what there is ---------------------------------------------------------------------------------------------------- */

#define AMZ_NO_DOMAIN UINT32_MAX

/* A NUMA domain. One that has memory and no cores (HBM, CXL) has cores 0. */
struct amz_node_domain {
  uint32_t os_index;
  uint32_t cores, allowed_cores;
  uint64_t memory_bytes;
};

/* A physical core, in hwloc's logical order. Processing units that belong to no core object count as a core each. */
struct amz_node_core {
  uint32_t domain;  /* position in domains: the nearest one with memory; AMZ_NO_DOMAIN when there is none */
  uint32_t package; /* 0-based */
  uint32_t kind;    /* position in kinds */
  uint32_t first_unit, n_units; /* its processing units in `units` */
  uint32_t allowed_units;       /* how many of them we may use; 0: not our core */
};

/* Cores of one kind: efficiency cores come first, as hwloc ranks them. Machines without kinds have one. */
struct amz_node_kind {
  char *name;     /* "CoreType=IntelAtom", "" when nothing tells */
  int efficiency; /* hwloc's: higher is faster, -1 unknown */
  uint32_t cores, allowed_cores;
};

/* Caches of a level that have the same size and are shared by as many cores. */
struct amz_node_cache {
  uint32_t level;        /* 1 (data), 2, 3, 4 */
  uint64_t bytes;
  uint32_t line_bytes;   /* 0: not told */
  uint32_t count;        /* how many of them */
  uint32_t shared_cores; /* by so many cores each */
  /* which cores share each, as positions in `core`: "0-7 8-15", cut with "…" where they are very many; "": each core has its
   * own */
  char *cores;
};

struct amz_node_gpu {
  char *id;        /* as the variables name it; of one seen by hwloc alone: its name there */
  char *model;     /* "" when not told */
  uint32_t domain; /* nearest NUMA domain, AMZ_NO_DOMAIN: not told */
  bool usable;     /* the batch system or CUDA_VISIBLE_DEVICES lets us */
};

/* ---- what of it is ours ------------------------------------------------------------------------------------------------ */

enum amz_limit_kind {
  AMZ_LIMIT_CORES,  /* physical cores */
  AMZ_LIMIT_CPU,    /* CPUs' worth of time: a quota, may be a fraction */
  AMZ_LIMIT_MEMORY, /* bytes */
};

/* One bound and who says it. The smallest of a kind is `active`: it is the one that counts. */
struct amz_limit {
  enum amz_limit_kind kind;
  double value;
  char *source;  /* "cgroup /user.slice/job_12 memory.max", "SLURM_CPUS_ON_NODE", "affinity mask", "this machine" */
  bool active;
};

/* ---- what it can do ---------------------------------------------------------------------------------------------------- */

#define AMZ_ALL_DOMAINS UINT32_MAX

/* A point of a curve over busy cores: `value` at `cores` busy cores of `domain` (or spread evenly over all). */
struct amz_curve_point {
  uint32_t domain;
  uint32_t cores;
  struct amz_quantity value;
};

/* Load-to-use latency of a dependent chain of loads over `bytes`. */
struct amz_latency_point {
  uint64_t bytes;
  uint32_t level; /* of the cache that holds so much; 0: main memory */
  struct amz_quantity seconds;
};

/* Time of `mpirun` until `ranks` ranks on this node are ready. */
struct amz_launch_point {
  uint32_t ranks;
  struct amz_quantity seconds;
};

/* t = alpha + beta · bytes, one way. */
struct amz_message_cost {
  struct amz_quantity alpha_s, beta_s_per_byte;
};

/* What is assumed of a chunk while nothing has measured it: within a machine, through shared memory. */
#define AMZ_ASSUMED_CHUNK_S 20e-6
#define AMZ_ASSUMED_SERVICE_S 2e-6

struct amz_node_costs {
  struct amz_quantity start_s;       /* a process through the spawn helper: /bin/true, start to end reported */
  struct amz_quantity start_shell_s; /* the same for a line that needs a shell */
  double start_quartiles_s[2], start_shell_quartiles_s[2]; /* first and third of those times; 0: not measured */
  struct amz_launch_point *launches; /* by ranks, ascending */
  size_t n_launches;
  struct amz_quantity launch_base_s, launch_per_rank_s; /* fitted to them: a + b · ranks on the node */
  struct amz_message_cost inside, between;              /* the node; nodes */
  struct amz_quantity chunk_s;       /* round trip of an empty chunk between a rank and its master */
  struct amz_quantity service_s;     /* the master's own time per chunk request with its results */
};

enum amz_finding_level { AMZ_FINDING_NOTE, AMZ_FINDING_WARNING };

/* Something about the machine's state that bears on runs, with what to do about it. */
struct amz_finding {
  enum amz_finding_level level;
  char *text;   /* "CPU 3 is throttled to 1.2 GHz of 3.5" */
  char *advice; /* "" when there is nothing to do */
};

/* How busy it was when we looked; shares in 0..1, < 0 unknown. */
struct amz_node_load {
  double cpu, memory, swap;
  double cpu_pressure, memory_pressure, io_pressure; /* PSI, `some`, last 10 s */
  double steal;
};

struct amz_node {
  char *host, *cpu_model, *kernel, *machine, *hypervisor; /* "" when not told */
  char *topology;        /* where the topology comes from: "this machine", or the description's name */
  bool this_machine;     /* it is the one that we are on: it can be measured */

  uint32_t packages, cores, units;
  uint32_t units_per_core;     /* the most that any core has */
  /* what looks like cores are hardware threads: virtual CPUs of a cloud, as far as that can be told */
  bool units_share_cores;
  uint64_t memory_bytes;
  struct amz_node_domain *domains;
  size_t n_domains;
  struct amz_node_core *core; /* `cores` of them */
  uint32_t *unit;             /* `units` numbers of the operating system, one core's after the other's */
  struct amz_node_kind *kinds;
  size_t n_kinds;
  struct amz_node_cache *caches; /* by level, then size */
  size_t n_caches;
  struct amz_node_gpu *gpus;
  size_t n_gpus;

  uint32_t allowed_cores;      /* the active limits, as numbers */
  double allowed_cpu;
  uint64_t allowed_memory_bytes;
  struct amz_limit *limits;
  size_t n_limits;

  struct amz_curve_point *bandwidth; /* triad: bytes/s that cross the memory bus. As STREAM has it, `value` is the best pass; `low` is where the 95 % interval
                                        of the median pass begins, `high` the best */
  size_t n_bandwidth;
  /* "non-temporal stores: 24 bytes an element", "write-allocate counted: 32 bytes an element" */
  char *bandwidth_method;
  struct amz_quantity stream_one, stream_all; /* the triad with ordinary stores, 24 bytes an element whatever crosses the bus: what STREAM prints when
                                        compiled without further ado, at one core and at all of ours */
  struct amz_quantity saturation_cores; /* of a domain: fewest cores that reach 90 % of its best */
  struct amz_quantity remote_ratio;  /* bandwidth to another domain's memory over that to one's own; unknown with one domain */
  /* multiplications and additions a second on one core alone, in registers: tells a slow node from its like */
  struct amz_quantity compute_one;
  struct amz_curve_point *slowdown;  /* φ: time of pure computing at so many busy cores over that at one, ≥ 1 or nearly */
  size_t n_slowdown;
  struct amz_latency_point *latency;
  size_t n_latency;
  struct amz_node_costs costs;

  struct amz_node_load load;
  struct amz_finding *findings;
  size_t n_findings;
  int64_t measured_at_s;      /* seconds since the epoch; 0: nothing was */
};

/* \return the share of the last ten seconds in which some task of this machine waited for a CPU (PSI), 0..1; < 0: the kernel
 * doesn't tell. Reads one small file. */
double amz_node_pressure_here(void);

/* Accepts what is zeroed. */
void amz_node_clear(struct amz_node *node);

/* Appends what tells types of nodes apart, a line each: machine, processor, hypervisor, the topology as shapes, how much of it is
 * ours. Which of several equal cores those are doesn't matter, nor do names and versions of software. \return AMZ_OK;
 * AMZ_ENOMEM. */
int amz_node_type(const struct amz_node *node, struct amz_buf *out);

/* The triad's rate and φ at `cores` busy cores of a domain (or AMZ_ALL_DOMAINS), straight between the measured points.
 * Beyond the last point: the rate stays, as memory is saturated or unknown there. \return source AMZ_UNKNOWN when there is no
 * curve. */
struct amz_quantity amz_node_bandwidth(const struct amz_node *node, uint32_t domain, uint32_t cores);
struct amz_quantity amz_node_slowdown(const struct amz_node *node, uint32_t domain, uint32_t cores);

/* The first core of slot `slot` of `slots` when each takes `threads` of the allowed cores in order, and its NUMA domain.
 * \return a position in node->core, UINT32_MAX: out of range, or the slots are bound to no cores of their own, as there are more
 * than those suffice for, or fewer may be busy than are allowed, and which is open. */
uint32_t amz_node_slot_core(const struct amz_node *node, uint32_t slot, uint32_t slots, uint32_t threads);
/* \return AMZ_NO_DOMAIN when there is no such core, or its domain isn't told. */
uint32_t amz_node_slot_domain(const struct amz_node *node, uint32_t slot, uint32_t slots, uint32_t threads);

/* Where GPUs and slots are: their domains, AMZ_NO_DOMAIN where that isn't told. */
struct amz_gpu_places {
  const uint32_t *gpu_domain;
  uint32_t n_gpus;
  const uint32_t *slot_domain;
  uint32_t slots, per_slot;
};

/* Which GPUs each slot gets, per_slot each, no two slots the same: those of the slot's own domain first; what is left then,
 * evenly over the list, so that slots in core order meet GPUs in bus order. ret[slot · per_slot …] are positions in gpu_domain.
 * Runs and `node` ask it alike.
 * \return AMZ_OK; AMZ_ERANGE: there are fewer than slots · per_slot; AMZ_ENOMEM. */
int amz_gpus_of_slots(const struct amz_gpu_places *places, uint32_t *ret);

/* \return how many GPUs of a node may be used. */
uint32_t amz_node_gpus(const struct amz_node *node);
/* The same for the usable GPUs of a node. ret[…] are positions in node->gpus. */
int amz_node_gpus_of_slots(const struct amz_node *node, uint32_t slots, uint32_t threads, uint32_t per_slot, uint32_t *ret);
/* The slots of a node whose tasks take a GPU each: as many as there are usable GPUs, no more than cores, with equal shares of the
 * cores.
 * \return how many, with *ret_threads >= 1 when there are any. */
uint32_t amz_node_gpu_slots(const struct amz_node *node, uint32_t *ret_threads);
/* The core at place `position` among those that are ours. \return its position in node->core; UINT32_MAX: there are fewer. */
uint32_t amz_node_allowed_core(const struct amz_node *node, uint64_t position);

#endif

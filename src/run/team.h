/* The ranks of one launch, before the loop: who is where, and what each is told.
 *
 * Every rank but 0 says where it runs and which cores it may use; rank 0 divides the cores of nodes that are shared and sends each rank all that it needs to
 * compute and run tasks: the recorded inputs, the order, its slots. Nobody but rank 0 needs to see the run directory for that; packs are written there. */
#ifndef AMZ_RUN_TEAM_H
#define AMZ_RUN_TEAM_H

#include <stdbool.h>

#include <amorsize/buf.h>
#include <amorsize/gpus.h>
#include <amorsize/cores.h>
#include <amorsize/sched.h>

#include "net.h"
#include "run.h"

/* What a rank says of itself. */
struct amz_member {
  char node[256];
  int64_t pid;
  uint64_t pid_space; /* the pid namespace that pid counts in, by its inode; ranks in containers of their own have each another */
  uint32_t n_units;
  uint32_t *units;   /* allowed processing units, ascending; owned */
  uint32_t cores;
  uint32_t gpus;       /* that it may use, */
  uint64_t gpus_digest; /* and which: the same for those that share them */
  bool same_node;    /* as rank 0, and its pid means there what it means here */
  /* filled in by amz_team_divide: */
  uint32_t local_rank, local_size; /* among the ranks that share the same cores of the same node */
  uint32_t gpu_rank, gpu_size;     /* among those that share the same GPUs of it */
};

struct amz_team {
  struct amz_member *members; /* by rank */
  uint32_t count;
};

/* What rank 0 tells a rank. */
struct amz_order_of_work {
  int status;            /* AMZ_OK; else rank 0 could not set up the run: exit */
  uint32_t epoch, slots, threads;
  uint32_t core_first, core_count; /* of the rank's own allowed cores */
  uint32_t gpu_first, gpu_slots; /* its slots are these, from the first, of so many that its GPUs are divided among; 0: tasks get none of their own */
  int64_t master_pid;    /* 0: on another node */
  const char *dir, *cwd; /* absolute */
  const void *recording;
  size_t n_recording;
  const struct amz_range *ranges; /* of the order, in task indexes */
  size_t n_ranges;
};

void amz_team_clear(struct amz_team *team);

/* Finds out which ranks share cores: those on one node whose masks are the same. Pure. */
void amz_team_divide(struct amz_team *team);
/* The cores of a member: first and count among its own; every one gets at least one (shared when there are more ranks than cores). Pure. */
void amz_member_share(const struct amz_member *member, uint32_t *ret_first, uint32_t *ret_count);
/* The same for GPUs, per_slot of them a slot: the rank's slots begin at *ret_first of *ret_slots. \return how many it can have; 0: too few GPUs. Pure. */
uint32_t amz_member_gpu_slots(const struct amz_member *member, uint32_t per_slot, uint32_t *ret_first, uint32_t *ret_slots);

/* Rank 0: waits for every rank's word, at most timeout_ns. \return AMZ_OK; AMZ_EENV with *err naming who is missing; AMZ_ENOMEM, AMZ_EIO. */
int amz_team_gather(const struct amz_net *net, struct amz_mpi *mpi, const struct amz_cores *own, const struct amz_gpus *gpus, int64_t timeout_ns,
                    struct amz_error *err, struct amz_team *ret);
/* Rank 0: sends one rank its order. \return AMZ_OK; AMZ_ENOMEM, AMZ_ERANGE with *err. */
int amz_team_tell(const struct amz_net *net, struct amz_mpi *mpi, uint32_t rank, const struct amz_order_of_work *order, struct amz_error *err);

/* The others: say who we are. \return AMZ_OK; AMZ_ENOMEM, AMZ_EIO. */
int amz_team_report(const struct amz_net *net, struct amz_mpi *mpi, const struct amz_cores *own, const struct amz_gpus *gpus, struct amz_error *err);
/* The others: waits for rank 0's order. *ret points into *ret_bytes and *ret_ranges (free it).
 * \return AMZ_OK; AMZ_ECLOSED: rank 0 couldn't set up the run and has said why; AMZ_EENV: no word within timeout_ns; AMZ_ECORRUPT, AMZ_ENOMEM, AMZ_EIO. */
int amz_team_await(const struct amz_net *net, struct amz_mpi *mpi, int64_t timeout_ns, struct amz_error *err, struct amz_buf *ret_bytes,
                   struct amz_range **ret_ranges, struct amz_order_of_work *ret);

#endif

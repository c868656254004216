/* The ranks of one launch, before the loop: who is where, and what each is told.
 *
 * Every rank but 0 says where it runs and which cores it may use; rank 0 divides the cores of nodes that are shared and sends
 * each rank all that it needs to compute and run tasks: the recorded inputs, the order, its slots. Nobody but rank 0 needs to see
 * the run directory for that; packs are written there. */
#ifndef AMZ_RUN_TEAM_H
#define AMZ_RUN_TEAM_H

#include <stdbool.h>

#include <amorsize/buf.h>
#include <amorsize/gpus.h>
#include <amorsize/cores.h>
#include <amorsize/sched.h>

#include "words.h"

/* What a rank says of itself. */
struct amz_member {
  char node[256];
  char tmp[512];      /* where that node keeps what is for a while: $TMPDIR, or /tmp */
  int64_t pid;
  uint64_t pid_space; /* the pid namespace that pid counts in, by its inode; ranks in containers of their own have each another */
  uint32_t n_units;
  uint32_t *units;   /* allowed processing units, ascending; owned */
  uint32_t cores;
  uint32_t gpus;       /* that it may use, */
  uint64_t gpus_digest; /* and which: the same for those that share them; */
  uint32_t *gpu_domains; /* where they are; AMZ_NO_DOMAIN: not told; owned */
  /* likewise, of the cores; none where GPUs aren't anywhere, or it is open which cores are used */
  uint32_t n_domains, *core_domains;
  uint64_t memory_bytes; /* that is ours on its node; 0: not known */
  bool same_node;    /* as rank 0, and its pid means there what it means here */
  /* filled in by amz_team_divide: */
  uint32_t local_rank, local_size; /* among the ranks that share the same cores of the same node */
  uint32_t gpu_rank, gpu_size;     /* among those that share the same GPUs of it */
  uint32_t node_rank, node_size;   /* among all of its node, which share its memory */
};

struct amz_team {
  struct amz_member *members; /* by rank */
  uint32_t count;
};

/* What rank 0 tells a rank. */
struct amz_order_of_work {
  int status;            /* AMZ_OK; else rank 0 could not set up the run: exit */
  uint32_t epoch, slots, threads;
  uint32_t capacity;     /* slots that it may get while it runs */
  uint32_t core_first, core_count; /* of the rank's own allowed cores */
  const uint32_t *slot_gpus; /* positions in its GPUs, as many for each slot: the slot's own; */
  uint32_t n_slot_gpus;      /* 0: tasks get none of their own */
  uint64_t memory_bytes; /* for its tasks together; AMZ_ANY_MEMORY: nobody knows (budget.h) */
  bool barred;           /* it has too little for some of the tasks: it runs none */
  int64_t master_pid;    /* 0: on another node */
  const char *dir, *cwd; /* absolute */
  /* the rank's pack goes below this directory of its own node, from where it is gathered; NULL: into dir */
  const char *node_dir;
  const void *recording;
  size_t n_recording;
  const struct amz_range *ranges; /* of the order, in task indexes */
  size_t n_ranges, n_first; /* the first n_first stand as they are (order.h) */
};

void amz_team_clear(struct amz_team *team);

/* Finds out which ranks share cores: those on one node whose masks are the same. Pure. */
void amz_team_divide(struct amz_team *team);
/* The cores of a member: first and count among its own; every one gets at least one (shared when there are more ranks than
 * cores). Pure. */
void amz_member_share(const struct amz_member *member, uint32_t *ret_first, uint32_t *ret_count);
/* \return how many slots a member can have by its share of the GPUs, per_slot of them a slot; 0: too few. Pure. */
uint32_t amz_member_gpu_slots(const struct amz_member *member, uint32_t per_slot);
/* \return whether they see the same GPUs of the same node. Pure. */
bool amz_members_share_gpus(const struct amz_member *a, const struct amz_member *b);

/* The pid name space of this process, by its inode. \return 0 when it can't be told. */
uint64_t amz_pid_space(void);
void amz_member_clear(struct amz_member *member);
/* What a rank says of itself. \return AMZ_OK; AMZ_ENOMEM. Release with amz_member_clear in any case. */
int amz_member_describe(const char *node, const struct amz_cores *own, const struct amz_gpus *gpus, struct amz_member *ret);
void amz_member_encode(const struct amz_member *m, struct amz_buf *out); /* a whole word, as all that follows */
/* \return AMZ_OK (release it); AMZ_ECORRUPT; AMZ_ENOMEM */
int amz_member_decode(const void *bytes, size_t n, struct amz_member *ret);
void amz_order_encode(const struct amz_order_of_work *o, struct amz_buf *out);
/* *ret points into bytes and what *ret_parts holds. \return AMZ_OK; AMZ_ECORRUPT; AMZ_ENOMEM; release the parts in any case. */
struct amz_order_parts {
  struct amz_range *ranges;
  uint32_t *slot_gpus;
};
int amz_order_decode(const struct amz_buf *bytes, struct amz_order_parts *ret_parts, struct amz_order_of_work *ret);
void amz_order_parts_clear(struct amz_order_parts *parts);

#endif

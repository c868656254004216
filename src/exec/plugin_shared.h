/* What a rank and its plug-in hosts have in common: the layout of two pieces of shared memory (nameless files), both processes of
 * one build. Room-private, and the host program's (src/plugin).
 *
 * The common piece: one per rank, for all its hosts: whether the rank sleeps, and the recorded inputs from which values are
 * computed. The host's piece: one per host: what it is to serve, and a struct amz_lane per slot.
 *
 * A lane has two rings, each with one writer and one reader: orders (rank to slot) and tellings (slot to rank). Counters only
 * grow; entry n is at n modulo the ring's size. Who has nothing to read sleeps: the slot on a futex, the rank in poll(2) on a
 * pipe. Before it sleeps it says so and looks once more; who writes looks, after writing, whether the other one has said so. Both
 * sides do these two in sequentially consistent order (Dekker's scheme), so that one of them always sees the other's.
 *
 * An order can be withdrawn while it waits. Who comes first decides, by the order's state: the slot takes it, or the rank
 * withdraws it. A slot passes over what was withdrawn; nothing is told of it.
 *
 * `number` and `at` say which task runs; the rank reads them when the process has died, or seems to hang. */
#ifndef AMZ_EXEC_PLUGIN_SHARED_H
#define AMZ_EXEC_PLUGIN_SHARED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define AMZ_SHARED_MAGIC UINT32_C(0x31706d61)
#define AMZ_SHARED_LINE 128  /* apart enough for two writers: a cache line and its neighbour, which is fetched along */
#define AMZ_ORDER_RANGES 31
#define AMZ_ORDERS 16        /* powers of two */
#define AMZ_TELLINGS 64
#define AMZ_TELLING_TEXT 168
#define AMZ_TELLING_PARTIALS 16384 /* bytes: what a reduction has of the tasks of one telling; room for one node of 1000 values */

enum amz_order_state {
  AMZ_ORDER_WAITS = 0,
  AMZ_ORDER_TAKEN,
  AMZ_ORDER_WITHDRAWN
};

/* Tasks to be run: ranges of indexes, one after the other. An offset counts their tasks through. */
struct amz_order_to_run {
  _Atomic uint32_t state; /* enum amz_order_state */
  uint64_t number;    /* from 1, in each lane */
  uint64_t count;     /* of tasks, over all ranges */
  uint32_t n_ranges;
  uint32_t one_by_one; /* `at` must always be right: no run_range */
  struct {
    uint64_t first, count;
  } ranges[AMZ_ORDER_RANGES];
};

enum amz_telling_kind {
  AMZ_TELL_DONE = 1, /* tasks that succeeded */
  AMZ_TELL_FAILED,   /* one that has failed, with code and text */
  AMZ_TELL_UNDONE,   /* tasks that weren't run: the slot was told to yield */
  AMZ_TELL_UNKEPT    /* tasks whose results could not be written: errno in code */
};

struct amz_telling {
  uint64_t number;        /* of the order */
  uint64_t offset, count;
  uint32_t kind;
  uint32_t last;          /* nothing more comes of this order */
  int32_t code;
  uint32_t partials_bytes; /* DONE: of the lane's partials */
  int64_t start_ns;       /* CLOCK_REALTIME */
  int64_t wall_ns;
  double wall_sq_s2;      /* as amz_bulk's */
  int64_t cpu_ns;
  char text[AMZ_TELLING_TEXT];
};

struct amz_lane {
  /* the rank writes: */
  _Alignas(AMZ_SHARED_LINE) _Atomic uint64_t ordered;     /* orders written */
  _Atomic uint64_t heard;       /* tellings read */
  _Atomic uint64_t yield_upto;  /* orders up to this number end with the task that runs */
  /* both: */
  _Alignas(AMZ_SHARED_LINE) _Atomic uint32_t sleeps;      /* the futex on which the slot sleeps: 1 while it does */
  /* the slot writes: */
  _Alignas(AMZ_SHARED_LINE) _Atomic uint64_t at;          /* offset of the task that runs */
  _Atomic uint64_t number;      /* of the order that runs; 0: none */
  _Atomic uint64_t passed;      /* orders taken, or found withdrawn */
  _Alignas(AMZ_SHARED_LINE) _Atomic uint64_t told;        /* tellings written */
  _Atomic uint32_t guilty;      /* its task has called exit() or got a signal that ends the process */
  _Alignas(AMZ_SHARED_LINE) struct amz_order_to_run orders[AMZ_ORDERS];
  struct amz_telling tellings[AMZ_TELLINGS];
  uint32_t cpus_first, n_cpus;  /* of the array of CPUs, for binding */
  unsigned char partials[AMZ_TELLINGS][AMZ_TELLING_PARTIALS]; /* beside each telling; pages that nobody touches cost nothing */
};

enum amz_host_state {
  AMZ_HOST_LOADING = 0,
  AMZ_HOST_SERVES,
  AMZ_HOST_REFUSES /* the plug-in can't be loaded, or doesn't want to begin: `error` */
};

struct amz_host_shared {
  uint32_t magic, bytes;   /* bytes: sizeof of this struct, so that programs of two builds notice */
  uint32_t rank, first_slot, lanes, threads, gpus_apart;
  uint64_t tasks;
  uint32_t reduce;         /* enum amz_reduce */
  uint32_t results_asked;  /* for results in a file by the user's own words: the plug-in must have some */
  uint64_t results_at;     /* the path of that file; 0: none is kept */
  uint64_t job_at, run_at; /* what its header says */
  uint64_t path_at, args_at, log_at, cpus_at, lanes_at, total; /* offsets in bytes */
  _Atomic uint32_t closing;
  /* the host writes: */
  _Atomic uint32_t state;
  uint32_t flags, result_type, result_bytes, has_range;
  uint32_t keeps_results; /* in the file */
  uint32_t value_type, value_width; /* enum amz_value, and how many: what a reduction is of */
  char name[64];
  uint32_t unfit;   /* it refuses since the job wants of results what this plug-in doesn't give: each other host would, too */
  char error[1024];
};

struct amz_common_shared {
  _Alignas(AMZ_SHARED_LINE) _Atomic uint32_t rank_sleeps;
  _Alignas(AMZ_SHARED_LINE) uint64_t recording_bytes; /* the recording follows the struct */
};

#endif

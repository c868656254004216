/* How many slots tasks should have that wait: found by opening more and more of them. Pure.
 *
 * A task that waits (for a disk, a server, a clock) leaves its core to others, so that more slots than cores pay: until what it
 * waits for has no more to give, or so many of them use up the cores after all, or starting them takes all the time of whoever
 * starts them. None of that is known beforehand, nor may it be hoped for. So slots are opened by generations, each of two to
 * sixteen times as many as the one before, the more the less they compute, as long as the last one has brought throughput.
 *
 * A generation is known by the first task that each slot began in it; their median is known when more than half of them have
 * ended, whatever the others take. Tasks that were begun before it was opened, beside fewer, count for nothing. */
#ifndef AMORSIZE_RAMP_H
#define AMORSIZE_RAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>
#include <amorsize/quantity.h>

#define AMZ_RAMP_LEVELS 24u

/* What so many slots showed. */
struct amz_ramp_level {
  uint32_t slots;
  size_t n;         /* tasks that have ended of its generation */
  double task_s;    /* median */
  double log_error; /* standard error of its logarithm; infinite when that can't be told */
  double start_s;   /* between the starts of two tasks that might have started at once; 0: not seen */
  double rate;      /* tasks a second: slots / max(task + start, slots · start) */
};

struct amz_ramp {
  uint32_t slots;   /* open now */
  uint32_t base, most;
  double cores, waits; /* waits: CPU over wall time, who computes for more than that may be kept from it (amz_load_waits_below) */
  double pressure;  /* of the machine's time, tasks have waited for a CPU (amz_node_pressure_here); 0: they haven't */
  bool over;
  int64_t opened_ns; /* the generation */
  uint32_t before;  /* slots of the one before */
  uint8_t *seen_in; /* by slot: the last generation in which its first task was counted; owned */
  double *wall_s;   /* of this generation's successes; owned */
  size_t n, failed;
  struct amz_ramp_start {
    uint32_t slot;
    int64_t start_ns; /* 0: none is known */
  } low, high;      /* of its new slots */
  double cpu_s, all_wall_s, awake_s; /* of all generations' successes; awake: without waiting for a CPU */
  struct amz_ramp_level levels[AMZ_RAMP_LEVELS]; /* those that are known, in the sequence in which they were opened */
  size_t n_levels;
};

/* Begins with `slots` open. base: where tasks that don't wait go back to; most: never more than that; cores: CPUs that there are
 * for them. r->waits and r->pressure are set to what holds on a machine without other work; whoever knows better sets them.
 * \return AMZ_OK; AMZ_EINVAL: no slots; AMZ_ENOMEM. Release with amz_ramp_clear (accepts what is zeroed). */
int amz_ramp_begin(struct amz_ramp *r, uint32_t slots, uint32_t base, uint32_t most, double cores, int64_t now_ns);
void amz_ramp_clear(struct amz_ramp *r);

struct amz_ramp_task {
  double wall_s, cpu_s;
  double waited_s; /* of the wall time, known to have been spent waiting for a CPU */
  bool failed;
};

/* A task has ended on a slot. start_ns: by the clock of now_ns. */
void amz_ramp_see(struct amz_ramp *r, uint32_t slot, int64_t start_ns, const struct amz_ramp_task *task);

/* Whether another number of slots is to be opened now. `bound`: no more than that (memory, tasks that are left).
 * \return how many; 0: as many as there are. r->over: nothing will change any more. */
uint32_t amz_ramp_next(struct amz_ramp *r, uint32_t bound, int64_t now_ns);

/* \return seconds between the starts of two tasks that might have started at once, as the latest generation showed it; known
 * as well as generations agree, or as is usual. Sampled, or unknown. */
struct amz_quantity amz_ramp_start(const struct amz_ramp *r);

#endif

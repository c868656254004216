/* Machines that are busy with other things: fewer slots (the rule of plan.load_aware), and who waits for what. Room `model`,
 * pure. */
#ifndef AMORSIZE_LOAD_H
#define AMORSIZE_LOAD_H

#include <stdint.h>

#include <amorsize/node.h>

/* Shares (0..1) of CPU and memory from which on slots are given up. */
struct amz_load_rule {
  double cpu, memory;
};

#define AMZ_LOAD_RULE {.cpu = 0.70, .memory = 0.75}

/* What share of the slots to use: all up to the threshold, from there straight down to none at full load,
 * (1 − load) / (1 − threshold), of CPU and memory the smaller. What isn't known gives up nothing.
 * \return 0..1. */
double amz_load_share(const struct amz_node_load *load, const struct amz_load_rule *rule);

/* A task that computes for less than this share of its time waits for something else than a CPU. Where tasks of a machine wait
 * for CPUs (pressure, 0..1; < 0: unknown), those that compute get what others leave them, too: then only what uses far less than
 * that, or hardly anything, waits. \return 0..1. */
double amz_load_waits_below(double cpu_pressure);

/* \return how many of `slots` to use, at least one (of none: none). */
uint32_t amz_load_slots(uint32_t slots, const struct amz_node_load *load, const struct amz_load_rule *rule);

#endif

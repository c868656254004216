/* Fewer slots on a machine that is busy with other things: the rule of plan.load_aware. Room `model`, pure. */
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

/* \return how many of `slots` to use, at least one (of none: none). */
uint32_t amz_load_slots(uint32_t slots, const struct amz_node_load *load, const struct amz_load_rule *rule);

#endif

/* The rule of plan.load_aware. */
#include <amorsize/load.h>

/* A threshold of 1 or more asks for nothing; one that is no number, neither. */
static double share_of(double load, double threshold)
{
  if (!(load > threshold) || !(threshold < 1))
    return 1;
  return load < 1 ? (1 - load) / (1 - threshold) : 0;
}

double amz_load_share(const struct amz_node_load *load, const struct amz_load_rule *rule)
{
  double cpu = load->cpu < 0 ? 1 : share_of(load->cpu, rule->cpu), memory = load->memory < 0 ? 1 : share_of(load->memory,
      rule->memory);

  return cpu < memory ? cpu : memory;
}

/* A millionth more, so that a share that stands for a whole number of slots isn't cut below it by rounding. */
uint32_t amz_load_slots(uint32_t slots, const struct amz_node_load *load, const struct amz_load_rule *rule)
{
  double kept = slots * amz_load_share(load, rule) + 1e-6;

  if (slots == 0 || kept >= slots)
    return slots;
  return kept < 1 ? 1 : (uint32_t)kept;
}

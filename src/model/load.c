/* The rules for machines that are busy with other things. */
#include <amorsize/load.h>

#define WAITS 0.5    /* of the time: who computes for less mostly waits */
#define PRESSED 0.3  /* of the time, tasks of the machine have waited for a CPU: what a task doesn't compute may be that */
#define STARVED 0.03 /* of a core, at least, is what a task that computes gets even beside many others */

double amz_load_waits_below(double cpu_pressure)
{
  double left = (1 - cpu_pressure) / 4;

  if (!(cpu_pressure > PRESSED))
    return WAITS;
  return left > STARVED ? left : STARVED;
}

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

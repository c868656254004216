/* How long simulated tasks take and how they end: functions of seed, position and attempt alone. */
#include <math.h>

#include "world.h"

#define TWO_PI 6.283185307179586

/* Box and Muller 1958: unlike the polar method it takes the same number of draws each time. */
static double normal(uint64_t seed, uint64_t position)
{
  double u = amz_sim_uniform(seed, position, 0, AMZ_SIM_DRAW_TIME);
  double v = amz_sim_uniform(seed, position, 0, AMZ_SIM_DRAW_TIME + 1);

  return sqrt(-2 * log1p(-u)) * cos(TWO_PI * v);
}

/* ln X is normal with variance s² = ln(1 + CV²) and mean ln µ - s²/2. */
static double lognormal(double mean, double cv, uint64_t seed, uint64_t position)
{
  double s2 = log1p(cv * cv);

  return mean * exp(sqrt(s2) * normal(seed, position) - s2 / 2);
}

static double or_else(double given, double fallback)
{
  return given > 0 ? given : fallback;
}

/* Of all tasks a share p takes ratio · a, the rest a, with (1 - p + p ratio) a = mean. */
static double bimodal(const struct amz_sim_work *w, double u)
{
  double p = or_else(w->share, 0.5), ratio = or_else(w->ratio, 1000), a = w->mean_s / (1 - p + p * ratio);

  return u < 1 - p ? a : a * ratio;
}

/* By inversion; the mean is least · alpha / (alpha - 1). */
static double pareto(const struct amz_sim_work *w, double u)
{
  double alpha = or_else(w->alpha, 1.5), least = w->mean_s * (alpha - 1) / alpha;

  return least * exp(-log1p(-u) / alpha);
}

static double along(uint64_t position, uint64_t tasks)
{
  return ((double)position + 0.5) / (double)tasks;
}

double amz_sim_task_s(const struct amz_sim_work *work, uint64_t seed, uint64_t tasks, uint64_t position, uint32_t attempt)
{
  double mean = work->mean_s, x;

  if (work->task_s)
    return work->task_s(work->arg, position, attempt);
  switch (work->shape) {
  case AMZ_SIM_CONSTANT:
    return mean;
  case AMZ_SIM_UNIFORM:
    return 2 * mean * amz_sim_uniform(seed, position, 0, AMZ_SIM_DRAW_TIME);
  case AMZ_SIM_NORMAL:
    x = mean * (1 + work->cv * normal(seed, position));
    return x > 0 ? x : 0;
  case AMZ_SIM_EXPONENTIAL:
    return -mean * log1p(-amz_sim_uniform(seed, position, 0, AMZ_SIM_DRAW_TIME));
  case AMZ_SIM_LOGNORMAL:
    return lognormal(mean, work->cv, seed, position);
  case AMZ_SIM_BIMODAL:
    return bimodal(work, amz_sim_uniform(seed, position, 0, AMZ_SIM_DRAW_TIME));
  case AMZ_SIM_RISING:
    return 2 * mean * along(position, tasks);
  case AMZ_SIM_FALLING:
    return 2 * mean * (1 - along(position, tasks));
  case AMZ_SIM_PARETO:
    return pareto(work, amz_sim_uniform(seed, position, 0, AMZ_SIM_DRAW_TIME));
  }
  return mean;
}

/* Adding up slots over time. */
#include "spent.h"

void amz_spent_count(struct amz_spent *s, int64_t now_ns)
{
  double passed_s = s->began_ns ? (double)(now_ns - s->counted_ns) * 1e-9 : 0;

  s->counted_ns = now_ns;
  s->open_s += passed_s * s->open;
  s->idle_s += passed_s * (s->slots - s->open);
}

void amz_spent_go_on(struct amz_spent *s, int64_t now_ns, double slots, double open)
{
  amz_spent_count(s, now_ns);
  if (!s->began_ns)
    s->began_ns = now_ns;
  s->slots = slots;
  s->open = open < slots ? open : slots;
}

void amz_spent_planned(struct amz_spent *s, double slots)
{
  double missing_s = (double)(s->counted_ns - s->began_ns) * 1e-9 * slots - s->open_s;

  if (missing_s > s->idle_s)
    s->idle_s = missing_s;
}

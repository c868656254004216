/* When rank 0 gives up slots, and when it takes them back. */
#include "yield.h"

#define HOT 0.5         /* of a window: messages begin to queue */
#define CALM 0.2        /* far enough below that a slot more doesn't make it hot at once */
#define STARVED 0.1
#define HOT_WINDOWS 2u  /* a burst, as when all ranks say hello, is no reason */
#define CALM_WINDOWS 10u

void amz_yield_init(struct amz_yield *y, uint32_t slots)
{
  *y = (struct amz_yield){.slots = slots, .open = slots, .fewest = slots};
}

static uint32_t less(uint32_t from, uint32_t by)
{
  return from > by ? from - by : 0;
}

void amz_yield_resize(struct amz_yield *y, uint32_t slots)
{
  y->open = less(slots, y->slots - y->open);
  y->fewest = less(slots, y->slots - y->fewest);
  y->slots = slots;
}

static void give_up(struct amz_yield *y, double busy)
{
  if (y->fewest == y->slots)
    y->busy = busy;
  y->open--;
  if (y->open < y->fewest)
    y->fewest = y->open;
}

uint32_t amz_yield_window(struct amz_yield *y, double had, double missed)
{
  bool first = y->open == y->slots;
  double starved = missed < had ? missed : had, busy = had + starved;

  y->hot = busy >= HOT && (first || starved >= STARVED) ? y->hot + 1 : 0;
  y->calm = busy < CALM ? y->calm + 1 : 0;
  if (y->hot >= HOT_WINDOWS && y->open > 0) {
    give_up(y, busy);
    y->hot = 0;
  } else if (y->calm >= CALM_WINDOWS && y->open < y->slots) {
    y->open++;
    y->calm = 0;
  }
  return y->open;
}

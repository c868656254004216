/* How many others a task ran beside, over its time: slots that are busy, integrated. How many are so at its end isn't that: when
 * nothing new is started any more, tasks that ran all at the same time end one after the other, and the last would seem to have
 * run alone. Pure: times are handed in. Room-private. */
#ifndef AMZ_RUN_BESIDE_H
#define AMZ_RUN_BESIDE_H

#include <stdint.h>

struct amz_beside {
  int64_t at_ns;  /* until then it is added up; */
  uint32_t busy;  /* slots that have been busy since */
  double slot_ns; /* Σ busy · time */
};

/* Where a task's time begins. */
struct amz_beside_mark {
  int64_t at_ns;
  double slot_ns;
};

/* From now on so many are busy. Time doesn't go back. */
void amz_beside_note(struct amz_beside *b, int64_t now_ns, uint32_t busy);
struct amz_beside_mark amz_beside_begin(const struct amz_beside *b, int64_t now_ns);
/* \return the slots that were busy since then, itself included: their mean, rounded, >= 1; those that are so now, where no time
 * has passed. */
uint32_t amz_beside_since(const struct amz_beside *b, const struct amz_beside_mark *mark, int64_t now_ns);

#endif

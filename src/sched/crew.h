/* Many workers that are alike but for their numbers and slots, as the simulator has them: one configuration, and one block of
 * memory in which each begins with a cache line. Shared with src/sim. */
#ifndef AMZ_SRC_SCHED_CREW_H
#define AMZ_SRC_SCHED_CREW_H

#include <amorsize/sched.h>

/* Zero-initialised is empty. */
struct amz_crew {
  struct amz_worker_config config;
  uint32_t count;
  void *memory;
  char *first;
  size_t each; /* bytes from one to the next */
};

/* Workers 0..count-1; slots of each, or NULL: config->slots each. \return as amz_worker_new; amz_crew_clear releases what there
 * is. */
int amz_crew_init(struct amz_crew *c, const struct amz_worker_config *config, uint32_t count,
                  const uint32_t *slots) AMZ_MUST_CHECK;
void amz_crew_clear(struct amz_crew *c);

static inline struct amz_worker *amz_crew_at(const struct amz_crew *c, uint32_t rank)
{
  return (struct amz_worker *)(void *)(c->first + rank * c->each);
}

#endif

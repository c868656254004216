/* An arena: memory that is handed out piece by piece and released as a whole, for what lives as long as a job description.
 *
 * Allocation failure is sticky, as in amz_buf: later calls give NULL too, and amz_arena_ok tells once at the end. */
#ifndef AMZ_JOB_ARENA_H
#define AMZ_JOB_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include <amorsize/error.h>

struct amz_arena_block;

struct amz_arena {
  struct amz_arena_block *blocks; /* newest first; only the newest has room */
  bool failed;
};

void amz_arena_init(struct amz_arena *a);
void amz_arena_clear(struct amz_arena *a);

/* \return count zeroed elements of size bytes, aligned for any type; NULL when out of memory. */
void *amz_arena_array(struct amz_arena *a, size_t count, size_t size) AMZ_MUST_CHECK;
/* \return a copy of n bytes with a NUL behind them; NULL when out of memory. */
char *amz_arena_strndup(struct amz_arena *a, const char *text, size_t n) AMZ_MUST_CHECK;
char *amz_arena_printf(struct amz_arena *a, const char *format, ...) AMZ_PRINTF(2, 3) AMZ_MUST_CHECK;
/* \return AMZ_OK, or AMZ_ENOMEM when some allocation had failed. */
int amz_arena_ok(const struct amz_arena *a) AMZ_MUST_CHECK;

#endif

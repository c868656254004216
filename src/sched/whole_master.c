/* The master machine as one unit: a step goes through all its parts, most of which are small and called from one place, so that
 * calls between files would cost more than what many of them do. Only what sched.h, soon.h and the headers of held pieces and the
 * pool say can be called from elsewhere. */
#include "held.c"
#include "pool.c"

#include "results.c"

#include "bulks.c"
#include "check.c"
#include "master.c"
#include "ranks.c"
#include "recall.c"
#include "serve.c"

/* The worker machine as one unit, for the reason that whole_master.c gives. */
#include "crew.c"
#include "next.c"
#include "room.c"
#include "run.c"
#include "tell.c"
#include "worker.c"

/* The simulator as one unit, for the reason that src/sched/whole_master.c gives. */
#include "agenda.c"
#include "clocks.c"
#include "look.c"
#include "net.c"
#include "rank.c"
#include "sim.c"
#include "work.c"

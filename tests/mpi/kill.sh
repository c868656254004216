#!/bin/sh
# Runs over ranks whose parts die: a worker rank, rank 0, the launcher, a spawn helper; or stand still for a while. Whatever dies, afterwards
# (when need be after `resume`) every task is recorded exactly once with the outputs of a clean run, and no process is left. AMZ_ALL=1 tries each five
# times, and stops ranks for a minute.
# shellcheck disable=SC2034,SC2154
. "$top_srcdir/tests/mpi/lib.sh"

ROUNDS=${AMZ_ALL:+5}
ROUNDS=${ROUNDS:-1}
PAUSE=${AMZ_ALL:+60}
PAUSE=${PAUSE:-4} # seconds
LAUNCH_LIMIT=300 # for lib.sh
TASKS=90

launcher_pid() { of_launch mpirun; of_launch mpiexec; }
# An mpirun that survives a rank never ends by itself (Open MPI 4.1): it is ended as a user, or the driver, would end it.
end_launcher() { for p in $(launcher_pid); do kill -TERM "$p" 2>/dev/null; done; }
recorded_all() { amorsize-mpi status killed 2>/dev/null | grep -q '^killed: finished'; }

# conclude NAME: what is not finished is gone on with, by one rank or several in turn
conclude() {
  left_nothing "$1"
  if ! recorded_all; then
    if [ $((round % 2)) -eq 0 ]; then mpi_try 2 resume --quiet killed; else try amorsize-mpi resume --quiet killed; fi
    is "$1: resume" "$status $([ "$status" = 0 ] || cat err)" '0 '
  fi
  each_once "$1" killed $TASKS
  left_nothing "$1, in the end"
}

# began OPTIONS: a run of three ranks, each of which is at work
began() {
  fresh
  mpi_start "$1" 3 run --name killed --command "$COMMAND; $(gate 20)" --for n=1..$TASKS
  wait_for each_works || fail 'a run begins' "$(cat bg.err)"
}
each_works() { begun 12 && for r in 0 1 2; do [ -n "$(helper_pid $r)" ] || return 1; done; }

worker_survived() {
  began "$survive"
  kill -KILL "$(rank_pid $((1 + round % 2)))"
  open_gate
  check "$1: the run completes in place" wait_for recorded_all
  check "$1: it is said that a rank is gone" grep -q 'rank [12] is gone; its tasks are given to others' bg.err
  end_launcher
  finish
  conclude "$1"
}

worker() {
  began ''
  kill -KILL "$(rank_pid $((1 + round % 2)))"
  open_gate
  finish
  conclude "$1"
}

rank_0() {
  began "$2"
  kill -KILL "$(rank_pid 0)"
  open_gate
  wait_for no_ranks
  end_launcher
  finish
  conclude "$1"
}
no_ranks() { [ -z "$(of_launch amorsize-mpi)" ]; }
rank_0_survived() { rank_0 "$1" "$survive"; }
rank_0_alone() { rank_0 "$1" ''; }

the_launcher() {
  began ''
  # shellcheck disable=SC2046 # one process, or two
  kill -KILL $(launcher_pid)
  open_gate
  finish
  conclude "$1"
}

the_helper() { # of rank 0, or of another
  began ''
  kill -KILL "$(helper_pid $((round % 3)))"
  open_gate
  finish
  conclude "$1"
}

stands_still() {
  began ''
  victim=$(rank_pid $((round % 3)))
  kill -STOP "$victim"
  open_gate
  sleep $PAUSE # nothing to wait for: time itself is what is tried
  kill -CONT "$victim"
  finish
  is "$1: the launch ends well" "$status" 0
  conclude "$1"
}

# Tasks that would go on for ever end with the ranks that run them; on a rank that lives they go on.
long_tasks() { # NAME OPTIONS VICTIM
  fresh
  mpi_start "$2" 3 run --name long --command 'echo {n} >>log; sleep 1000' --for n=1..6
  wait_for begun 3
  # shellcheck disable=SC2046 # processes
  kill -KILL $($3)
  [ -z "$2" ] || { wait_for no_ranks; end_launcher; }
  finish
  left_nothing "$1"
}
all_ranks() { of_launch amorsize-mpi-ra; }
rank_0_is() { rank_pid 0; }

round=0
while [ $round -lt $ROUNDS ]; do
  round=$((round + 1))
  if [ -n "$survive" ]; then
    worker_survived "worker killed, survived ($round)"
    rank_0_survived "rank 0 killed, others spared ($round)"
  else
    skip "worker killed, survived ($round)" "$mpi doesn't survive it reliably"
  fi
  worker "worker killed ($round)"
  rank_0_alone "rank 0 killed ($round)"
  the_launcher "launcher killed ($round)"
  the_helper "helper killed ($round)"
  long_tasks "rank 0 killed while tasks are long ($round)" "$survive" rank_0_is
  long_tasks "all ranks killed while tasks are long ($round)" '' all_ranks
  long_tasks "launcher killed while tasks are long ($round)" '' launcher_pid
  stands_still "rank stopped for $PAUSE s ($round)"
done
done_testing

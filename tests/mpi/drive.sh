#!/bin/sh
# Runs over ranks that our own driver launches (run --ranks), parts of which die: the driver, its mpirun, rank 0, a worker rank, a spawn helper. Afterwards,
# when need be after `resume`, every task is recorded exactly once with the outputs of a clean run, and no process is left. AMZ_ALL=1 tries each five times.
# shellcheck disable=SC2034,SC2154
. "$top_srcdir/tests/mpi/lib.sh"

ROUNDS=${AMZ_ALL:+5}
ROUNDS=${ROUNDS:-1}
TASKS=90
LIMIT=300 # seconds

# The driver takes the ranks' MPI from PATH, as a user's would.
drive() { # ARG...: in the background
  start env AMZ_TEST_MARK="$here" timeout -k 2 $LIMIT amorsize-mpi "$@"
}
driver_pid() {
  for p in $(of_launch amorsize-mpi); do
    [ "$(cat "/proc/$p/comm" 2>/dev/null)" != amorsize-mpi ] || echo "$p"
  done
}
launcher_pid() { of_launch mpirun; of_launch mpiexec; of_launch hydra; }
worker_pid() { rank_pid $((1 + round % 2)); }
rank_0_pid() { rank_pid 0; }
a_helper_pid() { helper_pid $((round % 3)); }
is_recorded() { amorsize-mpi status "$1" 2>/dev/null | grep -q "^$1: finished"; }
no_ranks() { [ -z "$(of_launch amorsize-mpi)" ]; }

killed() { # NAME WHOM: the run completes by the driver, or by resume
  fresh
  drive run --quiet --ranks 3 --slots 2 --name driven --command "$COMMAND; $(gate 20)" --for n=1..$TASKS
  wait_for begun 12 || fail "$1: the run begins" "$(cat bg.err)"
  # shellcheck disable=SC2046 # processes
  kill -KILL $($2)
  open_gate
  finish
  case $2 in
    driver_pid)
      # ranks go on without a driver; sometimes they are ended, as by a batch system
      [ $((round % 2)) -eq 0 ] || for p in $(launcher_pid); do kill -TERM "$p" 2>/dev/null; done
      wait_for no_ranks
      ;;
    *) check "$1: the driver ends in order" [ "$status" = 0 -o "$status" = 3 -o "$status" = 75 ] ;;
  esac
  left_nothing "$1"
  if ! is_recorded driven; then
    try env AMZ_TEST_MARK="$here" timeout -k 2 $LIMIT amorsize-mpi resume --quiet driven --ranks $((1 + round % 3))
    is "$1: resume" "$status $([ "$status" = 0 ] || cat err bg.err)" '0 '
  fi
  each_once "$1" driven $TASKS
  left_nothing "$1, in the end"
}

# Of these the driver itself makes the best: nobody has to resume.
survives() { # NAME WHOM
  killed "$1" "$2"
  is "$1: the driver brought it to its end" "$status" 0
}

round=0
while [ $round -lt $ROUNDS ]; do
  round=$((round + 1))
  survives "a worker rank killed ($round)" worker_pid
  survives "rank 0 killed ($round)" rank_0_pid
  survives "the launcher killed ($round)" launcher_pid
  killed "a helper killed ($round)" a_helper_pid
  killed "the driver killed ($round)" driver_pid
done

# ---- signals to the driver; what it says ----
for how in TERM USR1; do
  fresh
  drive run --ranks 2 --slots 2 --name asked --command "$COMMAND; $(gate 20)" --for n=1..$TASKS
  wait_for begun 8
  drain $how "$(driver_pid)"
  finish
  is "SIG$how to the driver: exit status" "$status" 75
  check "SIG$how to the driver: the summary says so" grep -q "^asked: stopped, interrupted (SIG$how): " bg.out
  left_nothing "SIG$how to the driver"
done
fresh
drive run --ranks 2 --slots 2 --name early --command "$COMMAND; $(gate 20)" --for n=1..$TASKS --set failures.grace=1s
wait_for ls early.runs/001/inputs >/dev/null 2>&1
kill -TERM "$(driver_pid)"
finish
is 'SIGTERM while ranks are being launched: exit status' "$status" 75
left_nothing 'SIGTERM while ranks are being launched'
check 'SIGTERM while ranks are being launched: the run stops soon' [ "$(amorsize-mpi tasks early 2>/dev/null | wc -l)" -lt $TASKS ]

# ---- the plan that rank 0 makes is told, with and without a terminal ----
planned() { # NAME FILE
  check "$1: the plan is told" grep -Eq '^  plan +1 node × 2 ranks × [0-9]+ slots?' "$2"
  lines=$(sed -n '/^  plan  /,/^  numbers /p' "$2" | wc -l)
  check "$1: once, in at most six lines" [ "$lines" -ge 3 ] && [ "$lines" -le 6 ]
}
short_sample="--no-history --set plan.max_workers=4 --set sample.tasks=[5,10]" # on machines of any size, much is left when it is planned
fresh
# shellcheck disable=SC2086 # options
drive run $short_sample --ranks 2 --name told --command 'sleep 0.2; : {n}' --for n=1..80
finish
is 'a plan without a terminal: exit status' "$status" 0
planned 'without a terminal' bg.err
check 'without a terminal: progress is told' grep -q 'tasks done' bg.err
fresh
# shellcheck disable=SC2086
drive run $short_sample --no-progress --ranks 2 --name told --command 'sleep 0.2; : {n}' --for n=1..80
finish
planned '--no-progress' bg.err
check '--no-progress: no progress' [ "$(grep -c 'tasks done' bg.err)" = 0 ]

# ---- on a terminal: a bar, and what ranks say, each in its turn ----
if command -v script >/dev/null 2>&1 && script -qec true /dev/null </dev/null >/dev/null 2>&1; then
  fresh
  esc=$(printf '\033')
  TERM=xterm AMZ_TEST_MARK="$here" script -qec "stty cols 60 2>/dev/null; timeout -k 2 $LIMIT amorsize-mpi run --ranks 2 --slots 2 --name tty \
    --command 'sleep 0.2; : {n}' --for n=1..50" /dev/null </dev/null | tr -d '\r' >sent
  check 'on a terminal: a bar' grep -q '\[#*-*\]' sent
  is 'on a terminal: no bar is wider than its line' "$(sed "s/$esc\\[K/\\n/g" sent | grep '\[#*-*\]' | awk 'length > 60')" ''
  check 'on a terminal: no lines of progress' [ "$(grep -c 'tasks done' sent)" = 0 ]
  check 'on a terminal: said once where it runs' [ "$(grep -c 'tty.runs/001: 50 tasks to run on 4 slots' sent)" = 1 ]
  sed "s/.*$esc\\[K//" sent >lines
  check 'on a terminal: the summary begins a line' grep -q '^tty: finished: all tasks succeeded$' lines
  left_nothing 'on a terminal'
  fresh
  TERM=xterm AMZ_TEST_MARK="$here" script -qec "timeout -k 2 $LIMIT amorsize-mpi run $short_sample --ranks 2 --name tty --command 'sleep 0.2; : {n}' \
    --for n=1..80" /dev/null </dev/null | tr -d '\r' | sed "s/.*$esc\\[K//" >lines
  planned 'on a terminal' lines
  left_nothing 'a plan on a terminal'
else
  skip 'on a terminal' 'no script(1) to make one'
fi

# ---- ranks that never come together, as when one dies in MPI_Init: the launch is ended, others are tried, and nothing is lost ----
fresh
printf '#!/bin/sh\necho tried >>tries\nexec tail -f /dev/null\n' >stuck && chmod 755 stuck
try env AMZ_TEST_MARK="$here" AMORSIZE_LAUNCH_TIME=100ms timeout -k 2 $LIMIT amorsize-mpi run --quiet --name stuck --launcher ./stuck --ranks 2 --command "$COMMAND" --for n=1..6
is 'ranks that never come together: exit status' "$status" 3
is 'ranks that never come together: launched thrice' "$(wc -l <tries | tr -d ' ')" 3
check 'ranks that never come together: it is said' grep -q 'the ranks have not come together in time' err
left_nothing 'ranks that never come together'
try env AMZ_TEST_MARK="$here" AMORSIZE_LAUNCH_TIME=soon timeout -k 2 $LIMIT amorsize-mpi resume --ranks 2 stuck
is 'a time for launches that is none: exit status' "$status" 2
check 'a time for launches that is none: it is said' grep -q 'AMORSIZE_LAUNCH_TIME: expected a duration like 5m, got "soon"' err
try env AMZ_TEST_MARK="$here" timeout -k 2 $LIMIT amorsize-mpi resume --quiet --ranks 2 stuck
is 'ranks that come together after all: exit status' "$status" 0
each_once 'ranks that come together after all' stuck 6

# ---- a rank that ends, or can't begin, between MPI's beginning and its first word: the others don't wait long ----
fresh
if ${CC:-cc} -shared -fPIC -o early.so "$top_srcdir/tests/mpi/early.c" 2>cc.err; then
  early() { # HOW OPTIONS
    # shellcheck disable=SC2086
    try env AMZ_TEST_MARK="$here" AMZ_TEST_EARLY="$1" timeout -k 2 $LIMIT $quick $2 -n 3 env LD_PRELOAD=./early.so HWLOC_SYNTHETIC='core:2 pu:1' amorsize-mpi run --name short \
      --command "$COMMAND" --for n=1..6
  }
  early fail ''
  is 'a rank that cannot begin: exit status' "$status" 3
  check 'a rank that cannot begin: it is said' grep -q 'rank 1 cannot take part: ' err
  check 'a rank that cannot begin: nothing is run' [ ! -e log ]
  left_nothing 'a rank that cannot begin'
  early die ''
  is 'a rank that dies before it can begin: the launch ends' "$([ "$status" != 0 ] && [ "$status" != 124 ] && echo ended)" ended
  left_nothing 'a rank that dies before it can begin'
  if [ -n "${AMZ_ALL-}" ] && [ -n "$survive" ]; then
    start env AMZ_TEST_MARK="$here" AMZ_TEST_EARLY=die timeout -k 2 $LIMIT $quick $survive -n 3 env LD_PRELOAD=./early.so HWLOC_SYNTHETIC='core:2 pu:1' amorsize-mpi run \
      --name survived --command "$COMMAND" --for n=1..6
    wait_for ls survived.runs/001/launched
    wait_for no_ranks || wait_for no_ranks || wait_for no_ranks # half a minute
    for p in $(launcher_pid); do kill -TERM "$p"; done # it doesn't end by itself once a rank was killed
    finish
    check 'a rank that dies before it can begin, survived: rank 0 says so' grep -q '1 of 3 ranks have not spoken up, rank 1 among them' bg.err
    left_nothing 'a rank that dies before it can begin, survived'
  fi
else
  skip 'a rank that cannot begin' "no compiler: $(head -n 1 cc.err)"
fi
done_testing

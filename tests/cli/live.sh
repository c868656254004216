#!/bin/sh
# Live runs: looked at, stopped in every way, killed, gone on with. Whatever happens, each task gets exactly one recorded outcome.
. "${top_srcdir:?}/tests/cli/lib.sh"

state_is() { amorsize-mpi status "$1" 2>/dev/null | grep -q "^$1: $2"; }
each_once() { # NAME RUN N: outputs of 1..N in order, a row for each
  is "$1: every output once, in order" "$(amorsize-mpi output "$2" 2>err)" "$(seq "$3")"
  is "$1: a row for each task" "$(amorsize-mpi tasks "$2" | awk 'NR > 1 && $2 == "succeeded"' | wc -l | tr -d ' ')" "$3"
}

if ! env --default-signal=INT true 2>/dev/null; then
  echo "1..0 # SKIP no env --default-signal, which tests of signals need"
  exit 0
fi

# ---- looked at while it lives, then stopped by `stop` ----
fresh
start amorsize-mpi run --name look --command 'echo {n} >>log; echo {n}; sleep 0.05' --for n=1..100000 --slots 2 # more than anybody waits for
check 'a live run: its tasks start' wait_for begun 6
check 'a live run: status says that it runs' wait_for state_is look running
try amorsize-mpi status look
tried_like 'a live run: status' 0 '^  tasks +.+ of 100.*000 done: ' '^amorsize-mpi: the run is live; this is as of [0-9]+ s ago$'
try amorsize-mpi resume look
tried_like 'a live run: resume is refused' 3 '' '^amorsize-mpi: .*look\.runs/001.*'
check 'a live run: who holds it is said' grep -q "$(hostname)" err
wait_for sh -c 'amorsize-mpi tasks look 2>/dev/null | grep -Eq "^ +0  succeeded"'
try amorsize-mpi tasks look
tried_like 'a live run: tasks' 0 '^ +0  succeeded' 'as of [0-9]+ s ago$'
try amorsize-mpi output look
tried_like 'a live run: output' 0 '^1$' 'as of [0-9]+ s ago$'
amorsize-mpi watch look.runs/001 >watch.out 2>watch.err & # by its number: the next one may be there before it looks
watcher=$!
try amorsize-mpi run --quiet --name look --command true
is 'a second run beside it' "$status" 0
check 'a second run beside it has its own directory' test -f look.runs/002/run.db
try amorsize-mpi stop look.runs/001 --wait
tried_like 'stop --wait' 0 '' '^amorsize-mpi: stopped; go on with: amorsize-mpi resume look\.runs/001$'
finish
is 'stop: exit status of the run' "$status" 75
check 'stop: the summary says why' grep -q '^look: stopped, .*stop' bg.out
check 'stop: and how to go on' grep -q '^  go on with        amorsize-mpi resume look.runs/001$' bg.out
status=0
wait $watcher || status=$?
is 'watch ends with the run' "$status" 0
check 'watch shows the end' grep -q '^look: stopped, ' watch.out
try amorsize-mpi status look.runs/001
tried_like 'status of a stopped run' 0 '^look: stopped, [0-9]+ %$' ''
try amorsize-mpi stop look.runs/001
tried_like 'stop of a stopped run' 2 '' "isn't running"
is 'stop: nothing ran twice' "$(sort log | uniq -d)" ''

# ---- Ctrl-C ----
fresh
start amorsize-mpi run --name int --command "echo {n} >>log; $(gate 10); echo {n}" --for n=1..80 --slots 2
wait_for begun 4
drain INT
finish
is 'Ctrl-C: exit status' "$status" 75
check 'Ctrl-C: the summary says why' grep -q '^int: stopped, .*SIGINT.*: [0-9]* of 80 tasks not run$' bg.out
check 'Ctrl-C: and how to go on' grep -q '^  go on with        amorsize-mpi resume int.runs/001$' bg.out
ran=$(wc -l <log | tr -d ' ')
try amorsize-mpi tasks int
is 'Ctrl-C: what ran is recorded' "$(awk 'NR > 1' out | wc -l | tr -d ' ')" "$ran"
try amorsize-mpi resume --quiet int
tried_like 'Ctrl-C: resume runs the rest' 0 "^  this launch       $((80 - ran)) tasks?, launch number 2\$" ''
is 'Ctrl-C: nothing ran twice' "$(sort log | uniq -d)" ''
each_once 'Ctrl-C' int 80

# ---- SIGTERM, with the files that the tasks were made from gone before the run goes on ----
fresh
seq 60 >values
printf 'job: term\ntasks:\n  command: |\n    echo {n} >>log; %s; echo {n}\n  for: {n: {lines: values}}\n' "$(gate 10)" >job.yaml
start amorsize-mpi run job.yaml --slots 2
wait_for begun 4
drain TERM
finish
is 'SIGTERM: exit status' "$status" 75
rm values job.yaml
mkdir elsewhere
status=0
(cd elsewhere && amorsize-mpi resume --quiet ../term.runs/001) >out 2>err || status=$?
is 'SIGTERM: resume from elsewhere, without the files' "$status" 0
is 'SIGTERM: nothing ran twice' "$(sort log | uniq -d)" ''
each_once 'SIGTERM' term 60

# ---- a second signal kills the running tasks; they are run again ----
fresh
# shellcheck disable=SC2016 # for the task's shell
start amorsize-mpi run --name twice --command 'echo $$ >>log; test -e quick || exec sleep 300; echo {n}' --for n=1..3 --slots 2
wait_for begun 2
kill -INT "$pid"
check 'first signal: says what it waits for' wait_for grep -q SIGINT bg.err
kill -INT "$pid"
finish
is 'second signal: exit status' "$status" 75
alive=0
while read -r id; do kill -0 "$id" 2>/dev/null && alive=$((alive + 1)); done <log
is 'second signal: no task is left' "$alive" 0
touch quick
try amorsize-mpi resume --quiet twice
tried_like 'second signal: all tasks are run again' 0 '^  this launch       3 tasks' ''
each_once 'second signal' twice 3

# ---- kill -9 of everything ----
children() { cat "/proc/$1/task/"*/children 2>/dev/null; }
fresh
start amorsize-mpi run --name killed --command "echo {n} >>log; echo {n}; $(gate 270)" --for n=1..360 --slots 3
recorded() { [ "$(amorsize-mpi tasks killed 2>/dev/null | wc -l)" -gt "$1" ]; }
if wait_for begun 271 && wait_for recorded 200; then
  helpers=$(children "$pid")
  # shellcheck disable=SC2086 # a list of ids
  kill -9 "$pid" $helpers
fi
finish 2>/dev/null
open_gate
is 'kill -9: exit status' "$status" 137
check 'kill -9: it was in the middle' test "$(wc -l <log)" -lt 360
try amorsize-mpi status killed
tried_like 'kill -9: status' 0 '^killed: stopped, ' '^amorsize-mpi: the process that ran it is gone; go on with: amorsize-mpi resume killed\.runs/001$'
amorsize-mpi tasks killed | awk 'NR > 1 { print $1, $6, $7, $8 }' >before 2>/dev/null
try amorsize-mpi resume --quiet killed
is 'kill -9: resume' "$status" 0
each_once 'kill -9' killed 360
amorsize-mpi tasks killed | awk 'NR > 1 { print $1, $6, $7, $8 }' >after
check 'kill -9: what was recorded stays as it was' test -s before
is 'kill -9: no recorded task ran again' "$(grep -v -x -F -f after before)" ''
check 'kill -9: few ran twice' test "$(sort log | uniq -d | wc -l)" -lt 180

# ---- kill -9 of the helper alone: the run ends by itself and can be resumed ----
fresh
start amorsize-mpi run --name orphan --command "echo {n} >>log; echo {n}; $(gate 10)" --for n=1..100 --slots 2
wait_for begun 11
# shellcheck disable=SC2046 # a list of ids
kill -9 $(children "$pid")
finish
open_gate
check 'kill -9 of the helper: the run says that it is unfinished' test "$status" = 75 -o "$status" = 3
is 'kill -9 of the helper: told once' "$(grep -c 'helper has died' bg.err)" 1
try amorsize-mpi resume --quiet orphan
is 'kill -9 of the helper: resume' "$status" 0
each_once 'kill -9 of the helper' orphan 100

# ---- a task that kills its parent, and one that kills its group ----
fresh
try timeout 60 amorsize-mpi run --quiet --name parricide --slots 1 --command 'sh -c "test -e calm || kill -9 \$PPID; echo {n}"' --for n=1..3
is 'a task that kills the helper: exit status' "$status" 3
check 'a task that kills the helper: how to go on' grep -q 'go on with: amorsize-mpi resume parricide.runs/001$' err
touch calm
try amorsize-mpi resume --quiet parricide
is 'a task that kills the helper: resume' "$status" 0
is 'a task that kills the helper: nothing is missing' "$(amorsize-mpi output parricide | tr '\n' ' ')" '1 2 3 '
try timeout 60 amorsize-mpi run --quiet --name group --slots 2 --command 'sh -c "test {n} -ne 2 || kill -9 0; echo {n}"' --for n=1..4
is 'a task that kills its process group fails alone' "$status $(amorsize-mpi output group | tr '\n' ' ')" '1 1 3 4 '

# ---- Ctrl-C of watch leaves the run alone ----
fresh
start amorsize-mpi run --quiet --name watched --command "echo {n} >>log; echo {n}; $(gate 10)" --for n=1..40 --slots 2
run=$pid
wait_for state_is watched running
env --default-signal=INT amorsize-mpi watch watched >watch.out 2>&1 </dev/null &
watcher=$!
check 'Ctrl-C of watch: it shows what has been done' wait_for grep -q ' of 40 tasks done' watch.out
kill -INT $watcher
status=0
wait $watcher || status=$?
is 'Ctrl-C of watch: exit status' "$status" 0
check 'Ctrl-C of watch: the run lives' state_is watched running
open_gate
pid=$run
finish
is 'Ctrl-C of watch: the run goes on to its end' "$status" 0
each_once 'Ctrl-C of watch' watched 40
done_testing

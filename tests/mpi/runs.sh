#!/bin/sh
# Runs over ranks on one host, launched by mpirun: the same results, messages and exit statuses as those of one process, whatever their number.
# shellcheck disable=SC2154
. "$top_srcdir/tests/mpi/lib.sh"

once() { [ "$(grep -cF -e "$1" err)" -eq 1 ]; } # it is said, and not by every rank

# ---- the same run, whatever the number of ranks ----
fresh
amorsize-mpi run --quiet --name alone --command "$COMMAND" --for n=1..60 >out 2>err
amorsize-mpi output alone >alone.out
for n in 1 2 3 5 8; do
  rm -f log
  mpi_try $n run --name many$n --command "$COMMAND" --for n=1..60
  is "$n ranks: exit status" "$status" 0
  is "$n ranks: each task ran once" "$(sort -n log)" "$(seq 60)"
  each_once "$n ranks" many$n 60
  check "$n ranks: outputs are those of one process" cmp alone.out outputs
  check "$n ranks: one summary" [ "$(grep -c '^many.*: finished: all tasks succeeded$' out)" -eq 1 ]
  check "$n ranks: said once where it runs" once "many$n.runs/001: 60 tasks to run"
done
mpi_try 3 run --name each --command "$(meet 3)" --for n=1..60
is 'ranks and nodes of tasks are told' "$(amorsize-mpi tasks each --format json | grep -o '"node": *"[^"]*"' | sort -u | tr -d ' ')" "\"node\":\"$(hostname)\""
is 'every rank has had tasks' "$(amorsize-mpi tasks each --format json | grep -o '"rank": *[0-9]*' | sort -u | tr -dc '0-9\n')" "$(printf '0\n1\n2')"
left_nothing 'many ranks'

# ---- more ranks than tasks, and than none ----
fresh
mpi_try 5 run --name few --command "$COMMAND" --for n=1..2
is 'more ranks than tasks: exit status' "$status" 0
each_once 'more ranks than tasks' few 2
mpi_try 3 resume few
is 'nothing to go on with: exit status' "$status" 0
mpi_try 2 run --dry-run --command true --for n=1..3
is 'a dry run: exit status' "$status" 0
is 'a dry run: said once' "$(grep -c '  task 0 ' out)" 1
left_nothing 'few tasks'

# ---- what is wrong is said once, and every rank goes home ----
fresh
printf 'job: bad\ntasks:\n  comand: touch started\n' >bad.yaml
mpi_try 3 run bad.yaml
is 'a bad description: exit status' "$status" 2
check 'a bad description: said once' once 'unknown key "tasks.comand"'
no_run 'a bad description: nothing is started'
mpi_try 3 run missing.yaml
is 'no such description: exit status' "$status" 2
check 'no such description: said once' once 'missing.yaml'
mpi_try 3 run --no-such-option
is 'no such option: exit status' "$status" 2
mpi_try 3 resume nothing
is 'no such run: exit status' "$status" 2
mpi_try 3 run --runs-in /proc --name closed --command true --for n=1..3
is 'an unwritable place: exit status' "$status" 3
left_nothing 'what is wrong'

# ---- failures ----
fresh
mpi_try 3 run --name fails --command 'echo {n} >>log; test {n} -ne 4' --for n=1..9 --set failures.retries=2 --set failures.backoff=1ms
is 'a failing task: exit status' "$status" 1
is 'a failing task: tried thrice, the others once' "$(sort log | uniq -c | awk '{ print $2 ":" $1 }' | tr '\n' ' ')" '1:1 2:1 3:1 4:3 5:1 6:1 7:1 8:1 9:1 '
is 'a failing task: its row' "$(amorsize-mpi tasks fails --failed | awk 'NR > 1 { print $1, $2 }')" '3 failed'
rm log
mpi_try 2 resume fails --retry-failed
is 'a failing task, tried again: exit status' "$status" 1
is 'a failing task, tried again alone' "$(sort -u log)" 4
mpi_try 3 run --name flaky --command 'mkdir seen{n} 2>/dev/null && exit 7; echo {n}' --for n=1..12 --set failures.retries=1 --set failures.backoff=1ms
is 'tasks that fail once: exit status' "$status" 0
is 'tasks that fail once: their outputs' "$(amorsize-mpi output flaky)" "$(seq 12)"
mpi_try 3 run --name slow --command 'test {n} -ne 5 || sleep 1000' --for n=1..6 --set failures.timeout=3s
is 'a timeout: exit status' "$status" 1
is 'a timeout: its row' "$(amorsize-mpi tasks slow --failed | awk 'NR > 1 { print $1, $2 }')" '4 timed_out'
left_nothing 'failures'

# ---- files: what exists already, standard input, where tasks work; ranks start where rank 0 did ----
fresh
mkdir -p work made
for n in $(seq 12); do echo "text $n" >"work/in$n"; done
touch made/3 made/7
printf '%s\n' 'job: files' 'tasks:' '  command: pwd -P; cat; echo {n} >>../log; touch ../made/{n}' '  for: {n: {range: [1, 12]}}' \
  '  workdir: work' "  stdin: 'in{n}'" "  creates: '../made/{n}'" >files.yaml
mpi_try 3 run files.yaml
is 'files: exit status' "$status" 0
is 'files: what exists is not made again' "$(sort -n log | tr '\n' ' ')" '1 2 4 5 6 8 9 10 11 12 '
is 'files: workdir and stdin' "$(amorsize-mpi output files)" "$(for n in 1 2 4 5 6 8 9 10 11 12; do (cd work && pwd -P); echo "text $n"; done)"
is 'files: what was skipped is told' "$(amorsize-mpi tasks files | awk '$2 == "skipped" { print $1 }' | tr '\n' ' ')" '2 6 '

# ---- the job from standard input: rank 0 has it, the others learn it ----
fresh
seq 30 | sed 's/^/echo line /' >lines
env AMZ_TEST_MARK="$here" timeout -k 2 "$LAUNCH_LIMIT" $quick -n 3 amorsize-mpi run --name lines --lines - <lines >out 2>err
is 'task lines from stdin: exit status' "$?" 0
is 'task lines from stdin: their outputs' "$(amorsize-mpi output lines)" "$(seq 30 | sed 's/^/line /')"
printf 'job: piped\ntasks: {command: "echo {n}", for: {n: {range: [1, 20]}}}\n' |
  env AMZ_TEST_MARK="$here" timeout -k 2 "$LAUNCH_LIMIT" $quick -n 2 amorsize-mpi run - >out 2>err
is 'a description from stdin: exit status' "$?" 0
is 'a description from stdin: outputs' "$(amorsize-mpi output piped)" "$(seq 20)"

# ---- drained, then gone on with by another number of ranks ----
for how in TERM INT USR1 stop; do
  fresh
  # on the slots that it begins with: a plan would let tasks that wait end before they are stopped
  mpi_start '' 3 run --name drain --command "$COMMAND; $(gate 20)" --for n=1..90 --set 'sample.tasks=[0, 0]'
  wait_for begun 6
  if [ $how = stop ]; then
    wait_for amorsize-mpi stop drain
    wait_for heeded
    open_gate
  else
    drain $how "$(rank_pid 0)"
  fi
  finish
  is "$how: exit status" "$status" 75
  check "$how: the summary says so" grep -q '^drain: stopped, .* of 90 tasks not run$' bg.out
  is "$how: what ran is recorded" "$(amorsize-mpi tasks drain | awk 'NR > 1' | wc -l)" "$(wc -l <log)"
  left_nothing "$how"
  case $how in TERM) n=5 ;; INT) n=1 ;; *) n=2 ;; esac
  mpi_try $n resume drain
  is "$how: gone on with by $n ranks" "$status" 0
  is "$how: nothing ran twice" "$(sort -n log)" "$(seq 90)"
  each_once "$how" drain 90
done

# ---- a signal that reaches another rank alone, as when Slurm signals a part of a job ----
for how in USR1 TERM; do
  fresh
  mpi_start '' 3 run --name part --command "$COMMAND; $(gate 20)" --for n=1..90 --set 'sample.tasks=[0, 0]'
  wait_for begun 6
  drain $how "$(rank_pid 2)"
  finish
  is "$how to one rank: exit status" "$status" 75
  check "$how to one rank: rank 0 says so" grep -q "SIG$how (rank 2): letting what runs end" bg.err
  check "$how to one rank: so does the summary" grep -q "interrupted (SIG$how)" bg.out
  is "$how to one rank: what ran is recorded" "$(amorsize-mpi tasks part | awk 'NR > 1' | wc -l)" "$(wc -l <log)"
  left_nothing "$how to one rank"
done
fresh
mpi_start '' 3 run --name all --command "$COMMAND; $(gate 10); sleep 0.3" --for n=1..90 --set 'sample.tasks=[0, 0]'
wait_for begun 3
# shellcheck disable=SC2046 # three processes
kill -USR1 $(rank_pid 1) $(rank_pid 2) $(rank_pid 0)
wait_for heeded
open_gate
finish
is 'USR1 to all ranks: exit status' "$status" 75
is 'USR1 to all ranks: counts once, so that what ran is recorded' "$(amorsize-mpi tasks all | awk 'NR > 1' | wc -l)" "$(wc -l <log)"
left_nothing 'USR1 to all ranks'

# ---- the launcher is told to end: it tells all ranks, waits a moment and kills them ----
fresh
mpi_start '' 3 run --name told --command "$COMMAND; $(gate 20)" --for n=1..90 --set 'sample.tasks=[0, 0]'
wait_for begun 6
for p in $(of_launch mpirun) $(of_launch mpiexec); do kill -TERM "$p"; done
finish
left_nothing 'the launcher is told to end'
open_gate
mpi_try 2 resume told
is 'the launcher is told to end: gone on with' "$status" 0
each_once 'the launcher is told to end' told 90

# ---- the same directory twice; singletons ----
fresh
mpi_start '' 2 run --name held --command "$COMMAND; $(gate 10)" --for n=1..40 --set 'sample.tasks=[0, 0]'
wait_for begun 3
mpi_try 2 resume held
is 'a live run: resume is refused' "$status" 3
open_gate
finish
is 'a live run: it is not disturbed' "$status" 0
each_once 'a live run' held 40
status=0
env AMZ_TEST_MARK="$here" SLURM_STEP_NUM_TASKS=4 SLURM_NTASKS=4 SLURM_STEP_ID=0 SLURM_PROCID=0 SLURM_JOB_ID=1 \
  amorsize-mpi run --name alone --command 'touch started' --for n=1..3 >out 2>err </dev/null || status=$?
is 'a task of srun without PMI: exit status' "$status" 3
no_run_of() { [ ! -e started ] && [ ! -e alone.runs ]; }
check 'a task of srun without PMI: nothing is started' no_run_of
if command -v $other >/dev/null 2>&1; then
  env AMZ_TEST_MARK="$here" timeout -k 2 "$LAUNCH_LIMIT" $other -n 2 amorsize-mpi run --name alone --command 'touch started' --for n=1..3 >out 2>err </dev/null
  is 'the launcher of another MPI: exit status' "$?" 3
  check 'the launcher of another MPI: nothing is started' no_run_of
else
  skip 'the launcher of another MPI' "$other not found"
fi
left_nothing 'refused'

done_testing

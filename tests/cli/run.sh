#!/bin/sh
# Whole runs of small jobs: summary, outputs, rows, JSON, and every way to say what is run.
. "${top_srcdir:?}/tests/cli/lib.sh"

# Numbers with their units, which differ from run to run, as N.
masked() { sed -E 's/in [0-9]+ chunks/in N chunks/; s/[0-9][0-9.]* (ns|us|ms|s|B|KiB|MiB|%)([^a-z]|$)/N\2/g; s/[0-9][0-9. ]*\/s/N/g' "$1"; }

fresh
try amorsize-mpi run --quiet --name demo --command 'echo {n}' --for n=1..12 --slots 2
is 'all succeeded: exit status' "$status" 0
is 'all succeeded: nothing on standard error with --quiet' "$(cat err)" ''
is 'all succeeded: summary' "$(masked out | grep -v 'slowest')" 'demo: finished: all tasks succeeded
  tasks             12: 12 succeeded, 0 failed
  makespan          N (N before the first task, N in all)
  slot utilisation  N of 2 slots
  throughput        N in N chunks (adaptive)
  task time         mean N, longest N, CPU in all N
  largest memory    N of a task
  outputs           N in demo.runs/001
  read them with    amorsize-mpi output demo.runs/001'
check 'five slowest tasks' test "$(grep slowest out | tr -cd , | wc -c)" = 4
seq 12 >expected
try amorsize-mpi output demo
check 'outputs in task order' cmp out expected
try amorsize-mpi output demo.runs --task 11
is 'one output' "$(cat out)" 12
try amorsize-mpi output demo.runs/001 --task 12
tried 'output of no task' 2 '' 'amorsize-mpi: there is no task 12: the run has tasks 0 to 11
amorsize-mpi: see amorsize-mpi output --help'
try amorsize-mpi status demo
is 'status: exit status' "$status" 0
is 'status' "$(masked out | sed 's/on .*/on HOST/; /so far/d; /throughput/d; /utilisation/d')" 'demo: finished, N
  tasks             12 of 12 done: 12 succeeded, 0 failed
  left              0 tasks, 0 running now
  launch            1 on HOST
  run directory     demo.runs/001'
try amorsize-mpi watch demo
tried_like 'watch of an ended run shows its status' 0 '^demo: finished, 100 %$' ''
try amorsize-mpi stop demo
tried_like 'stop of an ended run' 2 '' "^amorsize-mpi: demo\.runs/001 isn't running"
try amorsize-mpi resume demo
tried_like 'resume of a finished run does nothing, and well' 0 '^  this launch       0 tasks, launch number 2$' ''
try amorsize-mpi output demo
check 'and keeps the outputs' cmp out expected
try amorsize-mpi run --quiet --name demo --command 'echo {n}' --for n=1
check 'a second run gets the next number' test -d demo.runs/002
try amorsize-mpi output demo
is 'a name means the latest run' "$(cat out)" 1

# A run may go on with other cores than it began with
fresh
try amorsize-mpi run --quiet --name moved --command 'test -e ready && echo {n} {slot} {threads}' --for n=1..6 --slots 2 --policy ss
is 'a run that goes on elsewhere: begins' "$status" 1
touch ready
try amorsize-mpi resume moved --slots none --policy swift --retry-failed
tried_like 'resume --slots none' 2 '' '^--slots none: plan\.slots_per_rank: '
check 'resume --policy swift: told as well' grep -q '^--policy swift: chunks.policy: ' err
try amorsize-mpi resume moved --slots 3 --threads 2 --policy static --retry-failed
tried_like 'resume --slots 3 --threads 2 --policy static' 0 ' of 3 slots' '6 tasks to run on 3 slots$'
check 'resume --policy static' grep -q '(static)' out
amorsize-mpi output moved >out 2>err
is 'resume --threads 2 --slots 3: tasks see it' "$(awk '$2 > 2 || $3 != 2 {bad = 1} END {print NR, bad + 0}' out)" '6 0'
check 'resume --slots: the plan says so' grep -q 'slots_per_rank: 3, threads_per_task: 2' moved.runs/001/plan.yaml
try amorsize-mpi run --quiet --name slow --slots 2 --set failures.timeout=100ms --command 'sleep 0.4; echo {n}' --for n=1..3
is 'a timeout that was too short' "$status $(grep -c '3 failed' out)" '1 1'
try amorsize-mpi resume --quiet slow --retry-failed --set failures.timeout=1m --set plan.slots_per_rank=3
tried_like 'resume --set: another one' 0 '3: 3 succeeded, 0 failed' ''
try amorsize-mpi resume slow --set tasks.for.n=7
tried_like 'resume --set: tasks stay as they are' 2 '' '--set tasks.for.n: a run keeps the tasks that it began with'
try amorsize-mpi resume slow --set failures.timout=1m
tried_like 'resume --set: errors are told' 2 '' 'unknown key.*failures.timout.*did you mean .*failures.timeout'
try amorsize-mpi resume moved
is 'resume without: the recorded description holds' "$(sed -n 's/.* on \(.*\) slots$/\1/p' err)" 2

# Failures
fresh
try amorsize-mpi run --quiet --name some --command 'test {n} -ne 3' --for n=0..5 --slots 1
is 'one failed: exit status' "$status" 1
is 'one failed: what is said' "$(grep -E 'some:|failed|said|again' out)" 'some: finished: 1 of 6 tasks failed
  tasks             6: 5 succeeded, 1 failed
  failed task       3
  what failed       amorsize-mpi tasks some.runs/001 --failed
  what it said      amorsize-mpi output some.runs/001 --task 3 --both
  try them again    amorsize-mpi resume some.runs/001 --retry-failed'
try amorsize-mpi tasks some --failed --commands
is 'tasks --failed: rows' "$(awk 'NR > 1 { print $1, $2, $3, $4, $5 }' out)" '3 failed 1 - 1'
check 'tasks --failed: command' grep -q 'test 3 -ne 3$' out
try amorsize-mpi tasks some
is 'tasks: one row each' "$(awk '{ print $1 }' out | tr '\n' ' ')" 'index 0 1 2 3 4 5 '
try amorsize-mpi tasks some --limit 2
is 'tasks --limit' "$(wc -l <out | tr -d ' ')" 3
fresh
try amorsize-mpi run --quiet --name again --command 'test -e ready && echo {n}' --for n=1..4
touch ready
try amorsize-mpi resume --quiet again
tried_like 'resume leaves failed tasks alone' 1 '^  this launch       0 tasks' ''
try amorsize-mpi resume --quiet again --retry-failed
tried_like 'resume --retry-failed runs them' 0 '^  this launch       4 tasks' ''
try amorsize-mpi output again
is 'their outputs replace the old ones' "$(cat out)" "$(seq 4)"
try amorsize-mpi tasks again --failed
tried 'nothing failed any more' 0 '' 'amorsize-mpi: no task has failed'

# Standard error, headers, order
fresh
try amorsize-mpi run --quiet --name two --command 'echo out {n}; echo err {n} >&2; exit {n}' --for n=0..2
try amorsize-mpi output two --stderr
is 'output --stderr' "$(cat out)" 'err 0
err 1
err 2'
try amorsize-mpi output two --both --headers
is 'output --both --headers' "$(cat out)" '==> task 0 <==
out 0
err 0
==> task 1, exit 1 <==
out 1
err 1
==> task 2, exit 2 <==
out 2
err 2'
try amorsize-mpi output two --failed
is 'output --failed' "$(cat out)" 'out 1
out 2'
try amorsize-mpi output two --task 0 --failed
tried 'output of a task that has not failed' 2 '' 'amorsize-mpi: task 0 has not failed'

# Ways in
fresh
printf 'echo one\n\n# comment\necho two | tr a-z A-Z\nprintf "%%s\\n" "a  b"' >lines
try amorsize-mpi run --quiet --name l --lines lines
try amorsize-mpi output l
is '--lines' "$(cat out)" 'one
TWO
a  b'
amorsize-mpi run --quiet --name s --lines - <lines >out 2>err
try amorsize-mpi output s
is '--lines from standard input' "$(cat out)" 'one
TWO
a  b'
printf 'job: piped\ntasks:\n  command: echo {a} {b}\n  for: {a: [x, y], b: {range: [0, 1, 0.5]}}\n' | amorsize-mpi run --quiet - >out 2>err
try amorsize-mpi output piped
is 'a description from standard input' "$(cat out)" 'x 0.0
x 0.5
x 1.0
y 0.0
y 0.5
y 1.0'
printf 'n,word\n1,"a, b"\n2,"say ""hi"""\n' >t.csv
printf 'tasks: {command: "echo {n} {word}", csv: t.csv}\n' >c.yaml
try amorsize-mpi run --quiet c.yaml
try amorsize-mpi output c
is 'a csv table' "$(cat out)" '1 a, b
2 say "hi"'
mkdir -p data/sub elsewhere && echo hello >data/b.txt && echo world >data/sub/a.txt
cat >keys.yaml <<'Y'
job: keys
tasks:
  command: cat; pwd; echo $WORD $AMORSIZE_TASK_INDEX $OMP_NUM_THREADS; exit 7
  for: {file: {glob: "data/**/*.txt"}}
  env: {WORD: "{file:stem}"}
  workdir: elsewhere
  stdin: "../{file}"
  ok_exit: [0, 7]
Y
try amorsize-mpi run --quiet keys.yaml
is 'env, workdir, stdin, ok_exit: exit status' "$status" 0
try amorsize-mpi output keys
is 'env, workdir, stdin, ok_exit: output' "$(cat out)" "hello
$PWD/elsewhere
b 0 1
world
$PWD/elsewhere
a 1 1"
cat >creates.yaml <<'Y'
tasks:
  command: touch {n}.done
  for: {n: [1, 2, 3]}
  creates: "{n}.done"
Y
touch 2.done
try amorsize-mpi run --quiet creates.yaml
tried_like 'creates: what exists is skipped' 0 '^  tasks             3: 2 succeeded, 1 skipped \(done already\), 0 failed$' ''
try amorsize-mpi tasks creates
is 'creates: told as skipped' "$(awk '{ print $2 }' out | tr '\n' ' ')" 'status succeeded skipped succeeded '
try amorsize-mpi run --quiet --name threads --command 'echo {threads} {slot} $OMP_NUM_THREADS' --for n=1 --threads 3
try amorsize-mpi output threads
is '--threads' "$(cat out)" '3 0 3'
mkdir in
try amorsize-mpi run --quiet --name there --runs-in in --command true
check '--runs-in' test -f in/there.runs/001/run.db
try amorsize-mpi output in/there.runs
is 'and found there' "$status" 0
try amorsize-mpi run --quiet --name retried --command 'echo x >>tries; test $(wc -l <tries) -ge 3' --set failures.retries=5 --set failures.backoff=1ms
tried_like 'failures.retries' 0 'attempts repeated: 2' ''
try amorsize-mpi run --quiet --name slow --command 'sleep 60' --set failures.timeout=50ms
is 'failures.timeout' "$status" 1
try amorsize-mpi tasks slow
is 'failures.timeout: told as such' "$(awk 'NR == 2 { print $2 }' out)" timed_out
try amorsize-mpi run --quiet --name much --command false --for n=1..50 --slots 1 --policy ss --set failures.stop_after=3
tried_like 'failures.stop_after' 1 '^much: stopped because of too many failures.*: [0-9]+ of 50 tasks not run$' ''
check 'and it can be resumed' grep -q '^  go on with        amorsize-mpi resume much.runs/001$' out
try amorsize-mpi run --quiet --name quiet --command 'echo {n}' --for n=1..3 --set output.stdout=discard
is 'output.stdout: discard' "$status" 0
try amorsize-mpi output quiet
tried 'output.stdout: discard: there is nothing to print' 0 '' ''

# Tasks are as if started from a shell
fresh
try amorsize-mpi run --quiet --name pipe --command 'yes | head -n 1'
try amorsize-mpi output pipe --both
is 'SIGPIPE does what it does elsewhere' "$(cat out)" y
try amorsize-mpi run --quiet --name stdin --command 'cat; echo done'
try amorsize-mpi output stdin
is 'no input by default' "$(cat out)" 'done'
if [ -d /proc/self/fd ]; then
  try amorsize-mpi run --quiet --name fds --command 'ls /proc/self/fd'
  try amorsize-mpi output fds
  is 'no descriptors of ours (the fourth is of ls itself)' "$(tr '\n' ' ' <out)" '0 1 2 3 '
else
  skip 'no descriptors of ours' 'no /proc'
fi

# Dry runs
fresh
try amorsize-mpi run --dry-run --name dry --command 'touch started; echo {x}' --for "x=a b,it's,c,d,e" --slots 3
sed -i 's/on [0-9]* core.*/on CORES/' out
tried 'dry run' 0 "dry: 5 tasks; a dry run, nothing is started
  layout           1 rank, 3 slots, 1 thread per task, on CORES
  policy           adaptive
  task 0           touch started; echo 'a b'
  task 1           touch started; echo 'it'\''s'
  task 2           touch started; echo 'c'
  …
  task 4           touch started; echo 'e'" ''
no_run 'dry run: nothing was started'
try amorsize-mpi run --dry-run --command 'echo {n}' --for n=1..1000000000
tried_like 'a dry run of 10^9 tasks' 0 '^  task 999999999 +echo 1000000000$' ''
no_run 'and it made nothing'
try amorsize-mpi check --command 'cat {f}' --for "f=-x,a b" --show 0,1
tried 'check --show' 0 "0  cat -x
1  cat 'a b'" ''
try amorsize-mpi check --command 'cat {f}' --for f=a,b --show 2
tried 'check --show of no task' 2 '' 'amorsize-mpi: --show: there is no task 2: the job has tasks 0 to 1
amorsize-mpi: see amorsize-mpi check --help'
try amorsize-mpi check --command 'cat {f}' --for f=a,b --show x
tried 'check --show of nonsense' 2 '' 'amorsize-mpi: --show: expected task numbers like 0, 0,5,7 or 10..20, got "x"
amorsize-mpi: see amorsize-mpi check --help'
try amorsize-mpi check --command 'cat {f}' --for f=a,b --slots 2
is 'check' "$(sed 's/on [0-9]* core.*/on CORES/' out)" 'cat: 2 command tasks
  names    f
  slots    2 of 1 thread each, on CORES
  policy   adaptive'

# Longest first, by sizes as they were when the run began
fresh
printf '%s\n' 'job: heavy' 'tasks:' '  command: echo {f} >>order; test -e go' '  for: {f: [a, b, c, d]}' '  weight: {size_of: f}' >heavy.yaml
printf 1 >a; printf 333 >b; printf 22 >c; printf 333 >d
try amorsize-mpi run --quiet --slots 1 heavy.yaml
is 'weights: the largest file first, then as written' "$(paste -s -d ' ' order)" 'b d c a'
printf 55555 >a; rm order; touch go
try amorsize-mpi resume --quiet --retry-failed heavy
is 'weights: a resumed run knows the sizes that it began with' "$status $(paste -s -d ' ' order)" '0 b d c a'
try amorsize-mpi run --quiet --slots 1 --command 'echo {n} >>numbers' --for n=1..20 --set 'tasks.weight="{n}"'
is 'weights: numbers of a column' "$(paste -s -d ' ' numbers)" "$(seq 20 -1 1 | paste -s -d ' ')"

# JSON
if have_jq; then
  fresh
  amorsize-mpi run --name j --command 'exit {n}' --for n=0..3 --format json >out 2>err
  is 'run: one object' "$(jq -s length out)" 1
  is 'run: the contract' "$(jq -c '[.run_dir, .tasks.total, .tasks.succeeded, .tasks.failed, .tasks.not_run, (.makespan_s > 0),
    (.total_s >= .makespan_s), (.efficiency > 0 and .efficiency <= 1), .predicted_s, .exit_status]' out)" \
    '["j.runs/001",4,1,3,0,true,true,true,null,1]'
  check 'run: progress is on standard error' grep -q '4 tasks to run' err
  amorsize-mpi tasks j --format json >out
  is 'tasks: the contract' "$(jq -c '.[2] | [.index, .status, .exit, .signal, .attempts, .rank, (.slot >= 0), (.start_s >= 0), (.wall_s > 0),
    (.cpu_s >= 0), (.max_rss_bytes > 0), (.node | length > 0)]' out)" '[2,"failed",2,null,1,0,true,true,true,true,true,true]'
  is 'tasks: ended by a signal' "$(amorsize-mpi run --quiet --name k --command 'kill -SEGV $$' >/dev/null
    amorsize-mpi tasks k --format json | jq -c '.[0] | [.status, .exit, .signal]')" '["failed",null,11]'
  amorsize-mpi tasks j --sort wall --format json >out
  is 'tasks --sort wall: longest first' "$(jq -c '[.[].wall_s] | . == (sort | reverse)' out)" true
  amorsize-mpi tasks j --sort start --format json >out
  is 'tasks --sort start' "$(jq -c '[.[].start_s] | . == sort' out)" true
  amorsize-mpi status j --format json >out 2>err
  is 'status as JSON' "$(jq -c '[.state, .tasks.total, .tasks.succeeded, .tasks.failed]' out)" '["finished",4,1,3]'
  amorsize-mpi run --dry-run --command 'echo {n}' --for n=1..10 --format json >out
  is 'dry run as JSON' "$(jq -c '[.dry_run, .tasks.total, .commands[-1].command]' out)" '[true,10,"echo 10"]'
  amorsize-mpi check --command 'echo {n}' --for n=1..10 --show 9 --format json >out
  is 'check --show as JSON' "$(jq -c . out)" '[{"index":9,"command":"echo 10"}]'
else
  skip 'JSON' 'no jq'
fi
done_testing

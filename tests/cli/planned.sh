#!/bin/sh
# Runs that plan themselves: from their first tasks, from what was known of them, or by a plan that they are given.
# shellcheck disable=SC2154
. "${top_srcdir:?}/tests/cli/lib.sh"

# How many slots a run begins with, and so how much of it is over when it has sampled, is a matter of cores: of this machine all but masks is told of.
HWLOC_SYNTHETIC='core:2 pu:1' cores=2
export HWLOC_SYNTHETIC
slots_of() { sed -n 's/^plan: .*slots_per_rank: \([0-9]*\).*/\1/p' "$1"; } # PLAN.YAML
plan_lines() { sed -n '/^  plan  /,/^  numbers /p' "$1"; }                 # what was told of the plan
each_once() { is "$1" "$(sort -n "$2")" "$(seq "$3")"; }                   # NAME LOG N

# ---- tasks that wait: more slots than cores
fresh
try amorsize-mpi run --name nap --command 'sleep 0.2; echo {n} >>log' --for n=1..700
tried_like 'tasks that sleep' 0 '^  predicted  ' '^  plan +1 node × 1 rank × [0-9]+ slot'
check 'get more slots than there are cores' test "$(slots_of nap.runs/001/plan.yaml)" -gt "$cores"
check 'the plan is told in at most six lines' test "$(plan_lines err | wc -l)" -le 6
check 'with where its numbers come from' grep -q '^  numbers .*tasks sampled, nodes assumed; amorsize-mpi node would sharpen them' err
each_once 'and nothing ran twice' log 700
check 'the sample is kept' test -s nap.runs/001/sample.json
foreseen='prediction: \{makespan: [0-9.]+s, low: [0-9.]+s, high: [0-9.]+s, tasks: 700, slots: [0-9]+, threads: 1'
foreseen="$foreseen, task: (0[.][2-9]|[1-9])[0-9.]*s, task_stddev: [0-9.]+s\\}" # beside other work, nobody sleeps exactly 0.2 s
check 'plan.yaml has what was foreseen' grep -Eqx "$foreseen" nap.runs/001/plan.yaml
check 'status.json, too' grep -q '"prediction_at_a_tenth"' nap.runs/001/status.json

fresh
try amorsize-mpi run --name nap --quiet --format json --command 'sleep 0.2' --for n=1..600
if have_jq; then
  is 'json: the prediction with its interval' "$(jq '.predicted_s > 0 and .predicted_s == .prediction.makespan_s
    and .prediction.interval_s[0] <= .predicted_s and .predicted_s <= .prediction.interval_s[1]' out)" true
  is 'json: what sampling and planning cost' "$(jq '.planning | .cpu_s > 0 and .idle_slot_s >= 0 and .share >= 0 and .share < 1' out)" true
else skip 'json: the prediction with its interval' 'no jq'; fi
is '--quiet: no plan is told' "$(grep -c '^  plan ' err)" 0
try amorsize-mpi run --name nap --quiet --format json --slots 2 --command 'true {n}' --for n=1..60
check 'json: nothing is spent on planning where nothing was sampled' grep -q '"planning": null' out

# ---- tasks that compute: their masks are what the plan said
fresh
unset HWLOC_SYNTHETIC
cores=$(run_cores)
try amorsize-mpi run --name spin --command 'sed -n s/^Cpus_allowed_list:.//p /proc/self/status; i=0; while [ $i -lt 40000 ]; do i=$((i+1)); done; : {n}' --for n=1..60
is 'tasks that compute' "$status" 0
amorsize-mpi output spin | sort -u >masks
most=$(slots_of spin.runs/001/plan.yaml)
[ "$most" -ge "$cores" ] || most=$cores # it begins with as many, until a plan says otherwise
check 'no more masks than slots' test "$(wc -l <masks)" -le "$most"
if [ "$(slots_of spin.runs/001/plan.yaml)" -le "$cores" ] && [ "$(wc -l <masks)" -gt 1 ]; then
  is 'and they do not overlap' "$(tr ',' '\n' <masks | sort | uniq -d)" ''
else skip 'and they do not overlap' 'only one slot was used, or slots share the cores'; fi

# ---- nothing to plan
fresh
HWLOC_SYNTHETIC='core:2 pu:1'
export HWLOC_SYNTHETIC
try env HWLOC_SYNTHETIC='core:16 pu:1' amorsize-mpi run --name tiny --command 'true {n}' --for n=1..20 # over soon, however long a start takes
is 'a small job runs at once' "$status $(grep -c '^  plan ' err)" '0 0'
try amorsize-mpi run --name fixed --slots 2 --command 'sleep 0.1; : {n}' --for n=1..20
is 'slots that are given: no plan' "$status $(grep -c '^  plan ' err) $(slots_of fixed.runs/001/plan.yaml)" '0 0 2'
try amorsize-mpi run --name off --set 'sample.tasks=[0, 0]' --command 'sleep 0.1; : {n}' --for n=1..20
is 'no sample, no plan' "$status $(grep -c '^  plan ' err)" '0 0'

# ---- all of the first tasks fail
fresh
try amorsize-mpi run --name bad --command 'echo "no {n}" >&2; echo {n} >>log; exit 3' --for n=1..100
tried_like 'all sampled tasks fail' 1 'stopped because of too many failures, all [0-9]+ sampled tasks failed' '^  \| no [0-9]+$'
check 'it stops early' test "$(wc -l <log)" -lt 50
check 'how to go on is told' grep -q 'amorsize-mpi resume bad.runs/001' out
try amorsize-mpi resume --quiet bad
is 'who goes on gets all of them run' "$status $(wc -l <log)" '1 100'
try amorsize-mpi run --quiet --name insist --set failures.stop_after=100% --command 'exit 3; : {n}' --for n=1..30
check 'who says how many may fail is heard' grep -q '30 failed' out
try amorsize-mpi run --quiet --name some --command 'case {n} in *[02468]) ;; *) exit 1 ;; esac' --for n=1..40
is 'some that fail end nothing' "$status $(grep -c 'tasks  *40: 20 succeeded, 20 failed' out)" '1 1'

# ---- a plan that is given
fresh
try amorsize-mpi plan --name job --no-history --command 'sleep 0.02; echo {n}' --for n=1..100 --write "a plan's file.yaml"
tried_like 'plan --write' 0 '^  plan ' "wrote .*; run a job by it with: amorsize-mpi run JOB --plan "
sed -i 's/slots_per_rank: [0-9]*/slots_per_rank: 3/; s/ slots: [0-9]*/ slots: 3/' "a plan's file.yaml"
try amorsize-mpi run --name job --command 'sleep 0.02; echo {n}' --for n=1..100 --plan "a plan's file.yaml"
tried_like 'run --plan' 0 'of 3 slots' '100 tasks to run on 3 slots'
check 'what it foresaw is held against the makespan' grep -q '^  predicted ' out
check 'the run keeps the plan' grep -q 'slots_per_rank: 3' job.runs/002/plan.yaml
try amorsize-mpi run --quiet --name job --command 'sleep 0.02; echo {n}' --for n=1..100 --plan "a plan's file.yaml" --slots 2
other="the plan foresaw what comes of 3 slots with 1 thread each, and the layout is another one now: its prediction isn't used"
tried_like 'options win over it' 0 'of 2 slots' "$other"
is 'what it foresaw of another layout is not held against the makespan' "$(grep -c '^  predicted ' out)" 0
for edit in 's/slots_per_rank: 3/slots_per_rank: 4/' 's/threads_per_task: 1/threads_per_task: 2/'; do
  sed "$edit" "a plan's file.yaml" >edited.yaml
  try amorsize-mpi run --quiet --name job --command 'sleep 0.02; echo {n}' --for n=1..100 --plan edited.yaml
  tried_like "an edited layout: $edit" 0 '' "$other"
  run=$(sed -n 's/^  read them with .* //p' out)
  is 'its prediction is neither told nor kept' "$(grep -c '^  predicted ' out)/$(grep -c prediction "$run/plan.yaml")" 0/0
done
try amorsize-mpi plan job.runs/001 --write -
tried_like 'plan --write -' 0 '^plan: \{nodes: 1' ''
try amorsize-mpi run --quiet --name job --command 'true {n}' --for n=1..40 --plan "a plan's file.yaml"
tried_like 'a plan of another number of tasks' 0 'of 3 slots' 'the plan was made for 100 tasks, and these are 40: its layout is used, its prediction isn.t'
is 'its prediction is not held against them' "$(grep -c '^  predicted ' out)" 0
sed 's/ranks_per_node: 1/ranks_per_node: 2/' "a plan's file.yaml" >two.yaml
try amorsize-mpi run --name job --command 'true {n}' --for n=1..40 --plan two.yaml --dry-run
tried_like 'a plan for two ranks' 0 'layout +2 ranks, 3 slots, 1 thread per task' ''
try amorsize-mpi run --name job --command 'true {n}' --for n=1..40 --plan two.yaml --ranks 3 --dry-run
tried_like 'an option wins over it' 0 'layout +3 ranks, 3 slots' ''
sed 's/{nodes: 1/{nodes: 900000/; s/ranks_per_node: 1/ranks_per_node: 900/' "a plan's file.yaml" >many.yaml
try amorsize-mpi run --command 'true {n}' --for n=1..9 --plan many.yaml
tried_like 'more ranks than anybody has' 2 '' 'many.yaml: 810000000 ranks; at most 4194303 can be launched'
printf 'plan: {slots_per_rank: many, slot: 3}\nchunk: 3\nprediction: {makespan: 1s, low: 3s, high: 2s}\n' >bad.yaml
try amorsize-mpi run --command 'true {n}' --for n=1..9 --plan bad.yaml
tried 'errors in it' 2 '' 'bad.yaml:1:24: plan.slots_per_rank: expected a whole number or auto, got "many"
bad.yaml:1:30: unknown key "plan.slot"
bad.yaml:2:1: unknown key "chunk": a plan has plan, chunks and prediction
bad.yaml:3:13: prediction: low is more than high
amorsize-mpi: 4 errors in the job description; nothing was started'
: >empty.yaml
try amorsize-mpi run --command 'true {n}' --for n=1..9 --plan empty.yaml
tried_like 'nothing in it' 2 '' 'empty.yaml: empty: a plan has at least plan:'
try amorsize-mpi run --command 'true {n}' --for n=1..9 --plan missing.yaml
tried_like 'no such file' 2 '' 'missing.yaml: No such file'

# ---- interrupted while it samples: what it has seen isn't sampled again
indexes() { grep -o '"index": *[0-9]*' | grep -o '[0-9]*$' | sort; }
begin_cut() { # the first ten tasks end, two wait at the gate
  fresh
  start amorsize-mpi run --no-history --name cut --set 'sample.tasks=[40, 80]' --set sample.time=1h --set sample.precision=0.9 --set plan.max_workers=2 \
    --command "echo {n} >>log; $(gate 10); sleep 0.1" --for n=1..120
  wait_for begun 12
}
counts_on() { # NAME: after `resume`, with the tasks in ./before seen by then
  is "$1: resume" "$status" 0
  indexes <cut.runs/001/sample.json >after
  is "$1: what was seen before counts" "$(comm -23 before after)" ''
  check "$1: so that fewer tasks are sampled" test "$(wc -l <after)" -lt "$((40 + $(wc -l <before)))"
}

begin_cut
drain INT
finish
is 'Ctrl-C while it samples' "$status" 75
seen=$(wc -l <log)
check 'before the plan' test "$seen" -lt 30
check 'what was seen is kept' test -s cut.runs/001/sample.json
indexes <cut.runs/001/sample.json >before
try amorsize-mpi resume --no-history cut
counts_on 'Ctrl-C while it samples'
each_once 'runs each task once' log 120

# ---- interrupted, and then its sample's time is over: what comes of a run that ends isn't planned
fresh
: >log
start env HWLOC_SYNTHETIC='core:3 pu:1' amorsize-mpi run --no-history --name late --set sample.time=100ms --set plan.max_workers=3 \
  --command "echo {n} >>log; $(gate 0); mkdir one || mkdir two || sleep 1; : {n}" --for n=1..400
wait_for begun 3
drain TERM
finish
is 'stopped, and the time of its sample is over' "$status $(wc -l <log)" '75 3'
is 'no plan is told' "$(grep -c '^  plan ' bg.err)" 0

begin_cut
kill -KILL "$pid"
finish
open_gate
check 'killed while it samples: nothing is kept' test ! -e cut.runs/001/sample.json
try amorsize-mpi resume --no-history cut
amorsize-mpi tasks --format json cut | grep '"launch": 1,' | indexes >before
is 'killed while it samples: what had ended is recorded' "$(wc -l <before)" 10
counts_on 'killed while it samples'

# ---- chunks that are dear: another policy takes over in mid-run, unless one was named
fresh
unset HWLOC_SYNTHETIC # what a node is known to cost is of this machine alone
AMORSIZE_CACHE_DIR=$here/dear
check 'a chunk takes half a second here' "$top_builddir/tests/cli/dear_node" 0.5 0.2
policy_of() { sed -n 's/^chunks: {policy: \([a-z0-9]*\)[,}].*/\1/p' dear.runs/001/plan.yaml; }
if [ "$(run_cores)" -ge 2 ]; then
  start amorsize-mpi run --no-history --name dear --set plan.max_workers=2 --command "echo {n} >>log; $(gate 100); sleep 0.05" --for n=1..200
  wait_for grep -q '^  plan  ' bg.err
  wait_for begun 102
  took=$(sed -n 's/^  plan .*, handed out by \([a-z0-9]*\):.*/\1/p' bg.err)
  check 'the plan is handed out by another policy' test -n "$took" -a "$took" != adaptive
  is 'which plan.yaml has' "$(policy_of)" "$took"
  drain INT
  finish
  is 'interrupted' "$status" 75
  try amorsize-mpi resume --no-history --quiet --format json --slots 2 dear
  is 'resume keeps it' "$status $(json out '.policy' | tr -d '"') $(policy_of)" "0 $took $took"
  each_once 'each task runs once, whoever hands it out' log 200
  fresh
  try amorsize-mpi run --no-history --name dear --set plan.max_workers=2 --policy gss --command 'sleep 0.05; : {n}' --for n=1..100
  is 'a policy that is named stays' "$status $(policy_of) $(grep -c 'chunks (gss)' out) $(grep -c 'handed out by' err)" '0 gss 1 0'
else skip 'another policy takes over in mid-run' 'one core only'; fi
AMORSIZE_CACHE_DIR=$top/cache
done_testing

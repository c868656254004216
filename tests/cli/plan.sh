#!/bin/sh
# Samples and plans: sampled tasks are results, a plan says what and why, and bad input is told, not believed.
# shellcheck disable=SC2154
. "${top_srcdir:?}/tests/cli/lib.sh"
AMORSIZE_CACHE_DIR=$top/cache
export AMORSIZE_CACHE_DIR

# json FILE EXPRESSION: true if the Python expression over d, the file's JSON, is
json() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); sys.exit(0 if eval(sys.argv[2]) else 1)' "$1" "$2"; }
have_python=false
command -v python3 >/dev/null 2>&1 && have_python=true
holds() { # NAME FILE EXPRESSION
  if $have_python; then check "$1" json "$2" "$3"; else skip "$1" 'no python3'; fi
}
indexes() { amorsize-mpi tasks "$1" | awk 'NR > 1 { print $1 }' | sort -n; }

# ---- a sample is the beginning of its run
fresh
try amorsize-mpi sample --name work --command 'echo {n}; echo {n} >>log' --for n=1..200 --slots 2
tried_like 'sample' 0 'task time +mean' ''
sampled=$(wc -l <log)
check 'it takes no more than max(50, a twentieth)' test "$sampled" -le 50
check 'and no fewer than 5' test "$sampled" -ge 5
is 'each sampled task is recorded' "$(indexes work | wc -l)" "$sampled"
holds 'sample.json: the keys of the contract' work.runs/001/sample.json \
  "d['tasks'] >= 3 and d['mean_s'] > 0 and d['cv'] >= 0 and d['kind'] in ('cpu-bound', 'mixed', 'I/O-bound', 'unknown')"
holds 'sample.json: as many observations as tasks ran' work.runs/001/sample.json "len(d['observations']) == $sampled and d['of_tasks'] == 200"
holds 'they are spread over the list' work.runs/001/sample.json \
  "min(o['index'] for o in d['observations']) < 60 and max(o['index'] for o in d['observations']) > 140"
try amorsize-mpi plan work
tried_like 'plan of a run' 0 'plan +1 node × 1 rank' ''
check 'it says how to go on' grep -qF 'amorsize-mpi resume work.runs/001 --slots ' out
is 'a plan of a run runs nothing' "$(wc -l <log)" "$sampled"
try sh -c "$(sed -n 's/^ *run it with: //p' out) --quiet"
is 'that very line runs the rest' "$status" 0
check 'and what would come of the rest was told: the sample is there' grep -q '^  predicted ' out
is 'no task ran twice' "$(sort -n log)" "$(seq 200)"
is 'all are recorded' "$(indexes work)" "$(seq 0 199)"
try amorsize-mpi plan work
tried_like 'nothing is left: the whole is planned' 0 'predicted' 'all tasks have been run; this is what all of them would take'
is 'and nothing is said of running it' "$(grep -c 'run it with' out)" 0

# ---- a plan in full
fresh
try amorsize-mpi plan --name nap --command 'sleep 0.0{n}' --for n=10..40 --for k=1..9 --explain
is 'plan of a job' "$status" 0
for section in 'Workload analysis' 'System resources' 'Optimization decision' 'Performance prediction' 'Rejected alternatives' 'Active constraints' \
  'Recommendations'; do
  check "explain: $section" grep -qx "$section" out
done
try amorsize-mpi plan nap --format json
cp out plan.json
holds 'the contract of plan: layout' plan.json \
  "all(d['layout'][k] >= 1 for k in ('nodes', 'ranks_per_node', 'slots_per_rank', 'threads_per_task'))"
holds 'the contract of plan: chunk, prediction' plan.json \
  "d['chunk']['policy'] and d['prediction']['interval_s'][0] <= d['prediction']['makespan_s'] <= d['prediction']['interval_s'][1] and d['prediction']['speedup'] > 0 and d['prediction']['efficiency'] > 0"
holds 'the contract of plan: constraints, rejected' plan.json "isinstance(d['constraints'], list) and isinstance(d['rejected'], list)"
holds 'what is assumed says so' plan.json "d['costs']['launch_base_s']['source'] == 'assumed' and d['costs']['gap_s']['source'] == 'sampled'"

# ---- other nodes, a batch script
amorsize-mpi node --fast --topology 'pack:2 [numa(memory=64GB)] core:8 pu:2' --format json >big.json 2>/dev/null
try amorsize-mpi plan nap --node big.json --nodes 4 --ranks-per-node 2 --set plan.goal=time --sbatch job.sh --format json
is 'sbatch: status' "$status" 0
check 'sbatch: asks for the plan' sh -c 'grep -q "^#SBATCH --nodes=[1-4]$" job.sh && grep -q "^#SBATCH --ntasks-per-node=2$" job.sh && grep -q "^#SBATCH --time=[0-9-]*[0-9:]*$" job.sh'
check 'sbatch: runs the run' grep -q '^exec amorsize-mpi resume nap.runs/001 --ranks "$((2 \* SLURM_JOB_NUM_NODES))" --slots [0-9]* --threads 1\( --policy [a-z0-9]*\)\{0,1\}\( --set chunks.target=[0-9.]*s\)\{0,1\}$' job.sh
check 'sbatch: bash takes it' bash -n job.sh
if command -v shellcheck >/dev/null 2>&1; then check 'sbatch: shellcheck finds nothing' shellcheck job.sh; else skip 'sbatch: shellcheck finds nothing' 'no shellcheck'; fi
try amorsize-mpi plan nap --sbatch -
tried_like 'sbatch to standard output, and nothing else' 0 '^#!/bin/bash' ''
is 'its first line' "$(head -n 1 out)" '#!/bin/bash'
# A job has the PATH of who submits it: whoever is called by a path isn't on it, or another one is.
built=$(readlink -f "$(command -v amorsize-mpi)")
mkdir other && printf '#!/bin/sh\nexit 9\n' >other/amorsize-mpi && chmod +x other/amorsize-mpi
for path in /usr/bin:/bin "$PWD/other:$PATH" "other:/usr/bin:/bin"; do
  try env PATH="$path" "$built" plan nap --sbatch -
  check "sbatch: is called by its path, with a PATH of $(echo "$path" | cut -c 1-20)" grep -Eq "^exec '?$built'? resume" out
done
mkdir 'a b' && ln -s "$built" 'a b/amorsize-mpi'
try env PATH="/usr/bin:$PWD/a b" "$built" plan nap --sbatch -
check 'sbatch: is called by its name where PATH leads to it' grep -q '^exec amorsize-mpi resume' out
try amorsize-mpi plan nap --sbatch missing/job.sh
tried_like 'a script that cannot be written' 3 '' 'cannot write missing/job.sh: No such file'
long=$(printf '%0255d' 0)
try amorsize-mpi plan nap --sbatch "$long"
check 'a script whose name is as long as names can be' [ "$status" = 0 -a -s "$long" ]
# shellcheck disable=SC2016 # by that shell, whose number the program keeps
try sh -c 'for i in "left.sh.$$" ".amorsize-mpi-$$-0"; do echo old >"$i"; done; exec amorsize-mpi plan nap --sbatch left.sh'
check 'a script beside what a killed process of the same number has left' [ "$status" = 0 -a -s left.sh ]
check 'what was left is not touched' [ "$(cat left.sh.[0-9]* .amorsize-mpi-*-0)" = "$(printf 'old\nold')" ]

try amorsize-mpi plan nap --set plan.nodes=3 --sbatch -
check 'as many nodes as the description says, where nobody else does' grep -qx '#SBATCH --nodes=3' out
try amorsize-mpi plan nap --set plan.nodes=3 --nodes 2 --explain
tried_like 'no more than there are' 0 'nodes: 3 were given, and 2 are there' ''
try amorsize-mpi plan nap --node big.json --slots 16 --set resources.memory=32GiB --format json
cp out given.json
holds 'slots that were given are held to memory' given.json \
  "d['layout']['slots_per_rank'] == 2 * 64 * 10**9 * 8 // 10 // (32 << 30) and any(c['what'] == 'memory' and c['lifted_by'] for c in d['constraints'])"
holds 'JSON tells of the nodes, the goal and what was sought' given.json \
  "d['nodes'][0]['cores'] == 16 and d['nodes'][0]['nodes'] >= 1 and d['goal']['seek'] == 'time' and d['serial_s'] > 0"
try amorsize-mpi plan nap --slots 2 --set plan.goal=efficiency --set plan.efficiency=1
tried_like "an efficiency that can't be had" 0 '^  limited by +efficiency: [0-9.]+ % instead of 100.0 %: most is lost to ' ''

# ---- nodes that differ
amorsize-mpi node --fast --topology 'pack:1 [numa(memory=64GB)] core:8 pu:1' --format json >small.json 2>/dev/null
try amorsize-mpi plan nap --node big.json:4 --node small.json:2 --ranks-per-node 1 --format json
cp out kinds.json
holds 'two kinds: a class each, with what fits there' kinds.json \
  "sum(c['nodes'] for c in d['layout']['classes']) == d['layout']['nodes'] and all(c['slots_per_rank'] <= max(c['cores'], d['layout']['slots_per_rank']) for c in d['layout']['classes']) and sum(c['nodes'] * c['ranks_per_node'] * c['slots_per_rank'] for c in d['layout']['classes']) == d['slots']"
try amorsize-mpi plan --name spin --command 'true {n}' --for n=1..3000000 --node big.json:4 --node small.json:2 --set plan.ranks_per_node=1 --set plan.max_workers=9999 \
  --sample nap.runs/001/sample.json --explain --sbatch kinds.sh
is 'two kinds, many tasks: status' "$status" 0
if grep -q ', at most' out; then
  check 'two kinds, many tasks: said by kind' grep -Eq '^    of them +[0-9]+ × (8|16) cores' out
  check 'two kinds: whole nodes are asked for' grep -qx '#SBATCH --exclusive' kinds.sh
  check 'two kinds: each rank chooses its slots' sh -c '! grep -q -e --slots kinds.sh && grep -q "^# The nodes differ" kinds.sh'
else
  check 'two kinds, many tasks: all slots alike' grep -q 'layout' out
fi
try amorsize-mpi plan nap --node big.json:4 --node small.json --nodes 3
tried_like 'counted twice' 2 '' 'it is told with the profiles already how many nodes there are'
try amorsize-mpi plan nap --node big.json:4 --node small.json:2 --set resources.memory=1TiB
tried_like 'two kinds, and nothing fits on either: why, and what would do' 3 '' 'not one task fits: it needs 1.0 TiB, and 80 % of 119.2 GiB are for tasks; larger nodes, or plan.memory: ignore'
try amorsize-mpi plan nap --node big.json:99999999
tried_like 'too many' 2 '' 'at most 1000000 nodes'
printf '{"nodes": 3, "types": [{"each": [{"host": "a"}, {"host": "b", "slower_at": "computing", "slower_by": 0.5}], "profile": ' >survey.json
{ cat small.json; printf '}, {"each": [{"host": "c"}], "profile": '; cat big.json; printf '}], "failed": []}'; } >>survey.json
try amorsize-mpi plan nap --node survey.json --format json
cp out survey.out
holds 'what node tells of a launch: two types, and a slow node' survey.out \
  "sum(c['nodes'] for c in d['layout']['classes']) == d['layout']['nodes'] <= 3 and all(c['speed'] in (1, 0.5) for c in d['layout']['classes'])"
try amorsize-mpi plan nap --node survey.json:4
tried_like 'a launch is counted already' 2 '' 'the file tells of several nodes'
try amorsize-mpi plan nap
tried_like 'assumed values: said' 0 '^  mind +what this node can do is assumed; amorsize-mpi node measures it' ''
try amorsize-mpi plan nap --node big.json
is 'of a profile that was given, nothing is said' "$(grep -c '^  mind' out)" 0

# ---- values that mean harm
fresh
try amorsize-mpi plan --name nap --command 'true {n}' --for n=1..200 --set 'slurm.partition=a b$(touch pwned)' --sbatch -
check 'a value with blanks stays a word' grep -qx '#SBATCH --partition=a_b$(touch_pwned)' out

# ---- memory
fresh
printf 'job: big\ntasks: {command: "true {n}", for: {n: {range: [1, 5000]}}}\nresources: {memory: 900TiB}\n' >job.yaml
try amorsize-mpi plan job.yaml
tried_like 'not one task fits: there is nothing to sample' 3 '' 'each task needs 900(\.0)? TiB .*are for tasks here'
try amorsize-mpi plan job.yaml --set plan.memory=ignore
is 'ignored: it is planned' "$status" 0
try amorsize-mpi plan big
is 'a run is planned with the settings that it was begun with' "$status" 0
try amorsize-mpi plan big --set plan.memory=respect
tried_like 'and with those that are given beside it' 3 '' 'not one task fits: it needs 900.0 TiB'
try amorsize-mpi plan big --slots 1 --set plan.max_workers=auto
tried_like 'also by short forms' 0 '^  plan +1 node × 1 rank × 1 slot$' ''
try amorsize-mpi plan big --set tasks.command=true
tried_like 'but a run keeps its tasks' 2 '' '--set tasks.command: a run keeps the tasks that it began with'
try amorsize-mpi plan big --command true
tried_like 'whichever way others are given' 2 '' 'big.runs/001 is a run, and has its tasks'
try amorsize-mpi plan big --set plan.goal=tme
tried_like 'errors in them are told' 2 '' 'plan.goal: expected one of time, efficiency, deadline, got "tme"'
mkdir none && amorsize-mpi run --quiet --name none --command true --set 'sample.tasks=[0, 0]' >out 2>err
try amorsize-mpi plan none
tried_like 'a run without a sample, and a folder of its name' 2 '' 'none.runs/001 holds no sample'
sed 's/"job": "[a-z]*"/"job": "small"/' big.runs/001/sample.json >small.json
try amorsize-mpi plan job.yaml --set plan.memory=ignore --sample small.json
tried_like "another job's sample" 0 '^  plan ' 'warning: small.json was taken of the job small, and is used for big'

# ---- tasks that differ, by columns: their means count, and threads of theirs tell nothing of what threads bring
fresh
printf 'n,t,m\n' >table.csv
for i in 1 2 3 4 5 6 7 8; do printf '%s,1,1GiB\n%s,3,7GiB\n' "$i" "$i" >>table.csv; done
printf 'job: cols\ntasks: {command: "true {n}", csv: table.csv}\nresources: {threads: "{t}", memory: "{m}"}\nplan: {memory: ignore}\n' >job.yaml
HWLOC_SYNTHETIC='core:4 pu:1' amorsize-mpi sample job.yaml >out 2>err
amorsize-mpi node --fast --topology 'pack:1 [numa(memory=64GB)] core:16 pu:1' --format json >mid.json 2>/dev/null
try amorsize-mpi plan cols --node mid.json --set plan.memory=respect --explain
tried_like 'columns: planned by their means' 0 'counted with 2 threads and 4.0 GiB each, their mean; a run starts each as it fits' ''
check 'columns: no law of threads is made of other tasks' sh -c '! grep -q Amdahl out'

# ---- failing tasks
fresh
try amorsize-mpi sample --name bad --slots 2 --command 'echo no {n} >&2; exit 3' --for n=1..100
tried_like 'all sampled tasks fail' 1 '' 'all [0-9]+ sampled tasks failed: nothing is known of their time'
check 'the first one and its own words are shown' sh -c 'grep -Eq "task [0-9]+ was the first to fail: exit status 3" err && grep -Eq "^  \| no [0-9]+$" err'
check 'what to look at is named' grep -Eq 'amorsize-mpi output bad.runs/001 --task [0-9]+ --both' err
check 'it stops early' test "$(indexes bad | wc -l)" -lt 20
try amorsize-mpi plan bad
check 'there is no plan without a sample' test "$status" -ne 0

# ---- bad files
fresh
echo '{"format": 1, "job": "x"}' >half.json
try amorsize-mpi plan --command true --for n=1..9 --sample half.json
tried_like 'half a sample' 2 '' 'half.json: one of job, host, of_tasks, slots, threads is missing'
echo 'no json' >no.json
try amorsize-mpi plan --command true --for n=1..9 --sample no.json
tried_like 'no JSON' 2 '' 'no.json: line 1: '
head='{"format": 1, "job": "x", "host": "h", "of_tasks": 9, "slots": 1, "threads": 1, "observations": ['
row='"weight": 0, "threads": 1, "busy": 1, "failed": true, "wall_s": 1, "cpu_s": 1, "max_rss_bytes": 1, "output_bytes": 0}'
echo "$head]}" >none.json
try amorsize-mpi plan --command true --for n=1..9 --sample none.json
tried_like 'a sample of nothing' 2 '' 'none.json: no task was sampled: nothing is known of their time'
echo "$head{\"index\": 3, $row, {\"index\": 8, $row]}" >failed.json
try amorsize-mpi plan --command true --for n=1..9 --sample failed.json
tried_like 'a sample of failures' 2 '' 'failed.json: all 2 sampled tasks failed: nothing is known of their time'
echo "$head{\"index\": 9, $row]}" >beyond.json
try amorsize-mpi plan --command true --for n=1..9 --sample beyond.json
tried_like "a sample of tasks that its list hadn't" 2 '' 'beyond.json: observations\[0\]: '
no_run 'none of them has started anything'
try amorsize-mpi plan --command true --for n=1..9 --sample missing.json
tried_like 'no file' 3 '' 'missing.json'
try amorsize-mpi plan --command 'true {n}' --for n=1..9 --node no.json
tried_like 'a profile that is none' 2 '' 'no.json: '
try amorsize-mpi plan nowhere
tried_like 'neither job nor run' 2 '' 'nowhere: No such file'

# ---- interrupted
fresh
start amorsize-mpi sample --name slow --command "echo {n} >>log; $(gate 0)" --for n=1..100 --slots 1 --set sample.time=1h
wait_for begun 1
drain INT
finish
is 'Ctrl-C: exit status' "$status" 75
check 'and how to go on' grep -q 'amorsize-mpi resume slow.runs/001' bg.err
done_testing

#!/bin/sh
# Samples in depth: threads, weights, places, long tasks, what failing tasks say. What is timed is never asserted, what is done is.
# shellcheck disable=SC2016,SC2154
. "${top_srcdir:?}/tests/cli/lib.sh"

json() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); o=d.get("observations",[]); sys.exit(0 if eval(sys.argv[2]) else 1)' "$1" "$2"; }
have_python=false
command -v python3 >/dev/null 2>&1 && have_python=true
holds() { # NAME FILE EXPRESSION
  if $have_python; then check "$1" json "$2" "$3"; else skip "$1" 'no python3'; fi
}

# ---- threads: tasks say what they were given, and on how many CPUs they may run
fresh
# On two units of different cores, wherever we are: then two threads are the most, and a core is one unit.
two=$(our_cores | head -n 2 | paste -s -d ,)
on_two() { try taskset -c "$two" "$@"; }
if [ "$(run_cores taskset -c "$two")" = 2 ]; then
  cat >told.sh <<'TASK'
#!/bin/sh
echo "$1 $OMP_NUM_THREADS $(grep Cpus_allowed_list /proc/self/status | tr -d '\t')" >>told
sleep 0.05
TASK
  chmod +x told.sh
  on_two amorsize-mpi sample --name threads --command './told.sh {threads}' --for n=1..200 --set resources.threads=auto --set sample.tasks='[5, 12]' --set sample.time=20s
  tried_like 'threads are tried' 0 'threads +[0-9]+ % of a task is serial' ''
  check 'with one and with two' sh -c 'grep -q "^1 1 " told && grep -q "^2 2 " told'
  is 'OMP_NUM_THREADS is what {threads} is' "$(awk '$1 != $2' told)" ''
  check 'one thread has one core, two have two' sh -c 'grep "^1 1 " told | grep -qvE "[-,]" && ! grep "^2 2 " told | grep -qvE "[-,]"'
  holds 'the sample tells which had which' threads.runs/001/sample.json "{1, 2} <= {x['threads'] for x in o} and d['threads_seen'][0]['threads'] == 1 and d['threads'] == 1"
  holds 'a few of each, no more' threads.runs/001/sample.json "3 <= sum(x['threads'] == 2 for x in o) and len(o) < 100"
  is 'no task ran twice' "$(wc -l <told)" "$(amorsize-mpi tasks threads | awk 'NR > 1' | wc -l)"
  try amorsize-mpi plan threads --explain
  tried_like 'the plan knows both' 0 'threads +÷ [0-9.]+: [0-9]+ a task \(sampled' ''
  fresh
  on_two amorsize-mpi sample --name fixed --command 'echo {threads} >>told' --for n=1..50 --set sample.tasks='[5, 12]'
  is 'tasks that say nothing of threads have one' "$(sort -u told)" 1
  fresh
  if printf '#include <omp.h>\nint main(void) { double s = 0;\n#pragma omp parallel for reduction(+:s)\nfor (int i = 0; i < 20000000; i++) s += i * 0.5;\nreturn s < 0 || omp_get_max_threads() < 1; }\n' >omp.c && ${CC:-cc} -O1 -fopenmp omp.c -o omp 2>/dev/null; then
    on_two amorsize-mpi plan --name omp --command './omp' --for n=1..40 --set resources.threads=auto --set sample.time=20s --set sample.tasks='[5, 10]' --explain
    tried_like 'OpenMP: a plan' 0 'seen with 2: [0-9.]+ times as fast' ''
  else
    skip 'OpenMP: a plan' "${CC:-cc} can't compile OpenMP"
  fi
  fresh
  if command -v xz >/dev/null 2>&1; then
    seq 200000 >numbers
    on_two amorsize-mpi sample --name xz --command 'xz -T{threads} -1 --block-size=200KiB -c numbers >/dev/null' --for n=1..60 --set resources.threads=auto --set sample.time=20s \
      --set sample.tasks='[5, 10]'
    tried_like 'xz -T{threads}' 0 'seen with 2: [0-9.]+ times as fast' ''
  else
    skip 'xz -T{threads}' 'no xz'
  fi
else
  skip 'threads' 'there are no two cores for runs, or no taskset to choose them'
fi

# ---- weights: files of very different sizes, their copying takes a time that the size tells
fresh
for k in 1 2 3 4 5 6 7 8; do
  for n in 1 2 3; do head -c "$((k * k * 1000))" /dev/zero >"f$k-$n"; done
done
printf 'job: w\ntasks: {command: "n=$(wc -c <{f}); sleep $(printf 0.%%03d $((n / 300)))", for: {f: {glob: "f*"}}, weight: {size_of: f}}\nsample: {tasks: [5, 12], precision: 0.001}\n' >job.yaml
try amorsize-mpi sample job.yaml
is 'a weighted sample' "$status" 0
holds 'weights are kept with what was seen' w.runs/001/sample.json "sorted({x['weight'] for x in o})[0] >= 1000 and len({x['weight'] for x in o}) >= 4"
holds 'large and small ones are among them' w.runs/001/sample.json "max(x['weight'] for x in o) >= 36000 and min(x['weight'] for x in o) <= 9000"

# ---- a task that takes longer than sample.time is the begin of the run
fresh
try amorsize-mpi sample --name long --command 'sleep 1; echo {n} >>log' --for n=1..9 --slots 2 --set sample.time=200ms
is 'longer than sample.time' "$status" 0
ran=$(wc -l <log)
check 'what was begun has ended' test "$ran" -ge 1
is 'and is recorded' "$(amorsize-mpi tasks long | awk 'NR > 1' | wc -l)" "$ran"

# ---- tasks that run at the same time, longer than sample.time: nothing follows them, and they end one by one, the last one alone
fresh
: >log
try amorsize-mpi sample --name four --slots 4 --set sample.time=200ms --command 'echo {n} >>log
  for i in $(seq 2400); do [ "$(wc -l <log)" -ge 4 ] && break; sleep 0.05; done; sleep 1; until mkdir turn; do sleep 0.01; done; rmdir turn' --for n=1..4
is 'four at a time' "$status $(wc -l <log)" '0 4'
holds 'ran beside each other, though they ended one after the other' four.runs/001/sample.json "len(o) == 4 and min(x['busy'] for x in o) >= 2"

# ---- what failing tasks say
fresh
try amorsize-mpi sample --name bad --command 'i=0; while [ $i -lt 30 ]; do echo "line $i of {n}" >&2; i=$((i + 1)); done; exit 4' --for n=1..100
tried_like 'all fail' 1 '' 'first to fail: exit status 4'
is 'the last lines of the first one' "$(grep -c '^  | line' err)" 10
check 'up to the very last' grep -q '^  | line 29 of' err
fresh
try amorsize-mpi sample --name loud --command 'printf "\033[31mno\n" ; false' --for n=1..100
check 'what only went to standard output' grep -q 'no$' err
check 'no control characters reach the terminal' sh -c '! grep -q "$(printf "\033")" err'
done_testing

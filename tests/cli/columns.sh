#!/bin/sh
# Tasks that differ in threads and memory, and memory that bounds slots. Each task tells when it ran and what it took; what ran at the same time is added up here.
. "${top_srcdir:?}/tests/cli/lib.sh"
. "$top_srcdir/tests/cli/at_once.sh"

# ---- threads -------------------------------------------------------------------------------------------------------------
fresh
table t 5 1 4 2 3 1 1 3 2 >table.csv
printf 'job: threads\ntasks: {command: "%s {t} 0", csv: table.csv}\nresources: {threads: "{t}"}\n' "$task" >job.yaml
try env HWLOC_SYNTHETIC='core:4 pu:1' amorsize-mpi run job.yaml
is 'tasks of 1 to 4 threads: the run succeeds' "$status" 0
amorsize-mpi output threads >seen
is 'each has said when it ran' "$(wc -l <seen)" 40
most=$(most_at_once <seen)
check "never more threads than cores: $most of 4" test "$most" -le 4
check "several at a time: $most" test "$most" -ge 2
is 'each was told its own number' "$(awk '$3 != $6' seen)" ''

try env HWLOC_SYNTHETIC='core:4 pu:1' amorsize-mpi run --slots 16 --set job=slots job.yaml
amorsize-mpi output slots >seen
most=$(most_at_once <seen)
is "more slots than cores: the run succeeds" "$status/$(wc -l <seen)" 0/40
check "more slots than cores don't change that: $most of 4" test "$most" -le 4

try env HWLOC_SYNTHETIC='core:4 pu:1' SLURM_CPUS_ON_NODE=3 amorsize-mpi run --set job=never job.yaml
tried_like 'a task for which there are too few cores' 3 '' 'task 1 takes 4 threads \(resources.threads\), and 3 cores may be busy here: ask for more cores'
check 'nothing was started' test ! -e never.runs

# ---- masks: on cores that are really there -------------------------------------------------------------------------------
fresh
if [ "$(our_cores | wc -l)" -lt 2 ]; then
  skip 'tasks that run at the same time share no core' 'this machine has one core for us'
else
  table t 5 1 2 1 1 >table.csv
  printf 'job: masks\ntasks: {command: "%s {t} 0", csv: table.csv}\nresources: {threads: "{t}"}\nplan: {max_workers: 4}\n' "$task" >job.yaml
  try amorsize-mpi run job.yaml
  amorsize-mpi output masks >seen
  is 'tasks that run at the same time: all have run' "$status/$(wc -l <seen)" 0/20
  case $(cat err) in
    *'could not be kept'*) skip 'they share no core' 'processes cannot be bound here' ;;
    *'instead of'* | *'may be used'* | *'allows no more'*) skip 'they share no core' 'a quota of CPU time leaves open which cores are ours' ;;
    *) is 'they share no core' "$(awk '{ print $1, $2, $5 }' seen | shared_units)" 0 ;;
  esac
fi

# ---- memory by column ----------------------------------------------------------------------------------------------------
fresh
table m 5 100MiB 800MiB 300MiB 400MiB >table.csv
printf 'job: memory\ntasks: {command: "%s 1 {m}", csv: table.csv}\nresources: {memory: "{m}"}\n' "$task" >job.yaml
try env HWLOC_SYNTHETIC='core:4 pu:1' SLURM_MEM_PER_NODE=1000 amorsize-mpi run job.yaml
amorsize-mpi output memory | sed 's/MiB//' >seen
is 'tasks of 100 to 800 MiB where 800 are for them: the run succeeds' "$status/$(wc -l <seen)" 0/20
most=$(awk '{ print $1, $2, $4 }' seen | most_at_once)
check "never more memory than there is: $most of 800 MiB" test "$most" -le 800
check 'small ones run beside each other' test "$(most_at_once <seen)" -ge 2
try env SLURM_MEM_PER_NODE=900 amorsize-mpi run --set job=never job.yaml
tried_like 'a task for which there is too little memory' 3 '' \
  'task 1 needs 800.0 MiB \(resources.memory\), and 720.0 MiB are for tasks here \(80 % of SLURM_MEM_PER_NODE\)'
check 'nothing was started for it' test ! -e never.runs
try env HWLOC_SYNTHETIC='core:4 pu:1' SLURM_MEM_PER_NODE=900 amorsize-mpi run --set plan.memory=ignore --set job=risk job.yaml
tried_like 'ignored: it is said what may happen' 0 '' 'memory is ignored as asked .* may need 3.1 GiB here, where 720.0 MiB would be safe'
is 'and said once' "$(grep -c 'memory is ignored' err)" 1

# ---- memory of each bounds the slots -------------------------------------------------------------------------------------
fresh
printf 'job: each\ntasks: {command: "%s 1 300 {n}", for: {n: {range: [1, 8]}}}\nresources: {memory: 300MiB}\n' "$task" >job.yaml
try env HWLOC_SYNTHETIC='core:4 pu:1' SLURM_MEM_PER_NODE=1024 amorsize-mpi run job.yaml
tried_like 'as many slots as memory suffices for' 0 'of 2 slots' \
  '2 slots instead of 4: each task needs 300.0 MiB, and 819.2 MiB are for tasks here \(80 % of SLURM_MEM_PER_NODE\)'
check 'no more at a time' test "$(amorsize-mpi output each | most_at_once)" -le 2
try env HWLOC_SYNTHETIC='core:4 pu:1' SLURM_MEM_PER_NODE=300 amorsize-mpi run --set job=never job.yaml
tried_like 'memory for none' 3 '' 'each task needs 300.0 MiB \(resources.memory\), and 240.0 MiB are for tasks here'

# A run that was begun where memory sufficed goes on where there is less.
try env HWLOC_SYNTHETIC='core:4 pu:1' SLURM_MEM_PER_NODE=1024 amorsize-mpi run --set job=less --set failures.stop_after=1 --set 'tasks.command=test {n} -gt 4' job.yaml
is 'a run that stopped early' "$status" 1
try env HWLOC_SYNTHETIC='core:4 pu:1' SLURM_MEM_PER_NODE=512 amorsize-mpi resume --retry-failed less
tried_like 'resumed with less memory: fewer slots' 1 '' '1 slot instead of 4: each task needs 300.0 MiB, and 409.6 MiB are for tasks here'

# ---- what tasks turn out to take -------------------------------------------------------------------------------------------
# Lines of 20 and 60 MB, of which tail keeps the end: all of it. Two of the four take more than is said of them.
fresh
{ echo m,bytes; echo 200MiB,60000000; echo 30MiB,20000000; echo 30MiB,60000000; echo 15MiB,20000000; } >table.csv
printf 'job: more\ntasks: {command: "head -c {bytes} /dev/zero | tail -n 1 | wc -c", csv: table.csv}\n' >job.yaml
printf 'resources: {memory: "{m}"}\n' >>job.yaml
more='more than said +2 tasks took more than resources.memory says, task 2 5[0-9]\.. MiB instead of 30.0 MiB'
try amorsize-mpi run job.yaml
tried_like 'tasks that take more than is said of them: they succeed, and the summary says so' 0 "$more" ''
try amorsize-mpi run --set plan.memory=ignore --set job=risk job.yaml
tried_like 'also where memory is ignored' 0 "$more" ''
try amorsize-mpi run --set resources.memory=200MiB --set job=enough job.yaml
is 'of a size that suffices, nothing is said' "$status/$(grep -c 'more than said' out)" 0/0
try amorsize-mpi run --set resources.memory=auto --set job=auto job.yaml
is 'nor where nothing was said' "$status/$(grep -c 'more than said' out)" 0/0

# ---- a real group with 1 GiB ---------------------------------------------------------------------------------------------
group=''
for parent in /sys/fs/cgroup/memory /sys/fs/cgroup; do
  [ -e "$parent/cgroup.procs" ] && [ -w "$parent" ] && mkdir "$parent/amorsize-columns-$$" 2>/dev/null || continue
  group=$parent/amorsize-columns-$$
  if [ -e "$group/memory.max" ]; then echo 1073741824 >"$group/memory.max" && break; fi
  if [ -e "$group/memory.limit_in_bytes" ]; then echo 1073741824 >"$group/memory.limit_in_bytes" && break; fi
  rmdir "$group"
  group=''
done
cleanup_more() { [ -z "$group" ] || rmdir "$group"; }
# shellcheck disable=SC2016 # expanded inside
inside='echo $$ >"$0/cgroup.procs" && exec "$@"'
killed() { sed -n 's/^oom_kill //p' "$group/memory.events" "$group/memory.oom_control" 2>/dev/null; }
fresh
if [ -z "$group" ] || ! sh -c "$inside" "$group" true 2>/dev/null; then
  skip 'tasks of 300 MB in a group of 1 GiB' 'no control group with a bound on memory can be made here (root and a writable /sys/fs/cgroup are needed)'
else
  # a line of 280 MB, of which tail keeps the end: all of it
  # shellcheck disable=SC2016 # expanded by the task
  printf 'job: group\ntasks: {command: "from=$(date +%%s%%N); head -c 280000000 /dev/zero | tail -n 1 | wc -c >&2; echo $from $(date +%%s%%N) {n}", for: {n: [1, 1, 1, 1, 1, 1]}}\n' >job.yaml
  printf 'resources: {memory: 300MB}\nplan: {slots_per_rank: 4}\n' >>job.yaml
  try sh -c "$inside" "$group" amorsize-mpi run job.yaml
  tried_like 'tasks of 300 MB in a group of 1 GiB: two at a time' 0 '6 succeeded.*|of 2 slots' '2 slots instead of 4: each task needs 286.1 MiB, and 819.2 MiB .*cgroup'
  check 'no more' test "$(amorsize-mpi output group 2>/dev/null | grep ' 1$' | most_at_once)" -le 2
  is 'nobody was killed' "$(killed)" 0

  # the same of half the size, and nobody says what they take: one runs alone, and tells; the plan that is made of tasks that mostly wait keeps to it
  for bound in memory.max memory.limit_in_bytes; do [ ! -e "$group/$bound" ] || echo 536870912 >"$group/$bound"; done
  # shellcheck disable=SC2016 # expanded by the task
  printf 'job: auto\ntasks: {command: "from=$(date +%%s%%N); head -c 150000000 /dev/zero | tail -n 1 | wc -c >&2; sleep 0.4; echo $from $(date +%%s%%N) {n}", for: {n: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]}}\n' >job.yaml
  try env HWLOC_SYNTHETIC='core:4 pu:1' sh -c "$inside" "$group" amorsize-mpi run --set 'sample.tasks=[3, 4]' --set sample.time=5m job.yaml
  tried_like 'tasks of 150 MB in half a GiB, of which nobody has said so' 0 '24 succeeded' '2 slots instead of 4: a task has taken 14[0-9].. MiB of memory, and 409.6 MiB are for tasks'
  check 'two at a time then' test "$(amorsize-mpi output auto 2>/dev/null | grep ' 1$' | most_at_once)" -le 2
  is 'a plan was made of it' "$(grep -c '^ *plan  ' err)" 1
  is 'and nobody was killed' "$(killed)" 0
fi
done_testing

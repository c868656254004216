#!/bin/sh
# Tasks that differ in threads and memory, over ranks: each rank has its share of the node's four (described) cores and of its memory.
# shellcheck disable=SC2034,SC2154
. "$top_srcdir/tests/mpi/lib.sh"
. "$top_srcdir/tests/cli/at_once.sh"

# on_two ARG...: two ranks that see four cores and 1000 MiB; the launcher sees what is there
on_two() {
  # shellcheck disable=SC2016 # expanded inside
  try env AMZ_TEST_MARK="$here" timeout -k 2 "$LAUNCH_LIMIT" sh -c \
    '"$@"' sh $quick -n 2 env HWLOC_SYNTHETIC='core:4 pu:1' SLURM_MEM_PER_NODE=1000 amorsize-mpi "$@"
}

fresh
table t 8 1 2 1 1 2 >table.csv
printf 'job: threads\ntasks:\n  command: |\n    %s; %s {t} 0 {rank}\n  csv: table.csv\nresources: {threads: "{t}"}\n' "$(meet 2)" "$task" >job.yaml
on_two run job.yaml
is 'tasks of one and two threads: the run succeeds' "$status" 0
amorsize-mpi output threads >seen
is 'each has said when it ran' "$(wc -l <seen)" 40
for rank in 0 1; do
  most=$(awk -v r=$rank '$NF == r' seen | most_at_once)
  check "rank $rank takes no more than its two cores: $most" test "$most" -le 2
done
check 'both ranks work' test "$(awk '{ print $NF }' seen | sort -u | wc -l)" = 2

table t 1 1 3 >table.csv
on_two run --set job=never job.yaml
tried_like 'a task that is too large for the shares' 3 '' 'task 1 takes 3 threads \(resources.threads\), and 2 cores may be busy on .*fewer ranks a node'

# ---- memory --------------------------------------------------------------------------------------------------------------
fresh
printf 'job: one\ntasks: {command: "%s 1 0 {n}", for: {n: {range: [1, 6]}}}\nresources: {memory: 500MiB}\n' "$task" >job.yaml
on_two run job.yaml
tried_like 'memory for one task: one of the ranks runs nothing' 0 '6 succeeded' \
  'rank 1 runs nothing: each task needs 500.0 MiB \(resources.memory\), and 800.0 MiB are for tasks of 2 ranks on '
is 'one at a time' "$(amorsize-mpi output one | most_at_once)" 1
on_two run --set resources.memory=900MiB --set job=none job.yaml
tried_like 'memory for none' 3 '' 'each task needs 900.0 MiB'

table m 5 100MiB 350MiB 300MiB >table.csv
printf 'job: sizes\ntasks: {command: "%s 1 {m} {rank}", csv: table.csv}\nresources: {memory: "{m}"}\n' "$task" >job.yaml
on_two run job.yaml
is 'tasks of up to 350 MiB where each rank has 400: the run succeeds' "$status" 0
for rank in 0 1; do
  most=$(amorsize-mpi output sizes | sed 's/MiB//' | awk -v r=$rank '$NF == r { print $1, $2, $4 }' | most_at_once)
  check "rank $rank takes no more than its 400 MiB: $most" test "$most" -le 400
done
left_nothing 'columns over ranks'
done_testing

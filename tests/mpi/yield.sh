#!/bin/sh
# Rank 0 whose loop has too much to do gives up slots and says so: a chunk for each of very many tiny tasks, and a priority (so root) with which
# it has CPUs however busy the machine is. One that has little to do and waits for a CPU keeps its slots: a CPU quota on rank 0's process alone (a cgroup, so root) stands in for a
# machine that others keep busy. Nothing is lost by either.
# shellcheck disable=SC2034,SC2154
. "$top_srcdir/tests/mpi/lib.sh"

TASKS=1200
LAUNCH_LIMIT=600

# made_group: a CPU group of our own, of either version of cgroups; its directory in $group
made_group() {
  for group in /sys/fs/cgroup/cpu/amz-test-$$ /sys/fs/cgroup/amz-test-$$; do
    mkdir "$group" 2>/dev/null || continue
    { [ -w "$group/cpu.cfs_quota_us" ] || [ -w "$group/cpu.max" ]; } && return 0
    rmdir "$group"
  done
  return 1
}

# quota US: so many microseconds of CPU each fifth of a second; "max": no bound
quota() {
  if [ -e "$group/cpu.max" ]; then echo "$1 200000" >"$group/cpu.max"; return; fi
  echo 200000 >"$group/cpu.cfs_period_us"
  if [ "$1" = max ]; then echo -1; else echo "$1"; fi >"$group/cpu.cfs_quota_us"
}

# free_group: processes must have left it
free_group() { rmdir "$group" 2>/dev/null; }

lacks() { ! grep -q "$@"; }
gave_up() { grep -q 'scheduling keeps rank 0 busy' bg.err; }

if ! made_group; then
  echo "1..0 # SKIP no cgroup with a CPU quota can be made here (needs root)"
  exit 0
fi
fresh
quota 1000 # as little as there can be: a master that is woken by messages takes little
mpi_start '' 3 run --name waits --slots 4 --policy ss --command "$COMMAND >&2; seq {n}; sleep 0.05" --for n=1..$TASKS
wait_for begun 12 || fail 'a run begins' "$(cat bg.err)"
rank_pid 0 >"$group/cgroup.procs"
wait_for begun 600 || fail 'it goes on' "$(cat bg.err)"
quota max
finish
check 'the run ends well' sh -c 'amorsize-mpi status waits | grep -q "^waits: finished"'
check 'who waits for a CPU keeps its slots' lacks 'given up' bg.out bg.err
check 'and says nothing of being busy' lacks 'scheduling keeps rank 0 busy' bg.out bg.err
is 'each task is recorded once' "$(amorsize-mpi tasks waits | awk 'NR > 1 && $2 == "succeeded" { print $1 }' | sort -n)" "$(seq 0 $((TASKS - 1)))"
left_nothing 'a master without CPU'
check 'the group can go' wait_for free_group

# Everything of this launch has the priority: ranks that get less of the machine ask for less, too.
if ! renice -n -10 -p $$ >/dev/null 2>&1; then
  echo '# no higher priority can be had here (needs root): a busy master is not looked at'
  done_testing
  exit 0
fi
fresh
printf 'job: busy\ntasks: {plugin: "%s/configs/plugins/.libs/pi.so", args: "1", for: {n: {range: [1, 2000000000]}}}\nchunks: {policy: ss}\n' "$top_builddir" >job.yaml
mpi_start '' 3 run job.yaml --slots 4
check 'it is said when slots are given up' wait_for gave_up
amorsize-mpi stop busy >stop.out 2>&1 || fail 'it is asked to stop' "$(cat stop.out)"
finish
is 'it can be stopped then' "$status" 75
check 'the summary tells of it' grep -qE 'given up  *rank 0 left up to [1-4] of its slots unused: scheduling kept it busy ([5-9][0-9]|100) %' bg.out bg.err
left_nothing 'a busy master'
done_testing

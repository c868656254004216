#!/bin/sh
# Rank 0 whose loop gets too little CPU gives up slots and says so; nothing is lost by that. A CPU quota on rank 0's process alone (a cgroup, so root)
# stands in for a master with too many ranks to serve.
# shellcheck disable=SC2034,SC2154
. "$top_srcdir/tests/mpi/lib.sh"

TASKS=2000
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

gave_up() { grep -q 'scheduling keeps rank 0 busy' bg.err; }

if ! made_group; then
  echo "1..0 # SKIP no cgroup with a CPU quota can be made here (needs root)"
  exit 0
fi
fresh
quota 1000 # as little as there can be: a master that is woken by messages takes little
mpi_start '' 3 run --name busy --slots 4 --policy ss --command "$COMMAND >&2; seq {n}; sleep 0.05" --for n=1..$TASKS
wait_for begun 12 || fail 'a run begins' "$(cat bg.err)"
rank_pid 0 >"$group/cgroup.procs"
check 'it is said when slots are given up' wait_for gave_up
quota max
finish
check 'the run ends well' sh -c 'amorsize-mpi status busy | grep -q "^busy: finished"'
check 'the summary tells of it' grep -qE 'given up  *rank 0 left up to [1-4] of its slots unused: scheduling kept it busy ([5-9][0-9]|100) %' bg.out bg.err
is 'each task is recorded once' "$(amorsize-mpi tasks busy | awk 'NR > 1 && $2 == "succeeded" { print $1 }' | sort -n)" "$(seq 0 $((TASKS - 1)))"
left_nothing 'a master without CPU'
check 'the group can go' wait_for free_group
done_testing

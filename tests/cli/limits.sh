#!/bin/sh
# What bounds a run by default: quotas of CPU time and Slurm's counts, which no affinity mask shows. The machine has 64 cores by description.
. "${top_srcdir:?}/tests/cli/lib.sh"
HWLOC_SYNTHETIC='core:64 pu:1'
export HWLOC_SYNTHETIC

layout() { # COMMAND...: the layout line of a dry run
  try "$@" amorsize-mpi run --dry-run --set job=limits --command 'true {n}' --for n=1..100
  sed -n 's/^  layout  *//p' out
}

fresh
unlimited=$(layout env)
case $unlimited in
  *' on 64 cores') ;;
  *) # in a container, perhaps: then not even Slurm's numbers are what counts
    skip 'what Slurm says' "a quota of CPU time bounds runs here already: $unlimited"
    done_testing
    exit 0
    ;;
esac
is 'Slurm says how many' "$(layout env SLURM_CPUS_ON_NODE=6)" '1 rank, 6 slots, 1 thread per task, on 6 cores'
is 'a malformed number is passed over' "$(layout env SLURM_CPUS_ON_NODE=six)" "$unlimited"
is 'slots that the user fixed stay' "$(layout env SLURM_CPUS_ON_NODE=6 sh -c '"$@" --slots 9' sh)" '1 rank, 9 slots, 1 thread per task, on 6 cores'
try env SLURM_CPUS_ON_NODE=1 amorsize-mpi run --set job=told --command 'true {n}' --for n=1..3
tried_like 'a run says why it uses less than there is' 0 '' '1 of 64 cores used here: SLURM_CPUS_ON_NODE allows no more'

# ---- real groups: CPU time, and memory on a group above ours --------------------------------------------------------------
# Of version 2 where it has the controllers, else of version 1, whose controllers have trees of their own.
cpu='' memory='' version=''
make_groups() { # PARENT-FOR-CPU PARENT-FOR-MEMORY
  [ -e "$1/cgroup.procs" ] && [ -w "$1" ] && mkdir -p "$1/amorsize-limits-$$/step" 2>/dev/null || return 1
  cpu=$1/amorsize-limits-$$
  if [ "$1" = "$2" ]; then
    memory=$cpu
    echo '+cpu +memory' >"$cpu/cgroup.subtree_control" 2>/dev/null
  elif [ -w "$2" ] && mkdir -p "$2/amorsize-limits-$$/step" 2>/dev/null; then
    memory=$2/amorsize-limits-$$
  fi
}
remove_groups() {
  for group in "$cpu" "$memory"; do
    [ -z "$group" ] || [ ! -d "$group" ] || rmdir "$group/step" "$group"
  done
  cpu='' memory=''
}
cleanup_more() { remove_groups; }
why2='version 2 is not mounted'
if grep -qw cpu /sys/fs/cgroup/cgroup.controllers 2>/dev/null && grep -qw memory /sys/fs/cgroup/cgroup.controllers; then
  why2='version 2 does not let us set limits'
  make_groups /sys/fs/cgroup /sys/fs/cgroup && echo '150000 100000' 2>/dev/null >"$cpu/cpu.max" && echo 134217728 2>/dev/null >"$memory/memory.max" && version=2
elif [ -e /sys/fs/cgroup/cgroup.controllers ] || [ -e /sys/fs/cgroup/unified/cgroup.controllers ]; then
  why2='version 2 is mounted without the controllers of CPU time and memory'
fi
if [ -z "$version" ]; then
  remove_groups
  for parent in /sys/fs/cgroup/cpu /sys/fs/cgroup/cpu,cpuacct; do
    make_groups "$parent" /sys/fs/cgroup/memory && [ -n "$memory" ] && echo 150000 2>/dev/null >"$cpu/cpu.cfs_quota_us" &&
      echo 134217728 2>/dev/null >"$memory/memory.limit_in_bytes" && version=1 && break
    remove_groups
  done
  [ -z "$version" ] || echo "# control groups of version 1 are used: $why2"
fi
# shellcheck disable=SC2016 # expanded inside
inside='echo $$ >"$0/step/cgroup.procs" && echo $$ >"$1/step/cgroup.procs" && shift && exec "$@"'
in_group() { sh -c "$inside" "$cpu" "$memory" "$@"; }
if [ -z "$version" ] || ! in_group true 2>/dev/null; then
  for name in 'a quota of 1.5 CPUs gets one slot' "a group's CPU time" 'memory of the group above'; do
    skip "$name" 'no control group with limits can be made here (root and a writable /sys/fs/cgroup are needed)'
  done
else
  is 'a quota of 1.5 CPUs gets one slot' "$(layout sh -c "$inside" "$cpu" "$memory")" '1 rank, 1 slot, 1 thread per task, on 1 core'
  unset HWLOC_SYNTHETIC
  try in_group amorsize-mpi node --fast
  check "a group's CPU time" grep -Eq '^  CPU time for us +1.5 CPUs: cgroup .*cpu' out # on however many cores
  check 'memory of the group above' grep -Eq '^  memory for us +128.0 MiB: cgroup .*amorsize-limits-[0-9]+ memory' out
fi
done_testing

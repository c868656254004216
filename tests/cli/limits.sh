#!/bin/sh
# What bounds a run by default: quotas of CPU time and Slurm's counts, which no affinity mask shows. The machine has 64 cores by description.
. "${top_srcdir:?}/tests/cli/lib.sh"
HWLOC_SYNTHETIC='core:64 pu:1'
export HWLOC_SYNTHETIC
unset SLURM_JOB_ID SLURM_JOBID SLURM_JOB_NODELIST SLURM_CPUS_ON_NODE

layout() { # COMMAND...: the layout line of a dry run
  try "$@" amorsize-mpi run --dry-run --set job=limits --command 'true {n}' --for n=1..100
  sed -n 's/^  layout  *//p' out
}

fresh
unlimited=$(layout env)
is 'Slurm says how many' "$(layout env SLURM_CPUS_ON_NODE=6)" '1 rank, 6 slots, 1 thread per task, on 6 cores'
is 'a malformed number is passed over' "$(layout env SLURM_CPUS_ON_NODE=six)" "$unlimited"
is 'slots that the user fixed stay' "$(layout env SLURM_CPUS_ON_NODE=6 sh -c '"$@" --slots 9' sh)" '1 rank, 9 slots, 1 thread per task, on 6 cores'
try env SLURM_CPUS_ON_NODE=1 amorsize-mpi run --set job=told --command 'true {n}' --for n=1..3
tried_like 'a run says why it uses less than there is' 0 '' '1 of 64 cores used here: SLURM_CPUS_ON_NODE allows no more'

# ---- a real group with a quota of one CPU and a half ---------------------------------------------------------------------
group=''
for parent in /sys/fs/cgroup/cpu /sys/fs/cgroup/cpu,cpuacct /sys/fs/cgroup; do
  [ -e "$parent/cgroup.procs" ] && [ -w "$parent" ] && mkdir "$parent/amorsize-limits-$$" 2>/dev/null || continue
  group=$parent/amorsize-limits-$$
  if [ -e "$group/cpu.max" ]; then echo '150000 100000' >"$group/cpu.max" && break; fi
  if [ -e "$group/cpu.cfs_quota_us" ]; then echo 150000 >"$group/cpu.cfs_quota_us" && break; fi
  rmdir "$group"
  group=''
done
cleanup_more() { [ -z "$group" ] || rmdir "$group"; }
# shellcheck disable=SC2016 # expanded inside
inside='echo $$ >"$0/cgroup.procs" && exec "$@"'
if [ -z "$group" ] || ! sh -c "$inside" "$group" true 2>/dev/null; then
  skip 'a quota of 1.5 CPUs gets one slot' 'no control group with a quota can be made here (root and a writable /sys/fs/cgroup are needed)'
else
  is 'a quota of 1.5 CPUs gets one slot' "$(layout sh -c "$inside" "$group")" '1 rank, 1 slot, 1 thread per task, on 1 core'
fi
done_testing

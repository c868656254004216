#!/usr/bin/env bash
# start-slurm-cg.sh [NODES] [CPUS] [MEM_MB]: start-slurm.sh with real limits on cores and memory, by cgroups (version 1)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/cluster/lib.sh
. "$here/lib.sh"
for c in memory cpuset freezer; do
  [ -e "/sys/fs/cgroup/$c/tasks" ] || skip "no version 1 cgroup controller $c is mounted"
done
export AMZ_PROCTRACK=proctrack/cgroup AMZ_TASKPLUGIN=task/cgroup
export AMZ_CGROUP_CONF='CgroupPlugin=cgroup/v1
CgroupMountpoint=/sys/fs/cgroup
ConstrainCores=yes
ConstrainRAMSpace=yes
ConstrainSwapSpace=no
AllowedRAMSpace=100'
exec "$here/start-slurm.sh" "$@"

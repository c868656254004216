#!/usr/bin/env bash
# start-slurm.sh [NODES=3] [CPUS=2] [MEM_MB=2000]: a real Slurm over the nodes of cluster-up.sh, in about a second: munged and slurmctld on ctl, a
# slurmd on each node; no systemd, no slurmdbd. A second call repairs dead nodes and daemons. cluster-down.sh ends it.
# AMZ_PROCTRACK, AMZ_TASKPLUGIN, AMZ_CGROUP_CONF and AMZ_SLURM_EXTRA (more lines for slurm.conf) change the configuration.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/cluster/lib.sh
. "$here/lib.sh"
usage_unless '--check||[1-9][0-9]*( [1-9][0-9]*)?( [1-9][0-9]*)?' '[NODES=3] [CPUS=2] [MEM_MB=2000] | --check' "$*"
PATH=$PATH:/usr/sbin:/sbin # the daemons' place, not in everybody's PATH
need_commands slurmctld slurmd munged srun sbatch sinfo scontrol
if [ "${1-}" = --check ]; then
  exec "$here/cluster-up.sh" --check
fi
N=${1:-3} CPUS=${2:-2} MEM=${3:-2000}
S=$AMZ_CLUSTER/slurm
"$here/cluster-up.sh" "$N"

on() { "$here/on" "$@"; }
runs() { [ -s "$2" ] && on "$1" kill -0 "$(cat "$2")" 2>/dev/null; }
# Binding to cores that the machine doesn't have fails every step.
default_task_plugin=task/affinity
[ "$CPUS" -le "$(nproc)" ] || default_task_plugin=task/none
nodes_line="NodeName=n[1-$N] CPUs=$CPUS Boards=1 SocketsPerBoard=1 CoresPerSocket=$CPUS ThreadsPerCore=1 RealMemory=$MEM"

write_config() {
  cat >"$S/slurm.conf" <<EOF
ClusterName=amz
SlurmctldHost=ctl
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$S/run/munge.sock
CredType=cred/munge
SlurmctldPort=6817
SlurmdPort=6818
SlurmctldPidFile=$S/slurmctld.pid
SlurmdPidFile=$S/slurmd-%n.pid
StateSaveLocation=$S/state
SlurmdSpoolDir=$S/spool/%n
SlurmctldLogFile=$S/log/slurmctld.log
SlurmdLogFile=$S/log/slurmd-%n.log
ProctrackType=${AMZ_PROCTRACK:-proctrack/linuxproc}
TaskPlugin=${AMZ_TASKPLUGIN:-$default_task_plugin}
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=2
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$S/log/jobcomp.txt
MailProg=/bin/true
MpiDefault=pmix
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=$((MEM / CPUS))
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,bf_interval=2
MinJobAge=600
KillWait=5
SlurmdTimeout=10
MessageTimeout=10
ReturnToService=2
JobRequeue=1
$nodes_line
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=10 State=UP
${AMZ_SLURM_EXTRA:-}
EOF
  [ -z "${AMZ_CGROUP_CONF:-}" ] || printf '%s\n' "$AMZ_CGROUP_CONF" >"$S/cgroup.conf"
}

start_munged() {
  (umask 077 && head -c 128 /dev/urandom >"$S/munge/key")
  on ctl setsid munged --force --key-file="$S/munge/key" --socket="$S/run/munge.sock" --pid-file="$S/munge/pid" \
    --log-file="$S/munge/log" --seed-file="$S/munge/seed" --num-threads=10 </dev/null >"$S/log/munged.out" 2>&1
}

if runs ctl "$S/slurmctld.pid"; then
  grep -qxF "$nodes_line" "$S/slurm.conf" || die "Slurm runs with another configuration: cluster-down.sh first"
else
  [ ! -s "$S/munge/pid" ] || on ctl kill "$(cat "$S/munge/pid")" 2>/dev/null || :
  rm -rf "$S"
  install -d -m 755 "$S" "$S/run" "$S/state" "$S/log" "$S/spool"
  install -d -m 700 "$S/munge"
  write_config
  start_munged
  on ctl setsid slurmctld -c -i </dev/null >"$S/log/slurmctld.out" 2>&1
fi

for i in $(seq "$N"); do
  runs "n$i" "$S/slurmd-n$i.pid" && continue
  mkdir -p "$S/spool/n$i"
  rm -f "$S/slurmd-n$i.pid"
  on "n$i" setsid slurmd -N "n$i" </dev/null >>"$S/log/slurmd-n$i.out" 2>&1
done

all_up() {
  [ "$(on ctl sinfo -h -N -r -t idle,mix,alloc -o %N 2>/dev/null | sort -u | wc -l)" -eq "$N" ]
}
if wait_for 20 all_up; then
  echo "Slurm up: $N nodes x $CPUS CPUs x $MEM MB; SLURM_CONF=$S/slurm.conf; try: $here/on ctl sinfo"
else
  on ctl sinfo >&2 || :
  tail -n 20 "$S"/log/slurm*.log >&2
  die "Slurm did not come up"
fi

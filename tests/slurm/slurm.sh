#!/usr/bin/env bash
# Jobs in a real Slurm over four nodes of this machine: every script of slurm/, the ways to launch, and the ways in which a job comes to its end.
#
# Nothing here depends on how fast the machine is: states are waited for. Task number N appends N to a file, so that what ran how often is seen.
# shellcheck disable=SC2317 # functions are called through check
set -u
: "${top_srcdir:?}" "${top_builddir:?}"
cluster=$top_srcdir/tests/cluster
if ! why=$("$cluster/start-slurm.sh" --check 2>&1); then
  echo "1..0 # SKIP $why"
  exit 0
fi
base=$(mktemp -d /var/tmp/amorsize-slurm.XXXXXX) || exit 99 # not /tmp: every node has its own
export AMZ_CLUSTER=$base/cluster AMZ_SHARED=$base/shared AMORSIZE_HISTORY_DIR=$base/history AMORSIZE_CACHE_DIR=$base/cache # never the user's own
trap '"$cluster/cluster-down.sh"; cd / && rm -rf "$base"' EXIT
trap 'exit 99' HUP INT TERM
mkdir "$base/bin" "$base/work" && cp "$top_builddir"/amorsize-mpi* "$base/bin" && cp "$top_srcdir"/slurm/*.sbatch "$base/work" && cd "$base/work" || exit 99
"$cluster/start-slurm.sh" 4 2 >"$base/up" 2>&1 || { sed 's/^/# /' "$base/up"; echo "Bail out! Slurm did not start"; exit 99; }
# shellcheck source=tests/cluster/env.sh
. "$cluster/env.sh"
PATH=$base/bin:$PATH
export LC_ALL=C.UTF-8
# Ranks started by srun crash in MPI_Init now and then, as README says: with Slurm's own fences, and in the shared memory of Open MPI 4.1.4.
by_srun='SLURM_PMIX_FENCE=ring OMPI_MCA_btl=self,tcp srun --mpi=pmix'

tests=0
check() { # NAME COMMAND…: what it prints is shown when it fails
  local name=$1 verdict=ok
  shift
  tests=$((tests + 1))
  "$@" >"$base/said" 2>&1 || verdict='not ok'
  echo "$verdict $tests - $name"
  [ "$verdict" = ok ] || { cat "$base/said"; tail -n 40 "$(ls -t ./*.out | head -n 1)"; } | cut -c1-300 | sed 's/^/# /'
}

# job NAME TASKS SECONDS [MORE]: a description; its tasks say in NAME.log that they ran. With NAME.quick they take no time.
one_slot='plan: {slots_per_rank: 1}' # for runs that are to be ended in their middle: a plan would let tasks that sleep be over soon
job() {
  printf '%s\n' "job: $1" 'tasks:' "  command: sh -c 'echo {seed} >>\$1.log; [ -e \$1.quick ] || sleep $3' - $1" "  for: {seed: {range: [1, $2]}}" \
    'failures: {grace: 5s}' "${4-}" >"$1.yaml"
}

submit() { # NAME SBATCH-ARGUMENTS…: prints the job's number
  on ctl sbatch --parsable --time=10 -D "$PWD" -o "$PWD/$1.out" --open-mode=append "${@:2}"
}
state_of() { on ctl scontrol show job -o "$1" | sed -n 's/.* JobState=\([A-Z]*\) .*/\1/p' | sort -u; }
field_of() { on ctl scontrol show job -o "$1" | sed -n "s/.* $2=\([^ ]*\) .*/\1/p" | sort -u; }
has_ended() { case $(state_of "$1") in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL) ;; *) return 1 ;; esac }
ends() { # JOB STATUS: that of its script
  wait_for 300 has_ended "$1" || { echo "job $1 does not end: $(state_of "$1")"; on ctl squeue; return 1; }
  [ "$(field_of "$1" ExitCode)" = "$2:0" ] || { echo "job $1: $(state_of "$1"), exit $(field_of "$1" ExitCode)"; return 1; }
}
is_at_work() { [ -s "$1.log" ]; }
gets_to_work() { wait_for 180 is_at_work "$1" || { cat "$1.out"; return 1; }; }
ran_once_each() { sort -n "$1.log" | diff - <(seq "$2") && grep -q 'finished: all tasks succeeded' "$1.out"; } # NAME TASKS
says() { grep -Eq -e "$2" "$1.out" || { echo "'$2' isn't in:"; cat "$1.out"; return 1; }; }
script() { # NAME LINE…: a script without options of its own
  printf '%s\n' '#!/bin/bash' "${@:2}" >"$1.sbatch"
}

# ---- the scripts for users ----------------------------------------------------------------------------------------------

one_node() {
  local id
  job one 12 0.1
  id=$(submit one one-node.sbatch one.yaml) && ends "$id" 0 && ran_once_each one 12
}
many_nodes() {
  local id
  job many 60 0.2
  id=$(submit many many-nodes.sbatch many.yaml) && ends "$id" 0 && ran_once_each many 60 && says many '3 ranks on 3 nodes' &&
    amorsize-mpi tasks --format json many | grep -o '"node": *"n[0-9]*"' | sort -u | wc -l | grep -qx 3
}
array() {
  local id
  printf '%s\n' 'job: array' 'tasks:' "  command: sh -c 'echo {seed} >>array.log'" '  for: {seed: [0]}' >array.yaml
  id=$(submit array --export=ALL,PER_ELEMENT=5 array.sbatch array.yaml) && ends "$id" 0 &&
    wait_for 180 has_lines array.log 15 && sort -n array.log | diff - <(seq 15) && [ -d array-0.runs ] && [ -d array-2.runs ]
}
has_lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }

# What plan writes is submitted as it is: it goes on with the sampled run over the planned ranks.
planned() {
  local id
  job planned 60 0.2 'slurm: {extra: ["--comment=\"a b\" --nice=1"]}'
  amorsize-mpi plan planned.yaml --node=<(amorsize-mpi node --fast --topology 'core:2 pu:1' --format json) --ranks-per-node 2 --nodes 2 --set plan.nodes=2 \
    --set plan.slots_per_rank=1 --sbatch planned.sbatch && id=$(submit planned planned.sbatch) && ends "$id" 0 && ran_once_each planned 60 &&
    says planned '4 ranks on 2 nodes' && says planned 'planned.runs/001: .* on 4 slots' && [ ! -e planned.runs/002 ] && [ "$(field_of "$id" Nice)" = 1 ]
}

# A job that was put back would wait for two minutes; Slurm listens only when its first turn has been cleared away. One that is begun again within the same
# second is killed: the credential of its first turn was revoked in that second, and times of credentials are whole seconds.
is_in_its_second_turn() { # JOB NAME
  grep -q 'going on with' "$2.out" && return 0
  [ "$(field_of "$1" Restarts)" -ge 1 ] && [ "$(state_of "$1")" = PENDING ] && sleep 2 && on ctl scontrol update "JobId=$1" StartTime=now
  return 1
}
starts_again() { wait_for 180 is_in_its_second_turn "$1" "$2" || { echo "job $1 was not put back: $(state_of "$1")"; cat "$2.out"; return 1; }; }
heeds() { wait_for 120 grep -q 'letting what runs end' "$1.out" || { cat "$1.out"; return 1; }; }
requeue() { # NAME SCRIPT SECONDS
  local id
  job "$1" 200 "$3" "$one_slot
slurm: {requeue: true}"
  id=$(submit "$1" --requeue "$2" "$1.yaml") && gets_to_work "$1" && on ctl scancel --batch --signal=USR1 "$id" && heeds "$1" && : >"$1.quick" && starts_again "$id" "$1" && ends "$id" 0 &&
    ran_once_each "$1" 200 && says "$1" 'going on with '"$1"'.runs/001' && [ ! -e "$1.runs/002" ]
}
scancel_is_for_good() {
  local id
  job cancelled 1000 0.3
  id=$(submit cancelled requeue.sbatch cancelled.yaml) && gets_to_work cancelled && on ctl scancel "$id" && wait_for 180 has_ended "$id" &&
    [ "$(state_of "$id")" = CANCELLED ] && [ "$(field_of "$id" Restarts)" = 0 ]
}

# ---- ways to launch -----------------------------------------------------------------------------------------------------

by_hand() { # NAME LAUNCHER-LINE RANKS: in an allocation of 2(x3),1
  local id
  job "$1" 40 0.1
  # shellcheck disable=SC2016 # expanded in the job
  script "$1" 'echo "given: $SLURM_TASKS_PER_NODE"' "exec $2 run $1.yaml"
  id=$(submit "$1" -N4 -n7 --cpus-per-task=1 "$1.sbatch") && ends "$id" 0 && ran_once_each "$1" 40 && says "$1" '^given: 2\(x3\),1$' && says "$1" "tasks to run on $3 slots"
}
singletons_are_refused() {
  local id
  job alone 5 0.1
  script alone 'srun --mpi=none amorsize-mpi run alone.yaml'
  id=$(submit alone -N3 -n3 alone.sbatch) && ends "$id" 3 && says alone 'srun --mpi=pmix' && [ ! -e alone.runs ] && [ ! -e alone.log ]
}

# ---- measuring the nodes of an allocation -------------------------------------------------------------------------------

# NAME LAUNCHER-LINE: over three nodes, each measured once; what is shown of a node is what the job may use of it.
node_under() {
  local id
  script "$1" "exec $2 node --format json >$1.json"
  id=$(submit "$1" -N3 -n3 -c1 "$1.sbatch") && ends "$id" 0 && measured_each "$1" && allowed_one "$1"
}
measured_each() {
  grep -o '"host": *"n[0-9]*", *"bandwidth_bytes_per_s": *[0-9]' "$1.json" | grep -o 'n[0-9]*"' | sort -u | wc -l | grep -qx 3 ||
    { echo 'not measured on three nodes:'; head -c 2000 "$1.json"; return 1; }
}
allowed_one() { # the job has one CPU of each
  grep -Eq '"allowed_cores": *1,' "$1.json" && grep -q '"source": *"SLURM_' "$1.json" || { echo 'Slurm bounds nothing:'; grep '"limits"' -A8 "$1.json"; return 1; }
}
node_alone() { # started by the script itself, it measures its node, and launches over the allocation
  local id
  script node-alone 'exec amorsize-mpi node --format json >node-alone.json'
  id=$(submit node-alone -N1 -n1 -c2 node-alone.sbatch) && ends "$id" 0 && grep -q '"from": *"measured"' node-alone.json && grep -q '"source": *"SLURM_' node-alone.json ||
    { echo 'not measured, or not bounded by Slurm:'; cat node-alone*.out node-alone*.err 2>/dev/null | tail -n 20; grep -E '"(from|source)"' node-alone.json | head -n 20; return 1; }
}

# ---- ways to end --------------------------------------------------------------------------------------------------------

goes_on() { # NAME TASKS: from another job, with exactly the tasks that are left
  local id
  [ "$(sort "$1.log" | uniq -d | wc -l)" -eq 0 ] && [ "$(wc -l <"$1.log")" -lt "$2" ] && script "$1-rest" "exec amorsize-mpi resume $1" &&
    id=$(submit "$1" -N3 -n3 -c2 "$1-rest.sbatch") && ends "$id" 0 && ran_once_each "$1" "$2"
}
drains() { # NAME "SCANCEL-OPTIONS" SCRIPT SBATCH-ARGUMENTS…
  local id
  job "$1" 400 0.4 "$one_slot"
  # shellcheck disable=SC2086 # several options
  id=$(submit "$1" "${@:4}" "$3" "$1.yaml") && gets_to_work "$1" && on ctl scancel $2 --signal=USR1 "$id" && ends "$id" 75 && says "$1" 'amorsize-mpi resume' && : >"$1.quick" &&
    goes_on "$1" 400
}
begin_limited() { # its limit of one minute passes while the other tests run; it takes one core of n4, which leaves 2(x3),1 to by_hand
  job limited 4000 0.2 "$one_slot"
  script limited 'exec amorsize-mpi run limited.yaml'
  limited=$(on ctl sbatch --parsable --time=1 -w n4 -n1 -c1 -D "$PWD" -o "$PWD/limited.out" limited.sbatch) && gets_to_work limited
}
limited_ends() {
  ends "$limited" 75 && says limited "the job's time limit" && says limited 'amorsize-mpi resume limited.runs/001' && [ ! -s "$base/doubles" ] &&
    [ "$(sort limited.log | uniq -d | wc -l)" -eq 0 ]
}

check 'a job with a limit of one minute begins' begin_limited
check 'one-node.sbatch' one_node
check 'many-nodes.sbatch: the ranks are launched over three nodes' many_nodes
check 'plan --sbatch: its script runs the rest of the sampled run as planned' planned
check 'array.sbatch: every element runs its own share' array
check 'requeue.sbatch: drained by USR1, the job goes back into the queue and on with its run' requeue again requeue.sbatch 0.3
check 'the description says requeue, over several nodes' requeue widely many-nodes.sbatch 0.5
check 'scancel ends a job for good' scancel_is_for_good
check 'nodes with different numbers of slots: the ranks are launched by us' by_hand uneven amorsize-mpi '7'
check 'srun --mpi=pmix over nodes with different numbers of slots' by_hand by-srun "env $by_srun amorsize-mpi" '7'
check 'mpirun over nodes with different numbers of slots' by_hand by-mpirun 'mpirun --bind-to none amorsize-mpi' '[0-9]+'
check 'srun without PMI is refused' singletons_are_refused
script steps "exec env $by_srun amorsize-mpi run \"\$1\""
check 'srun amorsize-mpi node: each node of the allocation is measured, within what the job may use' node_under node-srun "env $by_srun amorsize-mpi"
check 'mpirun amorsize-mpi node: likewise' node_under node-mpirun 'mpirun --bind-to none amorsize-mpi'
check 'amorsize-mpi node in a job of one node' node_alone
check 'scancel --signal=USR1 reaches the ranks of srun' drains steps '' steps.sbatch -N3 -n3 -c1
check 'scancel --batch --signal=USR1 reaches the run alone on a node' drains batch --batch one-node.sbatch
check 'scancel --batch --signal=USR1 reaches the launch over several nodes' drains wide --batch many-nodes.sbatch
check "the time limit: the run ends before it, by itself" limited_ends
echo "1..$tests"

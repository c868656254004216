#!/usr/bin/env bash
# cluster_selftest.sh: shows, in TAP, that the cluster itself is what the other tests take it for. Uses a cluster of its own and leaves nothing behind.
# shellcheck disable=SC2317 # functions are called through check
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
base=$(mktemp -d /var/tmp/amz-selftest.XXXXXX) # not /tmp: every host has its own
export AMZ_CLUSTER=$base/c AMZ_SHARED=$base/s
trap '"$here/cluster-down.sh" && rm -rf "$base"' EXIT
cd "$base"

if ! why=$("$here/cluster-up.sh" --check 2>&1); then
  echo "1..0 # SKIP $why"
  exit 0
fi
# shellcheck source=tests/cluster/env.sh
. "$here/env.sh"

count=0 failed=0
# check "name" command…: one test; what the command prints is shown when it fails
check() {
  local name=$1
  shift
  count=$((count + 1))
  if "$@" >"$base/out" 2>&1; then
    echo "ok $count - $name"
  else
    echo "not ok $count - $name"
    sed 's/^/# /' "$base/out"
    failed=1
  fi
}
skipped() { count=$((count + 1)); echo "ok $count - $1 # SKIP $2"; }

# the output is exactly these lines, in any order
prints() {
  local expected=$1
  shift
  "$@" </dev/null | sort >"$base/lines" || return 1
  diff "$base/lines" <(printf '%s\n' "$expected")
}
# mpirun that can't reach a node may wait for ever
hosts_of_hello() { timeout 60 "$@" | sed -n 's/^rank .* host //p'; }

each_has_its_name() { local h; for h in ctl n1 n2 n3; do prints "$h" on "$h" hostname || return 1; done; }
each_has_its_tmp() {
  on n1 touch /tmp/here /dev/shm/here "$AMZ_SHARED/here"
  on n2 test ! -e /tmp/here -a ! -e /dev/shm/here -a -e "$AMZ_SHARED/here" && [ ! -e /tmp/here ]
}
status_comes_through() { local rc=0; on n2 sh -c 'exit 42' || rc=$?; [ "$rc" -eq 42 ]; }
bad_calls_are_refused() {
  local call rc
  for call in 'cluster-up.sh 0' 'cluster-up.sh x' 'on n1' 'on ../x true' 'node-kill.sh ctl' 'node-delay.sh n1' 'node-delay.sh n1 -5'; do
    rc=0
    # shellcheck disable=SC2086 # a list of words
    "$here"/$call || rc=$?
    [ "$rc" -eq 2 ] || { echo "$call: $rc"; return 1; }
  done
}
second_call_makes_nothing() { "$here/cluster-up.sh" 3 >"$base/second" && ! grep made "$base/second"; }

# Lower bounds alone: a machine under load may be slower, never faster.
delay_is_there() {
  node-delay.sh n3 20000 && timeout 60 "$here/cmpirun" -host n1:1,n3:1 "$AMZ_SHARED/hello" 5 >"$base/delayed" && cat "$base/delayed" &&
    awk '/^one way/ { us = $3 } END { exit !(us >= 20000) }' "$base/delayed"
}
delay_goes() { node-delay.sh n3 0 && [ ! -e "$AMZ_CLUSTER/n3.delay" ] && prints $'n1\nn3' hosts_of_hello cmpirun -host n1:1,n3:1 "$AMZ_SHARED/hello"; }

node_dies() {
  local p
  on n2 sleep 1000 &
  p=$!
  node-kill.sh n2 && ! on n2 true && ! wait "$p" && prints n1 on n1 hostname
}
node_comes_back() { cluster-up.sh 3 && prints n2 on n2 hostname && prints $'n1\nn2' hosts_of_hello cmpirun -host n1:1,n2:1 "$AMZ_SHARED/hello"; }

slurm_runs_a_script() {
  cat >"$AMZ_SHARED/job.sbatch" <<EOF
#!/bin/bash
#SBATCH --nodes=3 --ntasks-per-node=2 --time=2 --output=$AMZ_SHARED/job.out
$1
EOF
  rm -f "$AMZ_SHARED/job.out"
  timeout 60 "$here/on" ctl sbatch --wait "$AMZ_SHARED/job.sbatch" || { cat "$AMZ_SHARED/job.out"; return 1; }
  prints $'n1\nn1\nn2\nn2\nn3\nn3' hosts_of_hello cat "$AMZ_SHARED/job.out"
}
slurm_node_is_down() { [ "$(on ctl sinfo -h -N -n n3 -o %t)" != idle ]; }
slurm_node_comes_back() {
  node-kill.sh n3 && on ctl scontrol update NodeName=n3 State=down Reason=killed && slurm_node_is_down &&
    start-slurm.sh 3 && prints $'n1\nn2\nn3' timeout 60 "$here/on" ctl srun -N3 hostname
}

nothing_is_left() {
  local ns found
  ns=$(cat "$AMZ_CLUSTER"/*.ns)
  "$here/cluster-down.sh" || return 1
  for found in $ns; do [ -z "$(processes_of "$found")" ] || { echo "processes of $found are left"; return 1; }; done
  [ ! -e "$AMZ_CLUSTER" ] && ! grep "$base" /proc/self/mounts && "$here/cluster-down.sh"
}

check "a cluster of 3 nodes starts" cluster-up.sh 3
check "a second call makes nothing" second_call_makes_nothing
check "each host has its own name" each_has_its_name
check "each host has its own /tmp and /dev/shm, and the shared folder" each_has_its_tmp
check "a command's status comes through" status_comes_through
check "wrong calls are refused" bad_calls_are_refused
if command -v mpicc >/dev/null 2>&1 && mpicc -O1 -o "$AMZ_SHARED/hello" "$here/hello.c" 2>"$base/out"; then
  check "Open MPI runs over 3 nodes" prints $'n1\nn1\nn2\nn3' hosts_of_hello cmpirun -host n1:2,n2:1,n3:1 "$AMZ_SHARED/hello"
  if [ -e /dev/net/tun ]; then
    check "a link is delayed" delay_is_there
    check "a link's delay goes" delay_goes
  else
    skipped "a link is delayed" "no /dev/net/tun"
    skipped "a link's delay goes" "no /dev/net/tun"
  fi
  check "a node dies, the others live" node_dies
  check "a dead node comes back" node_comes_back
else
  for t in "Open MPI runs over 3 nodes" "a link is delayed" "a link's delay goes" "a node dies, the others live" "a dead node comes back"; do
    skipped "$t" "Open MPI's compiler not found"
  done
fi
if why=$("$here/start-slurm.sh" --check 2>&1) && [ -x "$AMZ_SHARED/hello" ]; then
  check "Slurm starts on 3 nodes" start-slurm.sh 3
  check "sbatch runs mpirun over 3 nodes" slurm_runs_a_script ". '$AMZ_CLUSTER/bin/env.sh'; mpirun '$AMZ_SHARED/hello'"
  check "sbatch runs srun --mpi=pmix over 3 nodes" slurm_runs_a_script ". '$AMZ_CLUSTER/bin/env.sh'; srun --mpi=pmix '$AMZ_SHARED/hello'"
  check "a node of Slurm's dies and comes back" slurm_node_comes_back
else
  for t in "Slurm starts on 3 nodes" "sbatch runs mpirun over 3 nodes" "sbatch runs srun --mpi=pmix over 3 nodes" "a node of Slurm's dies and comes back"; do
    skipped "$t" "${why:-Open MPI not found}"
  done
fi
check "nothing is left behind" nothing_is_left
echo "1..$count"
exit "$failed"

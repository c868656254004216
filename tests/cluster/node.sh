#!/usr/bin/env bash
# node.sh: `node` over nodes with names of their own: each is measured once, those of a type are shown together, others apart. TAP; a cluster of its own,
# nothing is left behind.
# shellcheck disable=SC2317 # functions are called through check
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
builddir=${top_builddir:-$(cd "$here/../.." && pwd)}
base=$(mktemp -d /var/tmp/amz-node.XXXXXX) # not /tmp: every host has its own
export AMZ_CLUSTER=$base/c AMZ_SHARED=$base/s AMORSIZE_CACHE_DIR=$base/cache
unset HWLOC_SYNTHETIC HWLOC_XMLFILE HWLOC_FSROOT
trap '"$here/cluster-down.sh" && rm -rf "$base"' EXIT
cd "$base"

give_up() { echo "1..0 # SKIP $1"; exit 0; }
why=$("$here/cluster-up.sh" --check 2>&1) || give_up "$why"
command -v mpirun.openmpi >/dev/null 2>&1 || command -v mpirun >/dev/null 2>&1 || give_up "Open MPI's mpirun not found"
command -v jq >/dev/null 2>&1 || give_up "jq not found"
[ -x "$builddir/amorsize-mpi-rank" ] || give_up "amorsize-mpi isn't built"
! ldd "$builddir/amorsize-mpi-rank" | grep -q 'libmpich\.' || give_up "built with MPICH"
# shellcheck source=tests/cluster/env.sh
. "$here/env.sh"
. "$here/../support/cores.sh"
cores=$(our_cores | wc -l) one=$(our_cores | head -n 1)

count=0 failed=0
check() { # NAME COMMAND...: what it says, and the last launch's streams, as comments
  local name=$1
  shift
  count=$((count + 1))
  if "$@" >said 2>&1; then echo "ok $count - $name"; else
    failed=1
    echo "not ok $count - $name"
    tail -n 40 said out err 2>&1 | sed 's/^/# /'
  fi
}
equal() { [ "$1" = "$2" ] || { printf 'is:\n%s\nexpected:\n%s\n' "$1" "$2"; return 1; }; }
is() { check "$1" equal "$2" "$3"; }
launch() { # MPIRUN'S OPTIONS AND PROGRAM...: to its end; its exit status in $status
  status=0
  timeout -k 2 400 "$here/cmpirun" -x AMORSIZE_CACHE_DIR "$@" >out 2>err </dev/null || status=$?
}
program=$AMZ_SHARED/bin/amorsize-mpi
ranks_in() { local p; for p in $(processes_of "$1"); do grep -s amorsize "/proc/$p/comm" || :; done; }
no_ranks() { local ns; for ns in $(sort -u "$AMZ_CLUSTER"/*.ns); do [ -z "$(ranks_in "$ns")" ] || return 1; done; }

check "a cluster of 3 nodes starts" "$here/cluster-up.sh" 3
mkdir -p "$AMZ_SHARED/bin"
cp "$builddir/amorsize-mpi" "$builddir/amorsize-mpi-rank" "$builddir/amorsize-mpi-helper" "$AMZ_SHARED/bin"

launch --bind-to none -host n1:2,n2:1,n3:2 "$program" node --format json
is "3 nodes: exit status" "$status" 0
is "3 nodes: how many" "$(jq .nodes out)" 3
is "3 nodes: one type" "$(jq '.types | length' out)" 1
is "3 nodes: each once" "$(jq -c '[.types[0].each[].host] | sort' out)" '["n1","n2","n3"]'
is "3 nodes: all of them measured" "$(jq '[.types[].each[] | select(.bandwidth_bytes_per_s > 0)] | length' out)" 3
is "3 nodes: messages between nodes and inside one" \
  "$(jq -c '.types[0].profile.costs | [.message_between.alpha_s.source, .message_inside.alpha_s.source]' out)" '["measured","measured"]'
is "3 nodes: none failed" "$(jq -c .failed out)" '[]'
is "3 nodes: one entry of the cache" "$("$program" cache list --format json | jq length)" 1
check "3 nodes: no rank is left" wait_for 120 no_ranks

launch --bind-to none -host n1:1,n2:1 "$program" node --fast
is "in words: exit status" "$status" 0
is "in words: a row for each" "$(sed -n 's/^  \(n[0-9]\) .*not measured.*/\1/p' out | tr '\n' ' ')" "n1 n2 "

launch --bind-to none -host n1:1 -n 1 "$program" node --fast --format json : \
  -host n3:1 -n 1 taskset -c "$one" "$program" node --fast --format json
is "nodes that differ: exit status" "$status" 0
if [ "$cores" -gt 1 ]; then
  is "nodes that differ are kept apart" "$(jq -c '[.types[] | [.each[].host, .profile.allowed_cores]]' out)" "[[\"n1\",$cores],[\"n3\",1]]"
else
  count=$((count + 1))
  echo "ok $count - nodes that differ are kept apart # SKIP one core: they can't differ"
fi

# All three compute at the same time on the cores of this machine; one of them has to stand back. By how much is the machine's business: what is made of
# it, tests/unit/survey holds against numbers.
launch --bind-to none -host n1:1,n2:1 -n 2 "$program" node --format json : -host n3:1 -n 1 nice -n 19 "$program" node --format json
is "a slow node: exit status" "$status" 0
is "a slow node: is of their type, and held against them" \
  "$(jq -c '[(.types | length), (.types[0].each[] | select(.host == "n3") | .slower_by | type)]' out)" '[1,"number"]'

# ---- pictures: of each that differs ----
if command -v gnuplot >/dev/null 2>&1 && [ "$cores" -gt 1 ]; then
  launch --bind-to none -host n1:1,n2:1 -n 2 "$program" node --fast --plot pictures/ : \
    -host n3:1 -n 1 taskset -c "$one" "$program" node --fast --plot pictures/
  is "pictures: exit status" "$status" 0
  is "pictures: the first of each type" "$(ls pictures)" "bandwidth-n3.svg
bandwidth.svg
topology-n3.svg
topology.svg"
else
  count=$((count + 1))
  echo "ok $count - pictures: the first of each type # SKIP no gnuplot, or one core"
fi

launch -host n1:1,n2:1 "$program" node --topology nothing
is "a topology that is none: exit status" "$status" 2
check "a topology that is none: no rank is left" wait_for 120 no_ranks

echo "1..$count"
exit $failed

#!/usr/bin/env bash
# runs.sh: runs over nodes with names of their own, launched by Open MPI's mpirun over a network; a node dies in mid-run. TAP; a cluster of its own, nothing is
# left behind. AMZ_ALL=1 kills five times, and lets the others go on without the node, too (they give it a minute and a half).
# shellcheck disable=SC2317 # functions are called through check
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
builddir=${top_builddir:-$(cd "$here/../.." && pwd)}
base=$(mktemp -d /var/tmp/amz-runs.XXXXXX) # not /tmp: every host has its own
export AMZ_CLUSTER=$base/c AMZ_SHARED=$base/s AMORSIZE_HISTORY_DIR=$base/history AMORSIZE_CACHE_DIR=$base/cache # never the user's own
ours=(-x AMORSIZE_HISTORY_DIR -x AMORSIZE_CACHE_DIR)
trap '"$here/cluster-down.sh" && rm -rf "$base"' EXIT
cd "$base"

give_up() { echo "1..0 # SKIP $1"; exit 0; }
why=$("$here/cluster-up.sh" --check 2>&1) || give_up "$why"
command -v mpirun.openmpi >/dev/null 2>&1 || command -v mpirun >/dev/null 2>&1 || give_up "Open MPI's mpirun not found"
[ -x "$builddir/amorsize-mpi-rank" ] || give_up "amorsize-mpi isn't built"
! ldd "$builddir/amorsize-mpi-rank" | grep -q 'libmpich\.' || give_up "built with MPICH"
# shellcheck source=tests/cluster/env.sh
. "$here/env.sh"

count=0 failed=0
pass() { count=$((count + 1)); echo "ok $count - $1"; }
fail() { # NAME FILE...: what the files say as comments
  count=$((count + 1)) failed=1
  echo "not ok $count - $1"
  shift
  tail -n 40 "$@" 2>&1 | sed 's/^/# /'
}
check() {
  local name=$1
  shift
  if "$@" >"$base/said" 2>&1; then pass "$name"; else fail "$name" "$base/said" out err; fi
}
is() { if [ "$2" = "$3" ]; then pass "$1"; else printf 'is:\n%s\nexpected:\n%s\n' "$2" "$3" >"$base/said"; fail "$1" "$base/said" out err; fi; }

amorsize() { "$AMZ_SHARED/bin/amorsize-mpi" "$@"; }
# launch HOSTS [MPIRUN'S OPTIONS...] ARG...: to its end; its exit status in $status
launch() {
  local hosts=$1
  shift
  status=0
  timeout -k 2 400 "$here/cmpirun" "${ours[@]}" -host "$hosts" "$@" >out 2>err </dev/null || status=$?
}
program=$AMZ_SHARED/bin/amorsize-mpi
fresh() { mkdir "$AMZ_SHARED/$1" && cd "$AMZ_SHARED/$1"; }
command_='echo {n} >>log; hostname >&2; seq {n}'
expected() { local k; for k in $(seq "$1"); do seq "$k"; done; }
nodes_of() { amorsize tasks "$1" --format json | grep -o '"node": *"[^"]*"' | tr -d ' "' | cut -d: -f2 | sort -u | tr '\n' ' '; }
begun() { [ "$(wc -l 2>/dev/null <log)" -ge "$1" ]; }
# Words for a task's command. `gate N`: with more than N lines in ./log it waits until there is ./go, so that what happens in the middle of a run does so on any
# machine. `meet N`: it goes on when tasks of N nodes have begun, so that none comes too late to have any. Two minutes at most. (tests/cli/lib.sh has the same.)
# shellcheck disable=SC2016 # expanded by the task
gate() { printf '[ "$(wc -l <log)" -le %s ] || for i in $(seq 2400); do [ -e go ] && break; sleep 0.05; done' "$1"; }
# shellcheck disable=SC2016
meet() { printf ': >"%s/met.$(hostname)"; for i in $(seq 2400); do [ "$(ls -d "%s"/met.* | wc -l)" -ge %s ] && break; sleep 0.05; done' "$PWD" "$PWD" "$1"; }
outputs_are() { amorsize output "$1" | cmp - <(expected "$2"); }
each_once() { # NAME RUN N
  is "$1: each task is recorded once" "$(amorsize tasks "$2" | awk 'NR > 1 && $2 == "succeeded" { print $1 }' | sort -n)" "$(seq 0 $(($3 - 1)))"
  check "$1: outputs, in the order of the tasks" outputs_are "$2" "$3"
}
all_done() { amorsize status "$1" 2>/dev/null | grep -q ': finished'; }
no_ranks() { local ns; for ns in $(sort -u "$AMZ_CLUSTER"/*.ns); do [ -z "$(ranks_in "$ns")" ] || return 1; done; }
ranks_in() { local p; for p in $(processes_of "$1"); do grep -s amorsize "/proc/$p/comm" || :; done; }
nothing_left() { wait_for 120 no_ranks; }

check "a cluster of 3 nodes starts" "$here/cluster-up.sh" 3
mkdir -p "$AMZ_SHARED/bin"
cp "$builddir/amorsize-mpi" "$builddir/amorsize-mpi-rank" "$builddir/amorsize-mpi-helper" "$AMZ_SHARED/bin"

fresh plain
launch n1:2,n2:2,n3:1 "$program" run --name over --command "$(meet 3); $command_" --for n=1..60
is "over 3 nodes: exit status" "$status" 0
each_once "over 3 nodes" over 60
is "over 3 nodes: every node has had tasks" "$(nodes_of over)" "n1 n2 n3 "
is "over 3 nodes: tasks ran where it is said" "$(amorsize output over --stderr | tr -d ' ' | sort -u | tr '\n' ' ')" "n1 n2 n3 "
check "over 3 nodes: nothing is left" nothing_left

# Nobody takes a run from a holder elsewhere that lives.
fresh held
timeout -k 2 400 "$here/cmpirun" "${ours[@]}" -host n1:1 "$program" run --name held --command "$command_; $(gate 8)" --for n=1..40 --slots 4 >out 2>err </dev/null &
held=$!
check "a run on another node: begins" wait_for 120 begun 4
status=0
timeout -k 2 400 "$here/on" n2 "$program" resume --take-over held >out2 2>err2 </dev/null || status=$?
is "a run on another node: can't be taken from it" "$status" 3
check "a run on another node: it is said that it lives" grep -q 'on host n1 runs it now: it has just given a sign of life' err2
status=0
: >go
wait $held || status=$?
is "a run on another node: isn't disturbed" "$status" 0
each_once "a run on another node" held 40

# A cluster's nodes may not all see the directory in which a run was started.
fresh unseen
on n1 mkdir -p /tmp/here
status=0
timeout -k 2 400 "$here/cmpirun" "${ours[@]}" -host n1:1,n2:1 --wdir /tmp "$program" run --name unseen --runs-in /tmp/here --command true --for n=1..4 >out 2>err </dev/null || status=$?
is "a directory that one node alone sees: exit status" "$([ $status -ne 0 ] && echo refused)" refused
check "a directory that one node alone sees: nothing hangs" [ "$status" -ne 124 ]
check "a directory that one node alone sees: nothing is left" nothing_left

killed() { # ROUND
  fresh "killed$1"
  timeout -k 2 400 "$here/cmpirun" "${ours[@]}" -host n1:2,n2:2,n3:2 "$program" run --name killed --command "$command_; $(gate 30)" --for n=1..150 >out 2>err </dev/null &
  local launch=$!
  check "a node is killed ($1): the run begins" wait_for 120 begun 20
  check "a node is killed ($1)" "$here/node-kill.sh" n$((2 + $1 % 2))
  : >go
  status=0
  wait $launch || status=$?
  is "a node is killed ($1): the launch ends" "$([ "$status" != 0 ] && [ "$status" != 124 ] && echo 'by itself')" 'by itself'
  check "a node is killed ($1): nothing is left on the others" nothing_left
  launch n1:2,n$((3 - $1 % 2)):1 "$program" resume killed
  is "a node is killed ($1): gone on with on the others" "$status" 0
  each_once "a node is killed ($1)" killed 150
  check "a node is killed ($1): it comes back" "$here/cluster-up.sh" 3
}

# With rank 0's node gone the others must end by themselves.
master_killed() { # ROUND
  fresh "master$1"
  timeout -k 2 400 "$here/cmpirun" "${ours[@]}" -host n1:2,n2:2,n3:2 "$program" run --name killed --command "$command_; $(gate 30)" --for n=1..150 >out 2>err </dev/null &
  local launch=$!
  check "rank 0's node is killed ($1): the run begins" wait_for 120 begun 20
  check "rank 0's node is killed ($1)" "$here/node-kill.sh" n1
  : >go
  wait $launch || :
  check "rank 0's node is killed ($1): nothing is left on the others" nothing_left
  touch killed.runs/001/lease # as young as a lease can be: whether n1 is dead or cut off can't be told from elsewhere until it has been silent for long
  if [ $(($1 % 2)) -eq 1 ]; then
    launch n2:2,n3:2 "$program" resume --take-over killed
    check "rank 0's node is killed ($1): it is said that the run waits for a sign of life" grep -q 'on host n1 ran it, last heard of .* until 15 s have passed' err
  else
    touch -d '110 seconds ago' killed.runs/001/lease # as if they had passed
    launch n2:2,n3:2 "$program" resume killed
    check "rank 0's node is killed ($1): it is said that the run waits for a sign of life" grep -q 'until 120 s have passed' err
  fi
  is "rank 0's node is killed ($1): it is gone on with elsewhere" "$status" 0
  each_once "rank 0's node is killed ($1)" killed 150
  check "rank 0's node is killed ($1): it comes back" "$here/cluster-up.sh" 3
}

survived() { # ROUND
  fresh "survived$1"
  timeout -k 2 400 "$here/cmpirun" "${ours[@]}" -host n1:2,n2:2,n3:2 --enable-recovery "$program" run --name killed --command "$command_; $(gate 30)" --for n=1..150 >out 2>err </dev/null &
  local launch=$!
  check "a node is killed and survived ($1): the run begins" wait_for 120 begun 20
  check "a node is killed and survived ($1)" "$here/node-kill.sh" n3
  : >go
  wait_for 150 all_done killed || :
  kill $launch 2>/dev/null || :
  wait $launch || :
  all_done killed || launch n1:2,n2:2 "$program" resume killed
  each_once "a node is killed and survived ($1)" killed 150
  check "a node is killed and survived ($1): nothing is left" nothing_left
  check "a node is killed and survived ($1): it comes back" "$here/cluster-up.sh" 3
}

# Scratch that is a node's own: each host has its own /tmp. The directory in which the run is started isn't seen by n2 and n3 either.
unseen=/tmp/start # on n1
gathering() { # ARG...
  status=0
  "$here/on" n1 mkdir -p "$unseen"
  timeout -k 2 400 "$here/cmpirun" "${ours[@]}" -host n1:1,n2:1,n3:1 sh -c 'cd '$unseen' 2>/dev/null || cd /; exec "$@"' sh "$program" "$@" >out 2>err </dev/null || status=$?
}
from_n1() { "$here/on" n1 sh -c 'cd '$unseen' && exec "$@"' sh "$program" "$@"; }
outputs_on_n1_are() { from_n1 output "$1" 2>/dev/null | cmp - <(expected "$2"); }
scratch_is_empty() { local n; for n in n1 n2 n3; do ! "$here/on" $n sh -c 'ls -d /tmp/amorsize-mpi-*' 2>/dev/null || return 1; done; }
fresh gathered
gathering run --name far --command "$(meet 3); hostname >&2; seq {n}" --for n=1..60 --set output.gather=true
is "outputs of nodes are gathered: exit status" "$status" 0
check "outputs of nodes are gathered: in the order of the tasks" outputs_on_n1_are far 60
is "outputs of nodes are gathered: from all" "$(from_n1 output far --stderr | sort -u | tr '\n' ' ')" "n1 n2 n3 "
check "outputs of nodes are gathered: nothing is left there" scratch_is_empty

# A node that dies with what it has kept: its tasks run again when that is wanted.
gathered_and_killed() { # ROUND
  fresh "gathered$1"
  "$here/on" n1 sh -c "mkdir -p $unseen && rm -rf $unseen/*"
  timeout -k 2 400 "$here/cmpirun" "${ours[@]}" -host n1:1,n2:1,n3:1 sh -c 'cd '$unseen' 2>/dev/null || cd /; exec "$@"' sh "$program" run --name gone --command "$(meet 3); [ {n} -le 100 ] || [ -e $PWD/go ] || sleep 1000; seq {n}" \
    --for n=1..200 --set output.gather=true --set 'sample.tasks=[0, 0]' >out 2>err </dev/null & # a sample's tasks would wait in all slots
  local launch=$!
  check "a node whose outputs weren't gathered is killed ($1): half is recorded" wait_for 180 half_on_n1
  touch go
  "$here/node-kill.sh" n3
  wait $launch || :
  check "a node whose outputs weren't gathered is killed ($1): nothing is left on the others" nothing_left
  timeout -k 2 400 "$here/cmpirun" "${ours[@]}" -host n1:1,n2:1 sh -c 'cd '$unseen' 2>/dev/null || cd /; exec "$@"' sh "$program" resume gone >out 2>err </dev/null || :
  check "a node whose outputs weren't gathered is killed ($1): it is told" grep -q 'outputs of .* tasks are on node n3 in /tmp/amorsize-mpi-' err
  status=0
  timeout -k 2 400 "$here/cmpirun" "${ours[@]}" -host n1:1,n2:1 sh -c 'cd '$unseen' 2>/dev/null || cd /; exec "$@"' sh "$program" resume --retry-lost gone >out 2>err </dev/null || status=$?
  is "a node whose outputs weren't gathered is killed ($1): run again" "$status" 0
  check "a node whose outputs weren't gathered is killed ($1): outputs, in the order of the tasks" outputs_on_n1_are gone 200
  check "a node whose outputs weren't gathered is killed ($1): it comes back" "$here/cluster-up.sh" 3
}
half_on_n1() { # the node that is to die has had its part
  from_n1 tasks gone --format json >half 2>/dev/null && [ "$(grep -c '"index"' half)" -gt 80 ] && grep -q '"node": *"n3"' half
}

rounds=${AMZ_ALL:+5}
for round in $(seq "${rounds:-1}"); do
  killed "$round"
  master_killed "$round"
  gathered_and_killed "$round"
done
[ -z "${AMZ_ALL-}" ] || survived 1

echo "1..$count"
exit "$failed"

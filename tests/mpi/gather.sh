#!/bin/sh
# output.gather over ranks of one host, each in a UTS name space of its own, so that it seems to be on another node: what was written there comes to the run
# directory, at the end, at a drain, after a death by the next launch; what can't come is told.
# shellcheck disable=SC2034,SC2154
. "$top_srcdir/tests/mpi/lib.sh"

if ! unshare --uts hostname amz-test 2>/dev/null; then
  echo "1..0 # SKIP only root may give ranks other host names"
  exit 0
fi
TASKS=60
LAUNCH_LIMIT=300

# A launch whose ranks R are on nodes "nodeR"; scratch is shared, as their mounts are.
on_nodes() {
  mkdir -p scratch
  cat >node <<'END'
#!/bin/sh
hostname "node${OMPI_COMM_WORLD_RANK:-$PMI_RANK}"
TMPDIR=$AMZ_TEST_MARK/scratch
export TMPDIR
exec amorsize-mpi "$@"
END
  chmod +x node
}
gather_try() { # RANKS ARG...
  ranks=$1
  shift
  # shellcheck disable=SC2086
  try env AMZ_TEST_MARK="$here" timeout -k 2 "$LAUNCH_LIMIT" $quick -n "$ranks" unshare --uts ./node "$@"
}
gather_start() { # RANKS ARG...
  ranks=$1
  shift
  # shellcheck disable=SC2086
  start env AMZ_TEST_MARK="$here" timeout -k 2 "$LAUNCH_LIMIT" $quick -n "$ranks" unshare --uts ./node "$@"
}
in_scratch() { find scratch -name '*.pack' | wc -l; }
begin() { # a launch whose nodes have packs; half of its tasks wait at the gate
  fresh
  on_nodes
  gather_start 3 run --name far --command "$COMMAND; $(gate 30)" --for n=1..$TASKS --set output.gather=true --set 'sample.tasks=[0, 0]'
  wait_for both_have_packs
}
both_have_packs() { [ "$(in_scratch)" -eq 2 ] && begun 20; }
# A launch that is killed when half of its tasks are recorded; the others wait for ./go.
begin_half() { # NAME
  fresh
  on_nodes
  # in the list's order: a sample's tasks, spread over all of it, would wait in all slots
  gather_start 3 run --name far --command "$COMMAND; [ {n} -le 30 ] || [ -e go ] || sleep 1000" --for n=1..$TASKS --set output.gather=true \
    --set 'sample.tasks=[0, 0]'
  wait_for half_is_there || fail "$1: half is recorded" "$(cat bg.err)"
  touch go
  kill_all "$1"
}
half_is_there() { [ "$(in_scratch)" -eq 2 ] && half_is_recorded; }
half_is_recorded() { [ "$(amorsize-mpi tasks far 2>/dev/null | awk 'NR > 1' | wc -l)" -ge 24 ]; }
kill_all() {
  # shellcheck disable=SC2046 # processes
  kill -KILL $(of_launch amorsize-mpi-ra) $(of_launch mpirun) $(of_launch mpiexec) 2>/dev/null
  finish
  left_nothing "$1"
}
elsewhere_is_told() { grep -q "outputs of .* tasks are on node node[12] in $here/scratch/amorsize-mpi-" err; }

# ---- at the end ----
begin
is 'packs are on the nodes while it runs' "$(in_scratch)" 2
is 'nobody else can read them there' "$(stat -c %a scratch/amorsize-mpi-*)" 700
open_gate
finish
is 'gathered: exit status' "$status" 0
each_once 'gathered' far $TASKS
is 'gathered: all packs are in the run directory' "$(ls far.runs/001/out)" "$(printf 'r0000%d-e0001.pack\n' 0 1 2)"
is 'gathered: nothing is left on the nodes' "$(ls scratch)" ''
left_nothing 'gathered'

# ---- at a drain, then gone on with ----
begin
drain TERM "$(rank_pid 0)"
finish
is 'drained: exit status' "$status" 75
is 'drained: nothing is left on the nodes' "$(ls scratch)" ''
is 'drained: outputs are here' "$(amorsize-mpi output far | wc -c)" "$(for n in $(amorsize-mpi tasks far | awk 'NR > 1 { print $1 + 1 }'); do seq "$n"; done | wc -c)"
gather_try 2 resume far
is 'drained: gone on with' "$status" 0
each_once 'drained' far $TASKS
left_nothing 'drained'

# ---- outputs of many pieces, more than are under way at once ----
fresh
on_nodes
gather_try 2 run --name big --command 'head -c 3000001 /dev/zero | tr "\0" {n}' --for n=0..7 --set output.gather=true
is 'large outputs: exit status' "$status" 0
amorsize-mpi output big | cksum >got
for n in 0 1 2 3 4 5 6 7; do head -c 3000001 /dev/zero | tr '\0' $n; done | cksum >wanted
check 'large outputs are what was written' cmp got wanted
is 'large outputs: nothing is left on the nodes' "$(ls scratch)" ''

# ---- all ranks are killed: a launch without ranks on those nodes says where outputs are, one with them brings them ----
begin_half 'killed'
check 'killed: packs are still on the nodes' [ "$(in_scratch)" -eq 2 ]
try amorsize-mpi resume far
is 'killed, gone on with elsewhere: exit status' "$status" 75
check 'killed, gone on with elsewhere: it is told where outputs are' elsewhere_is_told
amorsize-mpi output far >outputs 2>outputs.err
check 'killed: output says where' grep -q 'its output is still on node node[12], in ' outputs.err
gather_try 3 resume far
is 'killed, gone on with there: exit status' "$status" 0
each_once 'killed, gone on with there' far $TASKS
is 'killed, gone on with there: nothing is left on the nodes' "$(ls scratch)" ''
left_nothing 'killed, gone on with'

# ---- the nodes' outputs are lost ----
begin_half 'lost'
rm -rf scratch/amorsize-mpi-*
gather_try 3 resume far
is 'lost: exit status' "$status" 75
check 'lost: it is told' grep -q 'outputs of .* tasks that ran on node node[12] are lost: amorsize-mpi resume --retry-lost far' err
gather_try 2 resume --retry-lost far
is 'lost, run again: exit status' "$status" 0
each_once 'lost, run again' far $TASKS
left_nothing 'lost, run again'

# ---- the run directory's disk is full when outputs arrive ----
fresh
on_nodes
mkdir small
if mount -t tmpfs -o size=2m none small 2>/dev/null; then
  : >log.node1
  gather_try 2 run --runs-in small --name full --command '[ "$(hostname)" = node0 ] || head -c 500000 /dev/zero; echo {n} >>"log.$(hostname)"; '\
'for i in $(seq 2400); do [ "$(hostname)" = node0 ] && [ "$(wc -l <log.node1)" -lt 8 ] || break; sleep 0.05; done' \
    --for n=1..24 --set output.gather=true --set 'sample.tasks=[0, 0]' # rank 0 waits until more is on the other node than there is room for
  is 'disk full: exit status' "$status" 3
  check 'disk full: said' grep -q 'outputs could not be gathered, and stay on their nodes: .*No space left on device' err
  check 'disk full: outputs are still on the node' [ "$(in_scratch)" -eq 1 ]
  is 'disk full: nothing half is left' "$(find small/full.runs/001/out -mindepth 1 ! -name 'r*pack')" ''
  left_nothing 'disk full'
  mount -o remount,size=64m small
  gather_try 2 resume small/full.runs/001
  is 'room was made: exit status' "$status" 0
  is 'room was made: nothing is left on the nodes' "$(ls scratch)" ''
  is 'room was made: all can be read' "$(amorsize-mpi output small/full.runs/001 | wc -c)" "$(($(amorsize-mpi tasks small/full.runs/001 | grep -c node1) * 500000))"
  umount small
else
  skip 'disk full' 'no tmpfs can be mounted here'
fi

# ---- a place that isn't safe ----
fresh
on_nodes
mkdir -m 777 open
gather_try 2 run --name unsafe --command "$COMMAND" --for n=1..6 --set output.gather=true --set "stage.scratch=$here/open"
check 'a place that anybody may change: said' grep -q "rank 1 cannot take part: outputs can't be kept in .*/open/amorsize-mpi-" err
is 'a place that anybody may change: nothing is put there' "$(ls open)" ''
left_nothing 'a place that anybody may change'
done_testing

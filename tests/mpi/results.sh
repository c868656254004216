#!/bin/sh
# Results of plug-in tasks over ranks: kept by index and reduced to the same bits, whatever the number of ranks, when a rank dies in the middle and the run
# is resumed, and when nodes don't see the run directory.
# shellcheck disable=SC2034,SC2154
. "$top_srcdir/tests/mpi/lib.sh"
plugins=$top_builddir/configs/plugins/.libs
LAUNCH_LIMIT=300 # for lib.sh
TASKS=20011      # prime: no number of ranks or chunks divides it

job() { # NAME PLUGIN ARGS OUTPUT
  cat >"$1.yaml" <<END
job: $1
tasks: {plugin: $plugins/$2.so, args: "$3", for: {n: {range: [1, $TASKS]}}}
output: {$4}
END
}
reduced() { sed -n 's/^  reduced  *//p' out; }
values() { tail -c +4097 "$1"; } # of a results' file, without its header
# So many bytes of results have been written.
results_come() { [ "$(values "$1" 2>/dev/null | tr -d '\000' | wc -c)" -ge "$2" ]; }

fresh
# ---- whatever the ranks
for op in sum mean min; do job "$op" pi 9 "reduce: $op, results: r.npy"; done
for op in sum mean min; do
  try timeout "$LAUNCH_LIMIT" amorsize-mpi run --ranks 1 --slots 1 "$op.yaml"
  is "$op, one rank: exit status" "$status" 0
  first=$(reduced)
  values "$op.runs/001/out/r.npy" >one
  for ranks in 1 2 3 5; do
    [ "$ranks" != 1 ] || [ "$op" = sum ] || continue
    mpi_try "$ranks" run --slots 1 "$op.yaml"
    is "$op, launch of $ranks: exit status" "$status" 0
    is "$op, launch of $ranks: the same bits" "$(reduced)" "$first"
    values "$op.runs/latest/out/r.npy" >many
    check "$op, launch of $ranks: the same results" cmp one many
  done
done
(plugins=$top_builddir/tests/cli/.libs && job met plugin_odd 'meet 5' 'reduce: sum')
mpi_try 5 run --slots 1 met.yaml
is '5 ranks that wait for each other: the sum of their indexes' "$status $(reduced)" "0 sum $((TASKS * (TASKS - 1) / 2)) of 20 011 tasks"
is 'with 5 ranks all of them had tasks' "$(amorsize-mpi tasks met --format json | sed -n 's/.*"rank": \([0-9]*\).*/\1/p' | sort -u | wc -l)" 5

# ---- a rank dies, and the run is resumed by another number of ranks
job killed pi 4000 'reduce: mean, results: r.npy'
try timeout "$LAUNCH_LIMIT" amorsize-mpi run --ranks 1 --slots 1 killed.yaml
is 'a run without deaths: exit status' "$status" 0
whole=$(reduced)
values killed.runs/001/out/r.npy >one
number=1
for resumed_by in 1 2; do
  number=$((number + 1))
  dir=killed.runs/00$number
  mpi_start '' 3 run --quiet --slots 1 killed.yaml
  wait_for results_come $dir/out/r.npy $((resumed_by * 30000))
  kill -KILL "$(rank_pid "$resumed_by")"
  finish
  left_nothing "rank $resumed_by killed"
  if [ "$resumed_by" = 1 ]; then try timeout "$LAUNCH_LIMIT" amorsize-mpi resume --ranks 1 $dir; else mpi_try "$resumed_by" resume $dir; fi
  is "rank $resumed_by killed: all tasks have succeeded in the end" "$status $(sed -n 's/^  tasks  *//p' out | tr -d '\302\240\342\200\257 ')" \
    "0 $TASKS:${TASKS}succeeded,0failed"
  is "rank $resumed_by killed: the same bits" "$(reduced)" "$whole"
  values $dir/out/r.npy >many
  check "rank $resumed_by killed: the same results" cmp one many
done

# ---- nodes that don't see the run directory: what they keep is gathered
on_nodes() { # RANKS ARG...: the words of a launch over so many nodes
  ranks=$1
  shift
  # shellcheck disable=SC2086
  "$how" env AMZ_TEST_MARK="$here" timeout -k 2 "$LAUNCH_LIMIT" $quick -n "$ranks" unshare --uts ./node "$@"
}
# A plug-in whose results are its indexes, over three nodes, until some of each rank are recorded; all is killed then.
begin_far() { # NAME
  rm -f go
  (plugins=$top_builddir/tests/cli/.libs TASKS=$FAR && job "$1" plugin_odd 'gate 600' 'gather: true')
  how=start on_nodes 3 run --slots 1 --set 'sample.tasks=[0, 0]' "$1.yaml"
  wait_for all_recorded "$1" || fail "$1: tasks of all ranks are recorded" "$(cat bg.err)"
  # shellcheck disable=SC2046 # processes
  kill -KILL $(of_launch amorsize-mpi-ra) $(of_launch mpirun) $(of_launch mpiexec) 2>/dev/null
  finish
  left_nothing "$1"
  is "$1: results are on the nodes" "$(find scratch -name '*.results' | wc -l)" 2
  : >go
}
all_recorded() { [ "$(amorsize-mpi tasks "$1" --format json 2>/dev/null | sed -n 's/.*"rank": \([0-9]*\).*/\1/p' | sort -u | wc -l)" -eq 3 ]; }
right_in_the_end() { # NAME
  is "$1: all tasks have succeeded in the end" "$status $(sed -n 's/^  tasks  *//p' out | tr -d '\302\240\342\200\257 ')" "0 $FAR:${FAR}succeeded,0failed"
  values "$1.runs/001/out/results.bin" | od -An -v -w8 -t d8 | tr -d ' ' >many
  seq 0 $((FAR - 1)) >wanted
  check "$1: all results" cmp many wanted
  is "$1: nothing stays on the nodes" "$(find scratch -type f)" ''
}
FAR=1201
if unshare --uts hostname amz-test 2>/dev/null; then
  cat >node <<'END'
#!/bin/sh
hostname "node${OMPI_COMM_WORLD_RANK:-$PMI_RANK}"
TMPDIR=$AMZ_TEST_MARK/scratch
export TMPDIR
exec amorsize-mpi "$@"
END
  chmod +x node
  mkdir scratch
  job far pi 9 'gather: true, reduce: sum'
  # shellcheck disable=SC2086
  try env AMZ_TEST_MARK="$here" timeout -k 2 "$LAUNCH_LIMIT" $quick -n 3 unshare --uts ./node run --slots 1 far.yaml
  is 'reduced over nodes: exit status' "$status" 0
  far=$(reduced)
  try timeout "$LAUNCH_LIMIT" amorsize-mpi run --ranks 1 --slots 1 --set output.gather=false far.yaml
  is 'reduced over nodes: the same bits' "$far" "$(reduced)"
  is 'reduced over nodes: nothing stays on them' "$(ls scratch)" ''

  job kept pi 9 'gather: true, results: r.npy, reduce: sum'
  try timeout "$LAUNCH_LIMIT" amorsize-mpi run --ranks 1 --slots 1 --set output.gather=false kept.yaml
  values kept.runs/001/out/r.npy >one
  how=try on_nodes 3 run --slots 1 kept.yaml
  is 'results over nodes: exit status' "$status" 0
  values kept.runs/002/out/r.npy >many
  check 'results over nodes: the same' cmp one many
  is 'results over nodes: nothing stays on them' "$(ls scratch)" ''

  # Who goes on elsewhere does what is left. What nobody recorded stays where it is, even when it was written: here into the place of the last task.
  begin_far slain
  for f in scratch/*/out/*.results; do printf nonsense | dd of="$f" bs=1 seek=$((4096 + 8 * (FAR - 1))) conv=notrunc 2>/dev/null; done
  try timeout "$LAUNCH_LIMIT" amorsize-mpi resume --ranks 1 slain
  is 'slain, gone on with elsewhere: exit status' "$status" 75
  check 'slain, gone on with elsewhere: it is told where results are' grep -q "outputs of .* tasks are on node node[12] in $here/scratch/amorsize-mpi-" err
  how=try on_nodes 3 resume slain
  right_in_the_end slain

  begin_far lost
  rm -rf scratch/amorsize-mpi-*
  how=try on_nodes 3 resume lost
  is 'lost: exit status' "$status" 75
  check 'lost: it is told' grep -q 'outputs of .* tasks that ran on node node[12] are lost: amorsize-mpi resume --retry-lost lost' err
  how=try on_nodes 3 resume --retry-lost lost
  right_in_the_end lost
else
  skip 'reduced over nodes' 'only root may give ranks other host names'
fi
left_nothing 'in the end'
done_testing

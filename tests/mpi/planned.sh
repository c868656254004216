#!/bin/sh
# Plans inside launches: three ranks that share four (described) cores have one, one and two of them, and get slots by that.
# shellcheck disable=SC2016,SC2034,SC2154
. "$top_srcdir/tests/mpi/lib.sh"
unset SLURM_JOB_ID SLURM_JOBID SLURM_JOB_NODELIST SLURM_CPUS_ON_NODE

# on_three ARG...: the launcher sees what is there
on_three() {
  # shellcheck disable=SC2086 # a launcher with its options
  try env AMZ_TEST_MARK="$here" timeout -k 2 "$LAUNCH_LIMIT" $quick -n 3 env HWLOC_SYNTHETIC='core:4 pu:1' amorsize-mpi "$@"
}
slots_used() { awk -v rank="$1" '$1 == rank { print $2 }' log | sort -u | wc -l; } # RANK

fresh
on_three run --no-history --name nap --command 'sleep 0.5; echo {rank} {slot} >>log' --for n=1..1600 # much is left to plan for
tried_like 'tasks that wait, over three ranks' 0 '^  slot utilisation ' '^  plan +1 node × 3 ranks × [0-9]+ slots'
is 'each task has run once' "$(wc -l <log)" 1600
most=$(sed -n 's/^plan: .*ranks_per_node: 3, slots_per_rank: \([0-9]*\).*/\1/p' nap.runs/001/plan.yaml)
for rank in 0 1 2; do # they begin with one, one and two
  check "rank $rank gets more slots than cores" test "$(slots_used $rank)" -gt 2
done
# While they are sampled they may get more slots than the plan leaves them, but no more than 64 for each core.
check 'no rank has more slots than its two cores may have' test "$(slots_used 2)" -le 128
check 'those with one core have half as many' test "$(slots_used 0)" -le 64 -a "$(slots_used 1)" -le 64
slots=$(sed -n 's/^  slot utilisation .* of \([0-9]*\) slots.*/\1/p' out)
check 'four cores have twice as many as two' test "$((slots + slots % 2))" -eq "$((2 * most))"
left_nothing 'plans inside launches'
done_testing

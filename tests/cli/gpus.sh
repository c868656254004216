#!/bin/sh
# GPUs: each slot has its own. No driver is asked, so that none is needed here: what counts is what the tasks are told.
. "${top_srcdir:?}/tests/cli/lib.sh"
# shellcheck disable=SC2016 # expanded by the task
show='sh -c '"'"'echo "$CUDA_VISIBLE_DEVICES/$ROCR_VISIBLE_DEVICES"; sleep 0.2; : {n}'"'"
unset CUDA_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES SLURM_GPUS_ON_NODE

fresh
try env CUDA_VISIBLE_DEVICES=4,7 amorsize-mpi run -q --slots 2 --set resources.gpus=1 --set job=own --command "$show" --for n=1..4
is 'two slots with a GPU each: the run succeeds' "$status" 0
amorsize-mpi output own | sort -u >seen
is 'two slots, two GPUs: each has its own' "$(cat seen)" "4/
7/"

try env CUDA_VISIBLE_DEVICES=4,7,9 amorsize-mpi run --slots 4 --set resources.gpus=2 --set job=fewer --command "$show" --for n=1..2
tried_like 'as many slots as GPUs suffice for' 0 '' '1 slot instead of 4 here: each task needs 2 of 3 GPUs'
is 'a task gets as many as it needs' "$(amorsize-mpi output fewer | sort -u)" "4,7/"

try env CUDA_VISIBLE_DEVICES=4 amorsize-mpi run -q --set resources.gpus=2 --set job=none --command "$show" --for n=1..2
tried_like 'too few GPUs for one task' 3 '' 'each task needs 2 GPUs .*only 1'
try env CUDA_VISIBLE_DEVICES= amorsize-mpi run -q --set resources.gpus=1 --set job=nothing --command "$show" --for n=1..2
tried_like 'no GPU at all' 3 '' 'each task needs 1 GPU '
try env CUDA_VISIBLE_DEVICES=4,7 amorsize-mpi run -q --slots 2 --set job=shared --command "$show" --for n=1..2
is 'tasks that need none see what we see' "$(amorsize-mpi output shared | sort -u)" "4,7/"

try env CUDA_VISIBLE_DEVICES=4,7 amorsize-mpi run -q --ranks 2 --slots 1 --set resources.gpus=1 --set job=ranks --command "$show" --for n=1..6
is 'ranks of one node divide its GPUs: the run succeeds' "$status" 0
is 'ranks of one node divide its GPUs' "$(amorsize-mpi output ranks | sort -u)" "4/
7/"
done_testing

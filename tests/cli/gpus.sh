#!/bin/sh
# GPUs: each slot has its own. No driver is asked, so that none is needed here: what counts is what the tasks are told.
# shellcheck disable=SC2154
. "${top_srcdir:?}/tests/cli/lib.sh"
# Tasks that wait for each other: `told N WHAT`: a task's command goes on when N different WHATs have been told to tasks, so that no slot comes too late for one.
told() { # shellcheck disable=SC2016 # expanded by the task
  printf ': >"told.{job}.%s"; for i in $(seq 2400); do [ "$(ls -d told.{job}.* | wc -l)" -ge %s ] && break; sleep 0.05; done' "$2" "$1"
}
# shellcheck disable=SC2016
gpu='$CUDA_VISIBLE_DEVICES' show='echo "$CUDA_VISIBLE_DEVICES/$ROCR_VISIBLE_DEVICES"; : {n}'

fresh
try env CUDA_VISIBLE_DEVICES=4,7 amorsize-mpi run -q --slots 2 --set resources.gpus=1 --set job=own --command "$(told 2 "$gpu"); $show" --for n=1..4
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

try env CUDA_VISIBLE_DEVICES=4,7 amorsize-mpi run -q --ranks 2 --slots 1 --set resources.gpus=1 --set job=ranks --command "$(told 2 "$gpu"); $show" --for n=1..6
is 'ranks of one node divide its GPUs: the run succeeds' "$status" 0
is 'ranks of one node divide its GPUs' "$(amorsize-mpi output ranks | sort -u)" "4/
7/"

# ---- four GPUs for four slots: never two tasks on one at the same time ----
# A task takes the lock of its GPU as a directory: a second one there at the same time says so.
# shellcheck disable=SC2016
lock='mkdir "locks/$CUDA_VISIBLE_DEVICES" || echo TWICE; sleep 0.02; rmdir "locks/$CUDA_VISIBLE_DEVICES"; echo "gpu $CUDA_VISIBLE_DEVICES"; : {n}'
four() { # NAME OPTION...
  named=$1
  shift
  fresh
  mkdir locks
  try env CUDA_VISIBLE_DEVICES=0,1,2,3 amorsize-mpi run -q "$@" --set resources.gpus=1 --set job=four --set chunks.min=0s --set chunks.target=1ms \
    --command "$(told 4 "$gpu"); $lock" --for n=1..40
  is "$named: the run succeeds" "$status" 0
  is "$named: each has its own, never two the same at a time" "$(amorsize-mpi output four | sort -u)" "gpu 0
gpu 1
gpu 2
gpu 3"
}
four 'four slots, four GPUs' --slots 4
four 'two ranks of two slots, four GPUs' --ranks 2 --slots 2

# ---- what `node` says is what a run does ----
fresh
CUDA_VISIBLE_DEVICES=5,3 amorsize-mpi node --fast --format json >profile.json 2>err || fail 'node with GPUs' "$(cat err)"
if have_jq; then
  slots=$(jq '.gpu_slots | length' profile.json)
  jq -r '.gpu_slots[] | "\(.slot) \(.gpu)"' profile.json | sort >said
  # shellcheck disable=SC2016
  try env CUDA_VISIBLE_DEVICES=5,3 amorsize-mpi run -q --slots "$slots" --set resources.gpus=1 --set job=same --set chunks.min=0s --set chunks.target=1ms \
    --command "$(told "$slots" '{slot}')"'; echo "{slot} $CUDA_VISIBLE_DEVICES"; : {n}' --for n=1..24
  is 'slots as node says: the run succeeds' "$status" 0
  is 'each slot has the GPU that node told of' "$(amorsize-mpi output same | sort -u)" "$(cat said)"
else
  skip 'each slot has the GPU that node told of' 'no jq'
fi
CUDA_VISIBLE_DEVICES=5,3 amorsize-mpi node --fast >out 2>err
check 'node: slots and their GPUs in words' grep -q '^  a GPU a slot  *slot 0 → GPU [35]' out
done_testing

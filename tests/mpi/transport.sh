#!/bin/sh
# The transport between real ranks: launches mpi_ranks with the launcher of the MPI that it was built with (MPIEXEC="…"
# overrides), each launch under a timeout. What a launcher returns counts only where nobody dies; the ranks' own
# words count everywhere.
set -u
: "${top_srcdir:?}" "${top_builddir:?}"

ranks=$top_builddir/tests/mpi/mpi_ranks
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT

if ldd "$ranks" 2>/dev/null | grep -q 'libmpich\.'; then
  mpi=mpich
  launcher=${MPIEXEC-$(command -v mpiexec.mpich || command -v mpiexec.hydra || command -v mpiexec)}
  survive=-disable-auto-cleanup
  other=mpirun.openmpi
else
  mpi=openmpi
  launcher=${MPIEXEC-$(command -v mpirun.openmpi || command -v mpirun)}
  [ -n "${MPIEXEC-}" ] || launcher="$launcher --oversubscribe --mca btl self,vader --mca pml ob1"
  survive=--enable-recovery
  other=mpiexec.mpich
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

if [ -z "$launcher" ]; then
  echo "1..0 # SKIP no launcher of $mpi found"
  exit 0
fi

count=0
ok() { count=$((count + 1)); echo "ok $count - $1"; }
not_ok() {
  count=$((count + 1))
  echo "not ok $count - $1"
  sed 's/^/# /' "$work/out" "$work/err"
}
skip() { count=$((count + 1)); echo "ok $count - $1 # SKIP $2"; }
check() { # NAME CONDITION...
  name=$1; shift
  if "$@"; then ok "$name"; else not_ok "$name"; fi
}

# launch SECONDS ARG...: output to $work/out and $work/err, the launcher's exit status to $rc; 124 when it had to be ended
launch() {
  limit=$1; shift
  # shellcheck disable=SC2086 # a launcher with its options
  timeout -k 2 "$limit" $launcher "$@" >"$work/out" 2>"$work/err" </dev/null
  rc=$?
}
says() { grep -qxF "$1" "$work/out"; }
lacks() { ! grep -q "^$1" "$work/out"; }
aborted() { [ $rc -eq "$1" ] && lacks outlived; }
# all_ended WORD N: N ranks have said WORD, and none has come back from a finish that had to end the process
all_ended() { [ "$(grep -c "^$1" "$work/out")" -eq "$2" ] && lacks returned; }

for n in 1 2 3 5 8; do
  launch 240 -n $n "$ranks" order flood wait bells
  check "$n ranks: every message once, whole and in order" says 'passed order'
  check "$n ranks: a flood to one rank is bounded in its memory" says 'passed flood'
  check "$n ranks: wait wakes for message, descriptor and deadline, not for a signal" says 'passed wait'
  check "$n ranks: whoever sleeps is rung for each message, also for what was stuck in MPI" says 'passed bells'
  check "$n ranks: all finish" [ $rc -eq 0 ]
done

launch 120 -n 3 "$ranks" abort
check "abort ends every rank, with its exit code" aborted 7

launch 120 $survive -n 2 "$ranks" guard
check "finish ends the process beside a rank that never finishes" all_ended ended 1

# facts of this MPI: with MPICH a death is the end of the launch
if [ $mpi = openmpi ]; then
  for n in 2 3 5; do
    launch 240 $survive -n $n "$ranks" death
    check "$n ranks, one killed: the others exchange everything and end" all_ended survived $((n - 1))
  done
else
  skip "a killed rank doesn't keep the others" "MPICH doesn't survive it reliably"
fi

# N singletons: as srun without PMI, and another MPI's launcher, would make them
SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=0 "$ranks" order >"$work/out" 2>"$work/err"
check "srun without PMI is refused" [ $? -eq 3 ]
check "the refusal names a line that works" grep -q -- '-n 4 amorsize-mpi' "$work/err"
if command -v $other >/dev/null 2>&1; then
  timeout 120 $other -n 2 "$ranks" order >"$work/out" 2>"$work/err" </dev/null
  check "the other MPI's launcher is refused" [ $? -eq 3 ]
  check "by every process" [ "$(grep -c 'each of them is alone' "$work/err")" -eq 2 ]
else
  skip "the other MPI's launcher is refused" "$other not found"
fi

echo "1..$count"

# What the tests of runs over ranks share, on top of tests/cli/lib.sh: the launcher of the MPI that the ranks were built with, and finding what a launch
# has started. Everything below a launch carries AMZ_TEST_MARK in its environment, tasks too, so that nothing can hide.
# shellcheck shell=sh disable=SC2034,SC2154
. "$top_srcdir/tests/cli/lib.sh"

OMPI_ALLOW_RUN_AS_ROOT=1
OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM
LAUNCH_LIMIT=${LAUNCH_LIMIT:-240} # seconds: a launch that takes longer hangs

if ldd "$top_builddir/amorsize-mpi-rank" 2>/dev/null | grep -q 'libmpich\.'; then
  mpi=mpich
  launcher=${MPIEXEC-$(command -v mpiexec.mpich || command -v mpiexec.hydra || command -v mpiexec)}
  quick=$launcher
  survive=
  other=mpirun.openmpi
else
  mpi=openmpi
  launcher=${MPIEXEC-$(command -v mpirun.openmpi || command -v mpirun)}
  quick=$launcher
  [ -n "${MPIEXEC-}" ] || quick="$launcher --oversubscribe --mca pml ob1 --mca btl self,vader"
  survive=--enable-recovery
  other=mpiexec.mpich
fi
if [ -z "$launcher" ]; then
  echo "1..0 # SKIP no launcher of $mpi found"
  exit 0
fi
if ! $launcher --version 2>&1 | grep -qiE "$([ $mpi = mpich ] && echo 'hydra|mpich' || echo 'open.?mpi')"; then
  echo "1..0 # SKIP $launcher doesn't launch for $mpi, with which the ranks were built"
  exit 0
fi

# mpi_try RANKS ARG...: a launch to its end, as `try`; 124 when it had to be ended
mpi_try() {
  ranks=$1
  shift
  # shellcheck disable=SC2086 # a launcher with its options
  try env AMZ_TEST_MARK="$here" timeout -k 2 "$LAUNCH_LIMIT" $quick -n "$ranks" amorsize-mpi "$@"
}

# mpi_start OPTIONS RANKS ARG...: a launch in the background, as `start`
mpi_start() {
  options=$1 ranks=$2
  shift 2
  # shellcheck disable=SC2086
  start env AMZ_TEST_MARK="$here" timeout -k 2 "$LAUNCH_LIMIT" $quick $options -n "$ranks" amorsize-mpi "$@"
}

# of_launch [NAME]: the processes of this directory's launches, those whose name begins so
of_launch() {
  for p in $(grep -lazsE "^AMZ_TEST_MARK=$here\$" /proc/[0-9]*/environ); do
    p=${p#/proc/}
    p=${p%/environ}
    case $(cat "/proc/$p/comm" 2>/dev/null) in
      "") ;; # gone meanwhile
      "${1-}"*) echo "$p" ;;
    esac
  done
}

# rank_pid R, helper_pid R: processes of rank R
with_rank() {
  for p in $(of_launch "$1"); do
    ! grep -qazsE "^(OMPI_COMM_WORLD_RANK|PMI_RANK)=$2\$" "/proc/$p/environ" || echo "$p"
  done
}
rank_pid() { with_rank amorsize-mpi-ra "$1"; }
helper_pid() { with_rank amorsize-mpi-he "$1"; }

nothing_left() { [ -z "$(of_launch)" ]; }

# left_nothing NAME: ranks, helpers and tasks have all gone
left_nothing() {
  if wait_for nothing_left; then pass "$1: no process is left"; else
    fail "$1: no process is left" "$(for p in $(of_launch); do ps -o pid=,ppid=,etimes=,stat=,wchan=,args= -p "$p"; done)"
    for p in $(of_launch); do kill -KILL "$p"; done
  fi
}

# What tells that tasks 1..N have run: printed by each, of lengths that differ
COMMAND='echo {n} >>log; seq {n}'
expected() { for k in $(seq "$1"); do seq "$k"; done; }

# each_once NAME RUN N: a row of success for each task, and the bytes that they should have printed, in their order
each_once() {
  is "$1: each task is recorded once" "$(amorsize-mpi tasks "$2" | awk 'NR > 1 && $2 == "succeeded" { print $1 }' | sort -n)" "$(seq 0 $(($3 - 1)))"
  amorsize-mpi output "$2" >outputs 2>outputs.err
  if expected "$3" | cmp -s - outputs; then pass "$1: its outputs"; else fail "$1: its outputs" "$(cat outputs.err; expected "$3" | diff - outputs)"; fi
}

# Tasks that wait for each other: `meet N` are the words for a command that goes on when tasks of N ranks have begun, so that no rank, however late the machine
# lets it come, finds nothing left to do.
meet() { # shellcheck disable=SC2016 # expanded by the task
  printf ': >met.{rank}; for i in $(seq 2400); do [ "$(ls -d met.* | wc -l)" -ge %s ] && break; sleep 0.05; done' "$1"
}

# What the tests of the commands share. They speak TAP; each script works in a fresh directory, removed at its end.
# shellcheck shell=sh
set -u
: "${top_srcdir:?}" "${top_builddir:?}"
. "$top_srcdir/tests/support/plain.sh" # again, for who starts a script by hand
. "$top_srcdir/tests/support/cores.sh"
PATH=$top_builddir:$PATH
TERM=dumb
LC_ALL=C.UTF-8
export PATH TERM LC_ALL

tests=0
status=0 # of the last `try`
top=$(mktemp -d "${TMPDIR:-/tmp}/amorsize-cli.XXXXXX") || exit 99
cleanup_more() { :; } # for scripts that mount or start something
cleanup() {
  cleanup_more
  cd / && rm -rf "$top"
}
trap cleanup EXIT
trap 'exit 99' HUP INT TERM
cd "$top" || exit 99
AMORSIZE_CACHE_DIR=$top/cache # never the user's own
AMORSIZE_HISTORY_DIR=$top/history
export AMORSIZE_CACHE_DIR AMORSIZE_HISTORY_DIR

fresh() { # a new empty directory to be in
  here=$(mktemp -d "$top/XXXXXX") && cd "$here" || exit 99
}

# What turns root into somebody whom permissions hold, as words before a command. Whether such a one may run things here is another question.
unprivileged=''
[ "$(id -u)" -ne 0 ] || unprivileged='setpriv --reuid=65534 --regid=65534 --clear-groups'
# shellcheck disable=SC2016 # expanded inside
unprivileged_can_run() { chmod 755 "$top" . && $unprivileged sh -c 'cd "$1" && amorsize-mpi --version' - "$PWD" >out 2>err; }

pass() {
  tests=$((tests + 1))
  printf 'ok %s - %s\n' "$tests" "$1"
}

fail() { # NAME [DETAILS]: details as comments, cut so that a large output stays readable
  tests=$((tests + 1))
  printf 'not ok %s - %s\n' "$tests" "$1"
  [ $# -lt 2 ] || printf '%s\n' "$2" | head -c 4000 | sed 's/^/# /'
}

skip() { # NAME REASON
  tests=$((tests + 1))
  printf 'ok %s - %s # SKIP %s\n' "$tests" "$1" "$2"
}

check() { # NAME COMMAND...: passes when the command succeeds
  checked=$1
  shift
  if "$@"; then pass "$checked"; else fail "$checked" "failed: $*"; fi
}

done_testing() { echo "1..$tests"; }

# Runs a command with its results in ./out and its messages in ./err, its exit status in $status.
try() {
  status=0
  "$@" >out 2>err </dev/null || status=$?
}

is() { # NAME ACTUAL EXPECTED
  if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "is:
$2
expected:
$3"; fi
}

# Exit status, results and messages of the last `try` at once, each exact.
tried() { # NAME STATUS OUT ERR
  if [ "$status" = "$2" ] && [ "$(cat out)" = "$3" ] && [ "$(cat err)" = "$4" ]; then pass "$1"; else
    fail "$1" "exit $status, expected $2
--- out:
$(cat out)
--- out, expected:
$3
--- err:
$(cat err)
--- err, expected:
$4"
  fi
}

# Exit status exact; results and messages must match extended regular expressions ('' matches anything).
tried_like() { # NAME STATUS OUT ERR
  if [ "$status" = "$2" ] && grep -Eq -e "$3" out && grep -Eq -e "$4" err; then pass "$1"
  elif [ "$status" = "$2" ] && [ -z "$3" ] && grep -Eq -e "$4" err; then pass "$1"
  elif [ "$status" = "$2" ] && [ -z "$4" ] && grep -Eq -e "$3" out; then pass "$1"
  elif [ "$status" = "$2" ] && [ -z "$3$4" ]; then pass "$1"
  else
    fail "$1" "exit $status, expected $2
--- out (expected to match '$3'):
$(cat out)
--- err (expected to match '$4'):
$(cat err)"
  fi
}

no_run() { # NAME: nothing was started, no run directory was made
  if [ -z "$(find . -name '*.runs')" ] && [ ! -e started ]; then pass "$1"; else fail "$1" "$(find . -name '*.runs' -o -name started)"; fi
}

# Waits for a command to succeed, two minutes at most; what is waited for is always a state, never a time.
wait_for() {
  tries=0
  until "$@" >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 2400 ] || { echo "# waited in vain for: $*"; return 1; }
    sleep 0.05
  done
}

# What is to happen in the middle of a run must happen there however slow the machine is. So tasks stop at a gate: those that find more than N lines in ./log
# wait until the test has opened it. `gate N`: the words for a task's command, or a program's line; without braces, which are placeholders'.
gate() { # shellcheck disable=SC2016 # expanded by the task
  printf '[ "$(wc -l <log)" -le %s ] || for i in $(seq 2400); do [ -e go ] && break; sleep 0.05; done' "$1"
}
open_gate() { : >go; }
begun() { [ "$(wc -l 2>/dev/null <log)" -ge "$1" ]; } # so many tasks have started

# heeded: the run that `start` started has said that it lets end what runs. Nothing new begins from then on.
heeded() { grep -q 'letting what runs end' bg.err; }

# drain SIGNAL [PROCESS]: a signal to the run that `start` started, in the middle of it; then the gate is opened
drain() {
  kill -"$1" "${2:-$pid}"
  wait_for heeded
  open_gate
}

# run_cores [COMMAND...]: on how many cores a run would be; a quota of CPU time may allow fewer than there are of ours
run_cores() { "$@" amorsize-mpi run --dry-run --set job=cores --command true 2>/dev/null | sed -n 's/^  layout .* on \([0-9]*\) cores*$/\1/p'; }

# Starts a command in the background as a terminal would, with SIGINT not ignored; its id in $pid, streams in ./bg.out and ./bg.err.
start() {
  env --default-signal=INT,QUIT "$@" >bg.out 2>bg.err </dev/null &
  pid=$!
}

# Waits for what `start` started; its exit status in $status.
finish() {
  status=0
  wait "$pid" || status=$?
}

json() { # FILE FILTER: a value out of JSON, by whatever reads JSON here
  if command -v jq >/dev/null 2>&1; then jq -c "$2" "$1"; else echo "no jq"; fi
}
have_jq() { command -v jq >/dev/null 2>&1; }

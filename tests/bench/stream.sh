#!/usr/bin/env bash
# METG(50 %) of stream tasks: the smallest task duration at which half of two slots' time is spent in tasks.
#
# What the tasks alone would take is measured, too, in turn with the runs: the same rounds of computing as one line for each of two
# programs. So an efficiency is a ratio of two times taken one after the other, and a busy machine spoils it less; the same by CPU
# time, which doesn't see idle slots, is spoilt least. Each program has a core of its own, as our slots have: the kernel leaves two
# that were started at the same time on one core for a second, now and then.
# usage: stream.sh [ROUNDS [WINDOW]]   (make bench-stream)
set -u
rounds=${1:-3}
window=${2:-16}
top=$(cd "${top_builddir:-.}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/amz-bench.XXXXXX") || exit 3
export AMORSIZE_HISTORY_DIR="$work/history" AMORSIZE_CACHE_DIR="$work/cache" # never the user's own
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 3

median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

ours() { # PROGRAM N US: makespan and CPU time
  printf 'tasks:\n  stream: {command: "%s", window: %s}\n  line: "%s"\n  for: {i: {range: [1, %s]}}\n' "$1" "$window" "$3" "$2" >job.yaml
  { time timeout 120 "$top/amorsize-mpi" run job.yaml --slots 2 --quiet --format json >out 2>err; } 2>cpu
  awk 'NR == FNR { cpu = $1 + $2; next } /"makespan_s"/ { gsub(/[^0-9.e-]/, "", $2); print $2, cpu }' cpu out
  rm -rf ./*.runs
}

# The first two CPUs that are ours, the same one twice if there is just one.
cpus=$(awk '/^Cpus_allowed_list:/ {
  n = split($2, part, ",")
  for (i = 1; i <= n; i++) {
    split(part[i], of, "-")
    for (c = of[1]; c <= (of[2] == "" ? of[1] : of[2]); c++) all[m++] = c
  }
  print all[0], (m > 1 ? all[1] : all[0]) }' /proc/self/status)

ideal() { # PROGRAM N US: wall and CPU time
  echo $(($2 * $3 / 2)) >line
  { time { for cpu in $cpus; do taskset -c "$cpu" $1 <line >/dev/null & done; wait; }; } 2>cpu
  awk '{ print $3, $1 + $2 }' cpu
}

metg() { # rows "US EFFICIENCY" in falling order of US: where it crosses 0.5, between two on the scale of logarithms
  awk '$2 >= 0.5 { us = $1; e = $2; next }
       us && !met { met = exp(log($1) + (log(us) - log($1)) * (0.5 - $2) / (e - $2)) }
       END { if (met) printf "%.1f us\n", met; else if (us) printf "below %s us\n", us; else print "beyond all of them" }'
}

measure() { # NAME PROGRAM
  local us n i wall cpu
  printf '%s, window %s, %s rounds\n%10s %12s %12s\n' "$1" "$window" "$rounds" 'task' 'efficiency' 'by CPU time'
  : >by_wall
  : >by_cpu
  for us in 100 50 20 10 5 2; do
    n=$((2000000 / (us + 10)))
    : >ratios
    for ((i = 0; i < rounds; i++)); do
      echo "$(ideal "$2" $n $us) $(ours "$2" $n $us)" >>ratios
    done
    awk 'NF != 4 { exit 1 }' ratios || { echo "a run has failed: $(cat err)"; return; }
    wall=$(awk '{ printf "%.4f\n", $1 / $3 }' ratios | median)
    cpu=$(awk '{ printf "%.4f\n", $2 / $4 }' ratios | median)
    printf '%7s us %12s %12s\n' "$us" "$wall" "$cpu"
    echo "$us $wall" >>by_wall
    echo "$us $cpu" >>by_cpu
  done
  printf '%-10s METG(50 %%) %s, by CPU time %s; bar 20 us\n\n' "$1" "$(metg <by_wall)" "$(metg <by_cpu)"
}

TIMEFORMAT='%U %S %R'
echo "$(nproc) cores, $(uname -r), load $(cut -d' ' -f1 /proc/loadavg)"
[ -x "$top/tests/bench/stream_echo" ] || { echo 'tests/bench/stream_echo is not there: make bench-stream builds it'; exit 3; }
measure C "$top/tests/bench/stream_echo $("$top/tests/bench/stream_echo" calibrate)"
if command -v python3 >/dev/null; then
  measure Python "python3 $here/stream_echo.py $(python3 "$here/stream_echo.py" calibrate)"
else
  echo 'Python: not here'
fi

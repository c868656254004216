#!/usr/bin/env bash
# Whole runs against xargs, pairwise in one sitting: A B A B …; medians of the ratios are what counts, since machines drift.
# usage: bench_run.sh [ROUNDS]   (make bench)
set -u
rounds=${1:-5}
amz=${top_builddir:-.}/amorsize-mpi
amz=$(cd "$(dirname "$amz")" && pwd)/amorsize-mpi
work=$(mktemp -d "${TMPDIR:-/tmp}/amz-bench.XXXXXX") || exit 3
export AMORSIZE_HISTORY_DIR="$work/history" AMORSIZE_CACHE_DIR="$work/cache" # never the user's own
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 3

now() { date +%s.%N; }
seconds() { # COMMAND…: its wall time
  local begin end
  begin=$(now)
  "$@" >/dev/null 2>&1
  end=$(now)
  awk -v a="$begin" -v b="$end" 'BEGIN { printf "%.3f\n", b - a }'
}
median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
spread() { sort -g | awk '{ v[NR] = $1 } END { printf "%s … %s", v[1], v[NR] }'; }

pair() { # NAME BAR OURS THEIRS: two shell functions in turn
  local ratios=() ours=() theirs=() a b i
  for ((i = 0; i < rounds; i++)); do
    a=$(seconds "$3")
    b=$(seconds "$4")
    ours+=("$a") theirs+=("$b")
    ratios+=("$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.3f", a / b }')")
    rm -rf ./*.runs
  done
  printf '%-34s ours %7s s  xargs %7s s  ratio %s (%s), bar %s\n' "$1" \
    "$(printf '%s\n' "${ours[@]}" | median)" "$(printf '%s\n' "${theirs[@]}" | median)" \
    "$(printf '%s\n' "${ratios[@]}" | median)" "$(printf '%s\n' "${ratios[@]}" | spread)" "$2"
}

single() { # NAME BAR OURS
  local times=() i
  for ((i = 0; i < rounds; i++)); do
    times+=("$(seconds "$3")")
    rm -rf ./*.runs
  done
  printf '%-34s ours %7s s (%s), bar %s\n' "$1" "$(printf '%s\n' "${times[@]}" | median)" "$(printf '%s\n' "${times[@]}" | spread)" "$2"
}

yes /bin/true | head -n 10000 >true.txt
yes 'sleep 0.01' | head -n 2000 >sleep10ms.txt
yes 'sleep 0.1' | head -n 800 >sleep100ms.txt
yes 'sleep 0.001' | head -n 20 >short.txt

ours_true() { "$amz" run --lines true.txt --slots 2 --quiet; }
xargs_true() { seq 10000 | xargs -P2 -n1 /bin/true; }
ours_10ms() { "$amz" run --lines sleep10ms.txt --slots 16 --quiet; }
xargs_10ms() { yes 0.01 | head -n 2000 | xargs -P16 -n1 sleep; }
ours_100ms() { "$amz" run --lines sleep100ms.txt --slots 16 --quiet; }
xargs_100ms() { yes 0.1 | head -n 800 | xargs -P16 -n1 sleep; }
ours_short() { "$amz" run --lines short.txt --slots 2 --quiet; }

echo "$(nproc) cores, $(uname -r), $rounds rounds; median (least … most)"
pair '10 000 x /bin/true, 2 slots' 0.75 ours_true xargs_true
pair '2 000 x sleep 0.01, 16 slots' 0.9 ours_10ms xargs_10ms
pair '800 x sleep 0.1, 16 slots' '5.3 s (ideal 5.0)' ours_100ms xargs_100ms
single '20 tasks of 1 ms' '0.1 s' ours_short

# CPU used by all our processes while two slots sleep: user + sys of the command and all that it has waited for.
TIMEFORMAT='%U %S'
idle=$({ time "$amz" run --command 'sleep 10' --for 'i=1..2' --slots 2 --quiet >/dev/null 2>&1; } 2>&1)
echo "$idle" | awk '{ printf "%-34s %.3f s of CPU in 10 s: %.2f %% of a core, bar 1 %%\n", "two 10 s sleeps", $1 + $2, ($1 + $2) * 10 }'

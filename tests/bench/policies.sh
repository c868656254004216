#!/usr/bin/env bash
# adaptive against fixed policies over real MPI: sleeping tasks on 16 slots (2 ranks of 8), so that cores don't matter. Pairwise in
# one sitting; the median of the ratios of makespans is what counts.
# usage: policies.sh [ROUNDS]   (make bench-policies-mpi)
set -u
rounds=${1:-3}
amz=$(cd "${top_builddir:-.}" && pwd)/amorsize-mpi
work=$(mktemp -d "${TMPDIR:-/tmp}/amz-bench.XXXXXX") || exit 3
export AMORSIZE_HISTORY_DIR="$work/history" AMORSIZE_CACHE_DIR="$work/cache" # never the user's own
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 3
command -v jq >/dev/null || { echo 'policies.sh: needs jq' >&2; exit 3; }

# The durations of a scenario's tasks in seconds, one a line, the same each time.
durations() { # SCENARIO
  case $1 in
    constant) yes 0.1 | head -n 400 ;;
    exponential) awk 'BEGIN { srand(7); for (i = 0; i < 400; i++) printf "%.4f\n", -0.1 * log(1 - rand()) }' ;;
    falling) awk 'BEGIN { for (i = 0; i < 400; i++) printf "%.4f\n", 0.2 * (1 - (i + 0.5) / 400) }' ;;
    fast-then-slow) yes 0.001 | head -n 1000; yes 0.1 | head -n 200 ;;
  esac
}
# What list scheduling without costs would take: each task to the slot that is free first.
ideal() { # FILE
  awk -v slots=16 '{
    for (s = b = 0; s < slots; s++) if (at[s] < at[b]) b = s
    at[b] += $1
    if (at[b] > last) last = at[b]
  } END { printf "%.3f", last }' "$1"
}
makespan() { # SCENARIO POLICY
  timeout 300 "$amz" run --lines "$1.tasks" --ranks 2 --slots 8 --policy "$2" --quiet --format json 2>err |
    jq -r '.makespan_s // empty'
  rm -rf ./*.runs
}
median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

echo "$(nproc) cores, $(uname -r), 2 ranks x 8 slots, $rounds rounds; medians"
for scenario in constant exponential falling fast-then-slow; do
  durations "$scenario" >"$scenario.s"
  sed 's/^/sleep /' "$scenario.s" >"$scenario.tasks"
  least=$(ideal "$scenario.s")
  echo "$scenario: $(wc -l <"$scenario.s") tasks, list scheduling without costs $least s"
  for rival in ss gss fac2 static; do
    ours=() theirs=() ratios=()
    for ((i = 0; i < rounds; i++)); do
      a=$(makespan "$scenario" adaptive) b=$(makespan "$scenario" "$rival")
      if [ -z "$a" ] || [ -z "$b" ]; then
        echo "policies.sh: a run failed: $(cat err)" >&2
        exit 1
      fi
      ours+=("$a") theirs+=("$b") ratios+=("$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.3f", a / b }')")
    done
    printf '  adaptive %.3f s  %-6s %.3f s  ratio %s\n' "$(printf '%s\n' "${ours[@]}" | median)" "$rival" \
      "$(printf '%s\n' "${theirs[@]}" | median)" "$(printf '%s\n' "${ratios[@]}" | median)"
  done
done

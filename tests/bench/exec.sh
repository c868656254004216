#!/bin/sh
# The executor against xargs, pairwise: N × /bin/true over 2 slots, with records, outputs and resource usage kept.
# usage: exec.sh [N [PAIRS]]; needs tests/bench/bench_exec and amorsize-mpi-helper in $top_builddir
set -eu
n=${1:-10000}
pairs=${2:-3}
top=${top_builddir:-.}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

seconds() { date +%s.%N; }

i=0
while [ "$i" -lt "$pairs" ]; do
  i=$((i + 1))
  a=$(seconds)
  "$top/tests/bench/bench_exec" "$top/amorsize-mpi-helper" "$n" 2 "$scratch/$i.pack" /bin/true >/dev/null
  b=$(seconds)
  seq "$n" | xargs -P2 -n1 /bin/true
  c=$(seconds)
  echo "$a $b $c" | awk -v n="$n" '{printf "%d x /bin/true: exec %.2f s, xargs %.2f s, ratio %.2f\n", n, $2-$1, $3-$2, ($2-$1)/($3-$2)}'
done

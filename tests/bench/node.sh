#!/bin/sh
# What `node` measures against references, pairwise in one run: our triad beside STREAM's (stream_triad.c), and beside stress-ng and likwid-bench where they
# are installed; the fitted cost of a launch beside fresh launches, timed from here.
#
# The speed of a shared machine drifts by more than what is to be seen, so triads take turns: each of ours is followed by the reference, on arrays of the same
# bytes in pages of the same kind, as many passes, of which the best counts for both. A round that other work disturbed shows in the spread.
# usage: node.sh [ROUNDS [default|precise]]; needs tests/bench/bench_node, tests/bench/stream_triad and our programs in $top_builddir
set -eu
rounds=${1:-7}
effort=${2:-default} # on a busy machine, the default leaves out what comes too late
top=${top_builddir:-.}
here=$top/tests/bench
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"; rm -f "$here/amorsize-mpi-rank" "$here/amorsize-mpi-helper"' EXIT
ln -sf "$top/amorsize-mpi-rank" "$top/amorsize-mpi-helper" "$here" # looked for beside bench_node
cores=$(nproc)

value() { awk -v name="$1" -v field="${2:-2}" '$1 == name { print $field; found = 1 } END { if (!found) print 0 }' "$scratch/ours"; } # 0: not measured
ours() { "$here/bench_node" "$@" >"$scratch/ours" 2>"$scratch/said"; }
busy() { awk '{ print $1 }' /proc/loadavg; }

row() { # WHAT OURS ARRAY CORES [streaming]: the name of our number and of its arrays' size
  what=$1 name=$2 array=$3 threads=$4
  shift 4
  passes=$(value "$name" 5)
  if [ "$passes" -eq 0 ]; then
    echo "  $what: not measured in time"
    return
  fi
  rate=$(OMP_NUM_THREADS=$threads OMP_PROC_BIND=close "$here/stream_triad" $(($(value "$array") / 1048576)) "$passes" "$@")
  echo "$what;$(value "$name");$rate" | tee -a "$scratch/rows" |
    awk -F ';' -v n="$passes" '{ printf "  %-30s %7.2f GB/s   reference %7.2f GB/s   ratio %.2f (best of %d)\n", $1, $2 / 1e9, $3 / 1e9, $2 / $3, n }'
}

echo "triad, 24 bytes an element; 1, 5 and 15 minutes' load: $(cut -d ' ' -f 1-3 /proc/loadavg)"
i=0
while [ "$i" -lt "$rounds" ]; do
  i=$((i + 1))
  ours memory "$effort"
  [ "$i" -gt 1 ] || sort -u "$scratch/said"
  echo "round $i, load $(busy) ($(sed -n 's/^method //p' "$scratch/ours"))"
  row "1 core, ordinary stores" stream-1 array-one 1
  row "$cores cores, ordinary stores" "stream-all-$cores" array-all "$cores"
  row "1 core, streaming stores" triad-1 array-one 1 streaming
  row "$cores cores, streaming stores" "triad-$cores" array-all "$cores" streaming
done
echo "all rounds: best over best, and the rounds' ratios"
[ ! -s "$scratch/rows" ] || awk -F ';' '{ print $0 ";" $2 / $3 }' "$scratch/rows" | sort -t ';' -k 1,1 -k 4,4n | awk -F ';' '
  function flush() { if (n) printf "  %-30s %7.2f GB/s   reference %7.2f GB/s   ratio %.2f   rounds: median %.2f, from %.2f to %.2f\n",
      was, a / 1e9, b / 1e9, a / b, (r[int((n + 1) / 2)] + r[int(n / 2) + 1]) / 2, r[1], r[n] }
  $1 != was { flush(); was = $1; n = a = b = 0 }
  { r[++n] = $4; a = $2 > a ? $2 : a; b = $3 > b ? $3 : b }
  END { flush() }'

pairs() { # WHAT ARRAY CORES
  OMP_NUM_THREADS=$3 OMP_PROC_BIND=close "$here/stream_triad" $(($(value "$2") / 1048576)) 30 pairs | awk -v what="$1" '
    { printf "  %-30s %7.2f GB/s   reference %7.2f GB/s   ratio %.2f   (quartiles: %.2f)\n", what ", " $1 " stores", $2 / 1e9, $3 / 1e9, $2 / $3, $4 / $5 }'
}
echo "the loops alone, slice by slice on the same pages, load $(busy)"
pairs "1 core" array-one 1
pairs "$cores cores" array-all "$cores"
grep -E '^(slowdown|latency)' "$scratch/ours" | sed 's/^/  /'

mib=$(($(value array-all) / 1048576))
echo "outside witnesses"
if command -v stress-ng >/dev/null; then
  for n in 1 "$cores"; do
    stress-ng --stream "$n" --stream-l3-size "$((mib / 4))M" -t 10 2>&1 | sed -n 's/.*memory rate: */  stress-ng, one of '"$n"' instances: /p' | tail -n 1
  done
else
  echo "  stress-ng is not installed"
fi
if command -v likwid-bench >/dev/null; then
  for kernel in stream_avx stream_mem_avx; do # its "triad" is another kernel, with four arrays; plain "stream" takes one element at a time
    for n in 1 "$cores"; do
      { likwid-bench -t "$kernel" -W "N:$((3 * mib))MB:$n" || echo "MByte/s: none, it failed"; } 2>/dev/null | sed -n "s/^MByte\/s:/  likwid-bench $kernel, threads: $n:/p"
    done
  done
else
  echo "  likwid-bench is not installed"
fi

echo "costs"
ours costs "$effort"
cat "$scratch/said"
sed 's/^/  /' "$scratch/ours"
OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM
mpirun=$(command -v mpirun.openmpi || command -v mpirun || true)
[ -n "$mpirun" ] || { echo "  no mpirun for fresh launches"; exit 0; }

fresh() { # RANKS: seconds until all are there
  begin=$(date +%s.%N)
  "$mpirun" --bind-to none --oversubscribe --enable-recovery --mca pml ob1 --mca btl self,vader --mca plm isolated -n "$1" \
    "$top/amorsize-mpi-rank" measure-link ready | { read -r _; date +%s.%N; cat >/dev/null; } | awk -v begin="$begin" '{ printf "%.4f\n", $1 - begin }'
}

echo "fresh launches and fits of launches, turn and turn about, 7 of each: medians"
i=0
while [ "$i" -lt 7 ]; do
  i=$((i + 1))
  for ranks in 1 2 3 4 6; do echo "fresh $ranks $(fresh $ranks)"; done >>"$scratch/launches"
  ours costs default
  echo "$(value launch-base-0) $(value launch-per-rank-0)" | awk '$1 + $2 > 0 { for (r = 1; r <= 6; r++) print "fit", r, $1 + $2 * r }' >>"$scratch/launches"
  # the very next launch, and what was said of it just before
  for ranks in 2 4; do
    echo "$ranks $(fresh $ranks) $(value launch-base-0) $(value launch-per-rank-0)" | awk '$3 + $4 > 0 { print "next", $1, ($3 + $4 * $1) / $2 }'
  done >>"$scratch/launches"
done
sort -k1,1 -k2,2n -k3,3n "$scratch/launches" | awk '
  { k = $1 " " $2; v[k, ++n[k]] = $3 }
  function median(k) { return n[k] ? (v[k, int((n[k] + 1) / 2)] + v[k, int(n[k] / 2) + 1]) / 2 : 0 }
  END { for (r = 1; r <= 6; r++) if (n["fresh " r] && n["fit " r]) { a = median("fresh " r); b = median("fit " r)
        printf "  %d ranks: %.3f s (best %.3f), fitted %.3f s, off by %+.0f %%\n", r, a, v["fresh " r, 1], b, 100 * (b - a) / a }
        for (r = 2; r <= 4; r += 2) { k = "next " r; if (n[k]) printf "  %d ranks, of the very next launch: median %+.0f %%, from %+.0f to %+.0f %%\n", r,
          100 * (median(k) - 1), 100 * (v[k, 1] - 1), 100 * (v[k, n[k]] - 1) } }'

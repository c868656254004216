#!/bin/sh
# What `node` measures against references, pairwise in one run: our triad beside STREAM's (stream_triad.c), and beside stress-ng and likwid-bench where they
# are installed; the fitted cost of a launch beside fresh launches, timed from here.
# usage: node.sh [ROUNDS [default|precise]]; needs tests/bench/bench_node, tests/bench/stream_triad and our programs in $top_builddir
set -eu
rounds=${1:-3}
effort=${2:-precise} # on a busy machine, the default leaves out what comes too late
top=${top_builddir:-.}
here=$top/tests/bench
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"; rm -f "$here/amorsize-mpi-rank" "$here/amorsize-mpi-helper"' EXIT
ln -sf "$top/amorsize-mpi-rank" "$top/amorsize-mpi-helper" "$here" # looked for beside bench_node
cores=$(nproc)

value() { awk -v name="$1" '$1 == name { print $2; found = 1 } END { if (!found) print 0 }' "$scratch/ours"; } # 0: not measured
ours() { "$here/bench_node" "$@" >"$scratch/ours" 2>"$scratch/said"; }
ours memory default
sort -u "$scratch/said"
mib=$(awk '/^cache-/ { last = $2 } END { print int((last ? last : 33554432) * 4 / 1048576) }' "$scratch/ours")

reference() { # CORES [streaming]: for as long as ours takes
  cores_=$1
  shift
  OMP_NUM_THREADS=$cores_ OMP_PROC_BIND=close "$here/stream_triad" "$mib" 1 "$@"
}
row() { # WHAT OURS THEIRS
  echo "$1 $2 $3" | tee -a "$scratch/rows" |
    awk '{ printf "  %-34s %7.2f GB/s   reference %7.2f GB/s   ratio %.2f\n", $1, $2 / 1e9, $3 / 1e9, $2 / $3 }' | tr _ ' '
}

echo "triad, 24 bytes an element, arrays of $mib MiB for the reference, which has ordinary and streaming stores, too"
i=0
while [ "$i" -lt "$rounds" ]; do
  i=$((i + 1))
  one=$(reference 1)
  all=$(reference "$cores")
  one_streaming=$(reference 1 streaming)
  all_streaming=$(reference "$cores" streaming)
  ours memory "$effort"
  echo "round $i ($(sed -n 's/^method //p' "$scratch/ours"))"
  row 1_core,_ordinary_stores "$(value stream-1)" "$one"
  row "${cores}_cores,_ordinary_stores" "$(value "stream-all-$cores")" "$all"
  row 1_core,_streaming_stores "$(value triad-1)" "$one_streaming"
  row "${cores}_cores,_streaming_stores" "$(value "triad-$cores")" "$all_streaming"
done
echo "best of all rounds"
awk '{ if ($2 > a[$1]) a[$1] = $2; if ($3 > b[$1]) b[$1] = $3; if (!seen[$1]++) name[++n] = $1 }
  END { for (i = 1; i <= n; i++) { w = name[i]; gsub("_", " ", w)
        printf "  %-34s %7.2f GB/s   reference %7.2f GB/s   ratio %.2f\n", w, a[name[i]] / 1e9, b[name[i]] / 1e9, a[name[i]] / b[name[i]] } }' "$scratch/rows"
grep -E '^(slowdown|latency)' "$scratch/ours" | sed 's/^/  /'

echo "outside witnesses"
if command -v stress-ng >/dev/null; then
  for n in 1 "$cores"; do
    stress-ng --stream "$n" --stream-l3-size "$((mib / 4))M" -t 10 2>&1 | sed -n 's/.*memory rate: */  stress-ng, one of '"$n"' instances: /p' | tail -n 1
  done
else
  echo "  stress-ng is not installed"
fi
if command -v likwid-bench >/dev/null; then
  for kernel in triad stream stream_mem; do
    { likwid-bench -t "$kernel" -W "N:$((3 * mib))MB:$cores" || echo "MByte/s: none, it failed"; } 2>/dev/null | sed -n "s/^MByte\/s:/  likwid-bench $kernel, $cores threads:/p"
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

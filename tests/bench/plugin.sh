#!/usr/bin/env bash
# Plug-in tasks: what the host and the scheduler cost, per task.
#
# Spinning tasks count turns, which are measured against the thread's CPU time: so tasks · length is what the tasks alone take. Efficiency is that over two
# slots' makespan; by CPU time, it is that over all CPU time of the run, launch and helpers included, which a busy machine spoils least. Busy is the part of the
# makespan in which slots had something to run: the rest is what scheduling cost, and what is between the two is what others took of the cores.
#
# Over two ranks, parallel efficiency is what the tasks take on one slot with nobody beside them, over makespan x slots: so the
# same tasks, half as many, run on one slot, in turn. A task takes more than that, and than its nominal time, where the
# hypervisor, the kernel or other work take theirs of the cores, whoever schedules. So bare threads (bare.c), which schedule
# next to nothing, run the same tasks in turn, too, by one and by two: what they lose is the machine's, as far as it is the same
# from one run to the next. Ours to theirs is what remains: their makespan over ours, their CPU time over the CPU time of our
# tasks. What doesn't depend on the machine is how much of the makespan our slots were awake, on a core or waiting for one that
# others had (spin.c): the rest they waited for work. All are medians over rounds.
# usage: plugin.sh [ROUNDS [PART...]]   (make bench-plugin)   parts: rate metg spins large; all
set -u
rounds=${1:-3}
[ $# -gt 1 ] || set -- "$rounds" rate metg spins large
parts=" ${*:2} "
top=$(cd "${top_builddir:-.}" && pwd)
src=$(cd "${top_srcdir:-.}" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/amz-bench.XXXXXX") || exit 3
export AMORSIZE_HISTORY_DIR="$work/history" AMORSIZE_CACHE_DIR="$work/cache" # never the user's own
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 3
TIMEFORMAT='%U %S'
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

cc=${CC:-cc}
python=${PYTHON:-/usr/bin/python3} # the system's, which Debian's packages are for

"$cc" -O2 -shared -fPIC -I"$src/include" "$src/tests/bench/plugins/spin.c" -o spin.so &&
  "$cc" -O2 -shared -fPIC -DRESULT -I"$src/include" "$src/tests/bench/plugins/spin.c" -o spin8.so &&
  "$cc" -O2 -I"$src/include" "$src/tests/bench/bare.c" -o bare -lpthread -ldl || { echo 'no compiler here'; exit 3; }

median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

ours() { # PLUGIN NS TASKS POLICY [OPTION…]: makespan, CPU time, which part of the makespan slots were busy, and the tasks' CPU time
  printf 'tasks: {plugin: ./%s.so, args: "%s", for: {i: {range: [1, %s]}}}\nchunks: {policy: %s}\n' "$1" "$2" "$3" "$4" >job.yaml
  [ "$1" = spin ] || echo 'output: {results: results.bin}' >>job.yaml
  rm -rf ./*.runs
  { time AMZ_BENCH_AWAKE=1 timeout 300 "$top/amorsize-mpi" run job.yaml --quiet --format json "${@:5}" >out 2>err; } 2>cpu
  awk 'NR == FNR { cpu = $1 + $2; next }
       /"(makespan_s|efficiency|cpu_s)":/ { gsub(/[^0-9.e-]/, "", $2); of[$1] = $2 }
       END { if (of["\"makespan_s\":"]) print of["\"makespan_s\":"], cpu, of["\"efficiency\":"], of["\"cpu_s\":"] }' cpu out
}

rate() { # NAME PLUGIN TASKS BAR
  local i
  : >rows
  for ((i = 0; i < rounds; i++)); do
    ours "$2" 0 "$3" adaptive --slots 2 >>rows
  done
  printf '%-34s %7.1f M/s, by CPU time %7.1f M/s on two cores; bar %s M/s\n' "$1" \
    "$(awk -v n="$3" '{ print n / $1 / 1e6 }' rows | median)" "$(awk -v n="$3" '{ print 2 * n / $2 / 1e6 }' rows | median)" "$4"
}

metg() { # rows "NS EFFICIENCY" in falling order of NS
  awk '$2 >= 0.5 { ns = $1; e = $2; next }
       ns && !met { met = exp(log($1) + (log(ns) - log($1)) * (0.5 - $2) / (e - $2)) }
       END { if (met) printf "%.0f ns\n", met; else if (ns) printf "below %s ns\n", ns; else print "beyond all of them" }'
}

sweep() { # POLICY BAR NS…
  local ns n i
  : >by_wall
  : >by_cpu
  for ns in "${@:3}"; do
    n=$((1500000000 / (ns + 300)))
    : >rows
    for ((i = 0; i < rounds; i++)); do
      ours spin "$ns" "$n" "$1" --slots 2 >>rows
    done
    echo "$ns $(awk -v t="$n" -v ns="$ns" '{ print t * ns / 2e9 / $1 }' rows | median)" >>by_wall
    echo "$ns $(awk -v t="$n" -v ns="$ns" '{ print t * ns / 1e9 / $2 }' rows | median)" >>by_cpu
  done
  paste by_wall by_cpu | awk -v p="$1" '{ printf "%-10s %8s ns  efficiency %.3f, by CPU time %.3f\n", p, $1, $2, $4 }'
  printf '%-10s METG(50 %%) %s, by CPU time %s; bar %s\n' "$1" "$(metg <by_wall)" "$(metg <by_cpu)" "$2"
}

best() { # EFFICIENCY of the best chunk size: HOW NS TASKS CHUNK…
  local chunk s
  for chunk in "${@:4}"; do
    if [ "$1" = mpi4py ]; then
      s=$(timeout 300 mpirun --oversubscribe --bind-to none -n 3 "$python" "$src/tests/bench/peers.py" mpi4py "$work/spin.so" "$2" "$3" "$chunk" 2>err)
    else
      s=$(timeout 300 "$python" "$src/tests/bench/peers.py" joblib "$work/spin.so" "$2" "$3" "$chunk" 2>err)
    fi
    [ -n "$s" ] && awk -v t="$3" -v ns="$2" -v s="$s" 'BEGIN { print t * ns / 2e9 / s }'
  done | sort -g | tail -n 1
}

awake() { # of the last run's slots, together
  cat job.runs/001/out/plugin-*.log 2>/dev/null | awk '$1 == "awake" { s += $2 } END { print s + 0 }'
}
column() { awk "{ print $1 }" rows | median; } # an expression in awk

spins() { # over two ranks, and by others in the same round
  local ns n i
  printf '%-10s |%28s |%26s |%28s |%22s\n' '' 'to nominal times' 'to one slot, one thread' 'ours to bare threads' \
    'others, nominal'
  printf '%-10s |%9s %9s %8s |%8s %8s %8s |%9s %9s %8s |%11s %10s\n' task ours 'CPU time' bare ours bare 'of ours' \
    makespan 'CPU time' awake mpi4py joblib
  for ns in 10000 100000 1000000; do
    n=$((8000000000 / ns))
    : >rows
    # a row: makespan, CPU, busy, CPU of tasks; likewise on one slot; makespan and CPU of two bare threads; of one; how long awake
    for ((i = 0; i < rounds; i++)); do
      ours spin $ns $n adaptive --ranks 2 --slots 1 >two
      awake >slots
      echo "$(cat two) $(ours spin $ns $((n / 2)) adaptive --slots 1)" \
        "$(timeout 300 ./bare ./spin.so $ns $n 2 $((1000000 / ns)))" \
        "$(timeout 300 ./bare ./spin.so $ns $((n / 2)) 1 $((1000000 / ns))) $(cat slots)" >>rows
    done
    awk 'NF != 13 { exit 1 }' rows || { echo "$((ns / 1000)) us: a run has failed: $(cat err)"; continue; }
    printf '%7s us |%9.3f %9.3f %8.3f |%8.3f %8.3f %8.3f |%9.3f %9.3f %8.3f |%11s %10s\n' $((ns / 1000)) \
      "$(column "$n * $ns / 2e9 / \$1")" "$(column "$n * $ns / 1e9 / \$2")" "$(column "$n * $ns / 2e9 / \$9")" \
      "$(column '$7 * $5 / $1')" "$(column '$11 / $9')" "$(column '$7 * $5 / $1 / ($11 / $9)')" \
      "$(column '$9 / $1')" "$(column '$10 / $4')" "$(column '$13 / 2 / $1')" \
      "$("$python" -c 'import mpi4py' 2>/dev/null && best mpi4py $ns $n 10 100 1000 || echo 'not here')" \
      "$("$python" -c 'import joblib' 2>/dev/null && best joblib $ns $n 0 100 || echo 'not here')"
  done
  echo 'bar 0.97 each'
}

large() { # 10^8 tasks: what the master holds, what the store takes
  rm -rf ./*.runs
  printf 'tasks: {plugin: ./spin.so, for: {i: {range: [1, 100000000]}}}\n' >job.yaml
  "$python" - "$top/amorsize-mpi" <<'END'
import resource, subprocess, sys
subprocess.run([sys.argv[1], "run", "job.yaml", "--quiet", "--slots", "2"], stdout=subprocess.DEVNULL, check=True)
print("1e8 tasks: peak RSS of the largest process %.1f MiB; bar 64" % (resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024))
END
  echo "1e8 tasks: run.db $(find . -name run.db -not -path '*/latest/*' -exec wc -c {} + | awk '{ print $1 / 1e6 }') MB; bar 20"
}

echo "$(nproc) cores, $(uname -r), load $(cut -d' ' -f1 /proc/loadavg), $rounds rounds, medians"
has() { case $parts in *" $1 "*) ;; *) return 1 ;; esac; }
if has rate; then
  rate 'no-op tasks' spin 400000000 200
  rate 'no-op tasks with an 8-byte result' spin8 100000000 50
fi
if has metg; then
  sweep adaptive '100 ns' 400 200 100 50 20 10
  sweep ss '1000 ns' 8000 4000 2000 1000 500 250
fi
has spins && spins
has large && large
echo "load $(cut -d' ' -f1 /proc/loadavg) at the end"

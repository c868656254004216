#!/usr/bin/env bash
# Traps for those who choose chunks, over real ranks: short tasks in front of long ones; a few that take a thousand times as long; a rank that others slow down.
#
# The first two sleep, so that a busy machine spoils little; yet sleeps of 0.1 ms last longer there, which is seen in how long slots were busy. Their measure
# is list scheduling in the order of the tasks, without any costs: each task goes
# to the slot that is free first; by arithmetic, and by as many bare threads (bare.c), in turn with ours, whose sleeps last as long as sleeps do here. The third computes, while the plug-in's process of one rank gets a quarter of a core: by a control group, where we may make
# one, else beside competitors for its core, of which nobody knows how much they take. Its measure is what the two ranks would take together if both computed
# all the time at the speed at which their tasks really ran. usage: traps.sh [ROUNDS]   (make bench-traps)
set -u
rounds=${1:-3}
top=$(cd "${top_builddir:-.}" && pwd)
src=$(cd "${top_srcdir:-.}" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/amz-bench.XXXXXX") || exit 3
export AMORSIZE_HISTORY_DIR="$work/history" AMORSIZE_CACHE_DIR="$work/cache" # never the user's own
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 3
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

cc=${CC:-cc}
"$cc" -O2 -I"$src/include" "$src/tests/bench/bare.c" -o bare -lpthread -ldl || { echo 'no compiler here'; exit 3; }
for name in nap spin; do
  "$cc" -O2 -shared -fPIC -I"$src/include" "$src/tests/bench/plugins/$name.c" -o $name.so || { echo 'no compiler here'; exit 3; }
done

median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

job() { # PLUGIN ARGS TASKS
  printf 'tasks: {plugin: ./%s.so, args: "%s", for: {i: {range: [1, %s]}}}\n' "$1" "$2" "$3" >job.yaml
}
run() { # OPTION…: the makespan, and which part of it slots were busy
  rm -rf ./*.runs
  timeout 120 "$top/amorsize-mpi" run job.yaml --quiet --format json "$@" 2>err |
    awk '/"(makespan_s|efficiency)":/ { gsub(/[^0-9.e-]/, "", $2); of[$1] = $2 } END { print of["\"makespan_s\":"], of["\"efficiency\":"] }'
}

# list_of KIND TASKS: the makespan of list scheduling on 16 slots, of what nap.c does
list_of() {
  awk -v kind="$1" -v n="$2" 'BEGIN {
    for (i = 0; i < n; i++) {
      s = kind == "trap" ? (i < 5000 ? 1e-4 : 0.1) : (i * 2654435761) % 4294967296 < 42949672 ? 0.1 : 1e-4
      first = 0
      for (k = 1; k < 16; k++) if (at[k] < at[first]) first = k
      at[first] += s
    }
    for (k = 0; k < 16; k++) if (at[k] > end) end = at[k]
    print end }'
}

sleeping() { # KIND TASKS RANKS SLOTS POLICY
  local i ideal
  ideal=$(list_of "$1" "$2")
  job nap "$1" "$2"
  : >rows
  for ((i = 0; i < rounds; i++)); do
    echo "$(run --ranks "$3" --slots "$4" --policy "$5") $(timeout 120 ./bare ./nap.so "$1" "$2" $(($3 * $4)))" >>rows
  done
  printf '%-10s %2s x %2s slots  %-9s makespan %.3f s, list scheduling %.3f s: %.3f; bar 1.05; slots busy %.3f of it; to bare threads (%.3f s) %.3f\n' "$1" "$3" "$4" "$5" \
    "$(cut -d' ' -f1 rows | median)" "$ideal" "$(awk -v i="$ideal" '{ print $1 / i }' rows | median)" "$(cut -d' ' -f2 rows | median)" \
    "$(cut -d' ' -f3 rows | median)" "$(awk '{ print $1 / $3 }' rows | median)"
}

# Makespan over what the ranks' speeds allow, by the times of their own tasks.
by_speed() { # TASKS MAKESPAN
  timeout 60 "$top/amorsize-mpi" tasks job --format json | sed -n 's/.*"rank": \([0-9]*\),.*"wall_s": \([0-9.e-]*\),.*/\1 \2/p' |
    awk -v n="$1" -v makespan="$2" '{ sum[$1] += $2; tasks[$1]++ }
    END { for (r in sum) rate += tasks[r] / sum[r]
          print makespan / (n / rate), tasks[0] / tasks[1] }'
}

# A control group below our own that gets a quarter of a core, a millisecond in four: tasks see it as a slow core. Its files differ between the versions.
group=
make_group() {
  local root own
  own=$(awk -F: '("," $2 ",") ~ /,cpu,/ { print $3 }' /proc/self/cgroup)
  for root in "/sys/fs/cgroup/cpu$own" /sys/fs/cgroup; do
    mkdir "$root/amz-bench.$$" 2>/dev/null || continue
    group=$root/amz-bench.$$
    { echo 4000 >"$group/cpu.cfs_period_us" && echo 1000 >"$group/cpu.cfs_quota_us"; } 2>/dev/null && return 0
    echo '1000 4000' 2>/dev/null >"$group/cpu.max" && return 0
    rmdir "$group"
    group=
  done
  return 1
}
take_group_down() {
  [ -z "$group" ] || rmdir "$group"
  rm -rf "$work"
}
# The process of rank 1's plug-in, as soon as it is there: its second word is its rank's id. Until killed.
slow_down() {
  local p of
  while :; do
    for p in $(pgrep -f '^[^ ]*amorsize-mpi-plugin '); do
      of=$({ tr '\0' '\n' <"/proc/$p/cmdline" | sed -n 2p; } 2>/dev/null)
      { tr '\0' '\n' <"/proc/$of/environ" >environ; } 2>/dev/null || continue
      grep -qx "AMZ_BENCH_RUN=$$" environ && grep -qxE '(OMPI_COMM_WORLD_RANK|PMI_RANK)=1' environ || continue
      echo "$p" >"$group/cgroup.procs" && return 0
    done
    sleep 0.02
  done
}
compete() { # until killed; each in a session of its own, to which the kernel may give a share of its own
  local pids=
  trap 'kill $pids' TERM
  for _ in 1 2 3; do
    setsid timeout 60 taskset -c 1 sh -c 'while :; do :; done' &
    pids="$pids $!"
  done
  wait
}

slowed() {
  local i hinders makespan n=4000
  [ "$(nproc)" -ge 2 ] || { echo 'slowed     needs two cores'; return; }
  trap take_group_down EXIT
  make_group || echo 'slowed     no control group can be made here: competitors for its core instead'
  job spin 1000000 $n
  : >rows
  for ((i = 0; i < rounds; i++)); do
    if [ -n "$group" ]; then slow_down & else compete & fi
    hinders=$!
    makespan=$(AMZ_BENCH_RUN=$$ run --ranks 2 --slots 1)
    makespan=${makespan% *}
    kill $hinders 2>/dev/null
    if wait $hinders 2>/dev/null || [ -z "$group" ]; then
      by_speed $n "$makespan" >>rows
    else
      echo "slowed      the process of rank 1's plug-in was not found: this round doesn't count"
    fi
  done
  printf 'slowed      2 x  1 slots  adaptive  makespan over what the speeds allow %.3f; bar 1.05 (tasks of rank 0 : rank 1 = %.2f)\n' \
    "$(cut -d' ' -f1 rows | median)" "$(cut -d' ' -f2 rows | median)"
}

echo "$(nproc) cores, $(uname -r), load $(cut -d' ' -f1 /proc/loadavg), $rounds rounds, medians"
for policy in adaptive fac2 gss; do
  sleeping trap 5200 4 4 $policy
done
sleeping trap 5200 1 16 adaptive
for policy in adaptive fac2 gss; do
  sleeping bimodal 30000 4 4 $policy
done
sleeping bimodal 30000 1 16 adaptive
slowed
echo "load $(cut -d' ' -f1 /proc/loadavg) at the end"

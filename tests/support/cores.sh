# our_cores: the first CPU of ours of each core, as the kernel tells of them; hardware threads of a core are one. To be sourced. (nproc won't do: it counts
# threads, heeds OMP_NUM_THREADS, and since coreutils 9.8 quotas of CPU time.)
# shellcheck shell=sh
our_cores() {
  sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status | tr ',' '\n' | while IFS=- read -r first last; do seq "$first" "${last:-$first}"; done |
    while read -r unit; do
      echo "$(cat "/sys/devices/system/cpu/cpu$unit/topology/thread_siblings_list" 2>/dev/null || echo "$unit") $unit"
    done | awk '!seen[$1]++ { print $2 }'
}

# What ran at the same time, and what it took together: for tests of tasks that differ. On top of lib.sh.
# shellcheck shell=sh disable=SC2034,SC2154
# Lines "begin end amount" on standard input, times in ns: the largest sum of amounts at any time. Of equal times an end comes first.
most_at_once() {
  awk '{ print substr($1, 6), 1, $3; print substr($2, 6), 0, $3 }' | sort -k1,1n -k2,2n |
    awk '{ sum += $2 ? $3 : -$3; if (sum > most) most = sum } END { print most + 0 }'
}

# The same with a list of processing units in place of the amount: units that two had at the same time.
shared_units() {
  awk '
    function units(list, out,    parts, n, i, ends, u) {
      split("", out)
      n = split(list, parts, ",")
      for (i = 1; i <= n; i++) {
        split(parts[i], ends, "-")
        if (ends[2] == "") ends[2] = ends[1]
        for (u = ends[1] + 0; u <= ends[2] + 0; u++) out[u] = 1
      }
    }
    { from[NR] = substr($1, 6) + 0; to[NR] = substr($2, 6) + 0; list[NR] = $3 }
    END {
      for (i = 1; i <= NR; i++) for (k = i + 1; k <= NR; k++)
        if (from[i] < to[k] && from[k] < to[i]) {
          units(list[i], a); units(list[k], b)
          for (u in a) if (u in b) shared++
        }
      print shared + 0
    }'
}

# What a task does, as $task: prints "begin end THREADS MEMORY units OMP_NUM_THREADS REST", the moments well within its life.
task=../task # seen from where `fresh` goes: whatever is in the name of the directory above
cat >"$top/task" <<'END'
#!/bin/sh
from=$(date +%s%N)
units=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
sleep 0.05
echo "$from $(date +%s%N) $1 $2 $units $OMP_NUM_THREADS $3"
END
chmod +x "$top/task"

# table NAME TIMES VALUE...: a table of one column, its values so many times over
table() {
  echo "$1"
  times=$2
  shift 2
  while [ "$times" -gt 0 ]; do
    printf '%s\n' "$@"
    times=$((times - 1))
  done
}

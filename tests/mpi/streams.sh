#!/bin/sh
# Stream tasks over ranks: the same results as those of one process, whatever their programs do and whoever is killed.
# shellcheck disable=SC2154
. "$top_srcdir/tests/mpi/lib.sh"

# Answers with its line. With ./both it waits until both ranks have had some, so that none comes too late; with ./middle, at line 100 for ever, but for ./quick.
cat >"$top/program" <<'END'
while read -r n; do
  echo "$n" >>log
  [ "$n" != die ] || kill -SEGV $$
  : >"had.$1"
  for i in $(seq 2400); do
    [ -e quick ] && break
    [ -e both ] && [ "$(ls -d had.* | wc -l)" -ge 2 ] && break
    [ -e middle ] && [ "$(wc -l <log)" -le 100 ] && break
    sleep 0.05
  done
  echo "$n"
done
END
describe() { # FOR [WINDOW]
  printf 'job: s\ntasks:\n  stream: {command: "sh ../program {rank}", window: %s}\n  line: "{n}"\n  for: {n: %s}\n' "${2:-1}" "$1" >job.yaml
}
answered() { # NAME N
  is "$1: a row for each" "$(amorsize-mpi tasks s | awk 'NR > 1 && $2 == "succeeded" { print $1 }' | sort -n)" "$(seq 0 $(($2 - 1)))"
  is "$1: outputs" "$(amorsize-mpi output s)" "$(seq "$2")"
}

for window in 1 8; do
  fresh
  touch both
  describe '{range: [1, 200]}' $window
  mpi_try 2 run job.yaml
  is "window $window: exit status" "$status" 0
  answered "window $window" 200
  is "window $window: each line was given once" "$(sort -n log)" "$(seq 200)"
  is "window $window: every rank has had lines" \
    "$(amorsize-mpi tasks s --format json | grep -o '"rank": *[0-9]*' | sort -u | tr -dc '0-9\n' | tr '\n' ' ')" '0 1 '
  left_nothing "window $window"
done

fresh
touch quick
describe '[1, 2, die, 3, 4, 5, 6]' 4
mpi_try 2 run job.yaml
is 'a line that kills: exit status' "$status" 1
is 'a line that kills: it alone has failed' "$(amorsize-mpi tasks s --failed | awk 'NR > 1 { print $1, $2, $4 }')" '2 failed 11'
is 'a line that kills: the others' "$(amorsize-mpi output s | tr '\n' ' ')" '1 2 3 4 5 6 '
left_nothing 'a line that kills'

fresh
touch middle
describe '{range: [1, 400]}' 4
mpi_start '' 2 run job.yaml
wait_for begun 101
for p in $(of_launch); do kill -KILL "$p" 2>/dev/null; done
finish 2>/dev/null
check 'kill -9 of everything: it was in the middle' test "$(sort -u log | wc -l)" -lt 400
left_nothing 'kill -9 of everything'
touch quick
mpi_try 2 resume s
is 'kill -9 of everything: resume' "$status" 0
answered 'kill -9 of everything' 400
left_nothing 'kill -9 of everything, resumed'
done_testing

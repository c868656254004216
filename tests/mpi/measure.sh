#!/bin/sh
# Ranks that are launched to be timed: they say when all are there, measure messages and chunks between two of them, and end. Whether numbers make sense is
# judged, never whether they are small.
# shellcheck disable=SC2154
. "$top_srcdir/tests/mpi/lib.sh"

rank_try() { # RANKS MODE
  # shellcheck disable=SC2086
  try env AMZ_TEST_MARK="$here" timeout -k 2 "$LAUNCH_LIMIT" $quick -n "$1" "$top_builddir/amorsize-mpi-rank" measure-link "$2"
}

ours() { grep '^amorsize-mpi: ' out; }
names() { ours | awk '$2 == "cost" { print $3 }' | sort | tr '\n' ' '; }
sound() { ours | awk '$2 == "cost" && !($4 > 0 && $5 >= 0 && $6 >= 0 && $6 <= $5 && $5 <= $7) { bad = 1 } END { exit bad }'; }

fresh
for n in 2 3; do
  rank_try $n default
  is "$n ranks: exit status" "$status" 0
  is "$n ranks: first, all are there" "$(ours | head -n 1)" 'amorsize-mpi: ready'
  is "$n ranks: last, all is measured" "$(ours | tail -n 1)" 'amorsize-mpi: measured'
  is "$n ranks: messages inside the node, chunks and the master's time" "$(names)" 'chunk inside-alpha inside-beta service '
  check "$n ranks: numbers that can be true" sound
done
left_nothing 'measuring'

rank_try 3 ready
is 'ready alone: exit status' "$status" 0
is 'ready alone: nothing else is said' "$(ours)" 'amorsize-mpi: ready'

rank_try 1 default
is 'one rank: exit status' "$status" 0
is 'one rank: there is nobody to talk to' "$(ours | tr '\n' ' ')" 'amorsize-mpi: ready amorsize-mpi: measured '
left_nothing 'one rank'

done_testing

#!/bin/sh
# The rule of the house: pure rooms refer to nothing but memory, strings, maths and one another. What their objects leave undefined
# is compared with a short allow-list, so that files, clocks, the environment, threads and MPI cannot creep in.
set -u
: "${top_srcdir:?}" "${top_builddir:?}"
nm=${NM:-nm}
rooms='base reduce job model policy sched sim plan report'
allow=$(grep -v '^#' "$top_srcdir/tests/house/pure_symbols.allow" | paste -s -d '|')

library() { # of a room
  echo "$top_builddir/.libs/lib$1.a"
}

ours=$(for room in $rooms; do $nm --defined-only -g "$(library "$room")"; done 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u)

echo "1..10"
n=0
for room in $rooms; do
  n=$((n + 1))
  found=$($nm -u "$(library "$room")" 2>&1 | awk '$1 == "U" { print $2 }' | sort -u)
  foreign=$(printf '%s\n' "$found" | grep -v -x -F "$ours" | grep -v -x -E "$allow")
  if [ -z "$found" ]; then echo "not ok $n - $room: no symbols read from $(library "$room")"
  elif [ -n "$foreign" ]; then
    echo "not ok $n - $room refers to nothing impure"
    printf '%s\n' "$foreign" | sed 's/^/# refers to: /'
  else echo "ok $n - $room refers to nothing impure"
  fi
done

# The check itself must be able to fail: a room of the adapters does refer to the outside.
n=$((n + 1))
if $nm -u "$(library node)" | awk '$1 == "U" { print $2 }' | grep -v -x -F "$ours" | grep -q -v -x -E "$allow"; then
  echo "ok $n - an adapter's references are noticed"
else
  echo "not ok $n - an adapter's references are noticed"
fi

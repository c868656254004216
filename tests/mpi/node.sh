#!/bin/sh
# node over the ranks of one host: one of them measures, with the cores of all; the cache is used as by a process alone.
# shellcheck disable=SC2154
. "$top_srcdir/tests/mpi/lib.sh"
unset HWLOC_SYNTHETIC HWLOC_XMLFILE HWLOC_FSROOT

value() { sed -n "s/^  \"$2\": \(.*[^,]\),*\$/\1/p" "$1"; } # FILE KEY: of a line
once() { [ "$(grep -c -e "$1" out)" -eq 1 ]; }

fresh
try amorsize-mpi node --fast --format json
cp out alone
mpi_try 3 node --fast --format json
is 'fast: exit status' "$status" 0
is 'fast: the same node as a process alone sees' "$(value out cores) $(value out units) $(value out memory_bytes)" \
  "$(value alone cores) $(value alone units) $(value alone memory_bytes)"
left_nothing 'fast'

mpi_try 2 node --format json
is 'measured: exit status' "$status" 0
is 'measured: from' "$(value out from)" '"measured"'
check 'measured: printed once' once '^  "profile": 1'
check 'measured: messages between the ranks' sh -c 'sed -n "/\"message_inside\"/p" out | grep -q "\"measured\""'
check 'measured: an empty chunk' sh -c 'sed -n "/\"chunk_s\"/p" out | grep -q "\"measured\""'
key=$(value out cache_key)
left_nothing 'measured'
mpi_try 2 node
is 'again: exit status' "$status" 0
check 'again: from the cache' grep -q "old (default), from the cache: $(echo "$key" | tr -d '"')" out
check 'again: nothing is measured' test -z "$(grep measuring err)"
left_nothing 'again'

# ---- what is wrong is said once, and every rank goes home ----
mpi_try 3 node --fast --precise
is 'wrong options: exit status' "$status" 2
is 'wrong options: said once' "$(grep -c 'fast measures nothing' err)" 1
mpi_try 3 node --topology nothing
is 'a topology that is none: exit status' "$status" 2
is 'a topology that is none: said once' "$(grep -c 'nothing' err)" 1
mpi_try 2 node --help
is 'help: printed once' "$status $(grep -c '^usage' out)" '0 1'
left_nothing 'what is wrong'

# ---- ended in the middle ----
fresh
mpi_start '' 2 node --precise --refresh
check 'a precise one begins' wait_for grep -q 'measuring' bg.err
kill -INT "$(rank_pid 0)"
finish
check 'ended by a signal: no success' [ "$status" -ne 0 ]
is 'ended by a signal: no result' "$(cat bg.out)" ''
check 'ended by a signal: said' grep -q 'ended by SIGINT; nothing was kept' bg.err
left_nothing 'ended by a signal'
done_testing

#!/bin/sh
# node and cache: what is looked at, assumed, measured, kept, taken back; described machines; being ended in the middle.
# shellcheck disable=SC2154
. "${top_srcdir:?}/tests/cli/lib.sh"
unset HWLOC_SYNTHETIC HWLOC_XMLFILE HWLOC_FSROOT

sources() { # FILE: the sources of all quantities, each once
  tr ',' '\n' <"$1" | sed -n 's/.*"source": "\([a-z]*\)"}.*/\1/p' | sort -u | tr '\n' ' '
}
value() { sed -n "s/^  \"$2\": \(.*[^,]\),*\$/\1/p" "$1"; } # FILE KEY: of a line

# ---- without measuring ----
fresh
try amorsize-mpi node --fast
tried_like 'fast' 0 'values are assumed; amorsize-mpi node measures' ''
check 'fast: what is ours, with its source' grep -Eq '^  cores for us +[0-9]+ cores?: .' out
check 'fast: memory for us, with its source' grep -Eq '^  memory for us +[0-9.]+ [KMGT]iB: .' out
check 'fast: nothing is said to be measured' sh -c '! grep -q "measured [0-9]" out'
try amorsize-mpi node --fast --format json
is 'fast, as JSON: exit status' "$status" 0
is 'fast, as JSON: all values are assumed or unknown' "$(sources out | sed 's/unknown //')" 'assumed '
is 'fast, as JSON: from' "$(value out from)" '"assumed"'
if grep -Eq '"source": "cgroup [^"]*cpu\.(max|cfs_quota_us)' out; then
  skip 'fast: the cores that we may use' 'a quota of CPU time bounds us here'
else
  is 'fast: the cores that we may use' "$(value out allowed_cores)" "$(our_cores | wc -l)"
fi
if have_jq; then
  is 'the keys of the contract' "$(json out '[(.cores | type), (.numa_domains | type), (.memory_bytes | type), (.limits[0].source | type), (.bandwidth | type)]')" \
    '["number","number","number","string","array"]'
  is 'each quantity has its five parts' "$(json out '[.. | objects | select(has("source") and has("n")) | keys] | unique')" '[["high","low","n","source","value"]]'
else
  skip 'the keys of the contract' 'no jq'
  skip 'each quantity has its five parts' 'no jq'
fi
try amorsize-mpi cache list
tried 'fast keeps nothing' 0 '' "amorsize-mpi: $AMORSIZE_CACHE_DIR: nothing is kept"
if command -v taskset >/dev/null 2>&1; then
  try taskset -c "$(our_cores | head -n 1)" amorsize-mpi node --fast
  tried_like 'a mask of one CPU bounds us' 0 '^  cores for us +1 core: ' ''
else
  skip 'a mask of one CPU bounds us' 'no taskset'
fi

# ---- limits of a tree: nested groups of version 2, and less memory than one task needs ----
mkdir -p tree/proc/self tree/sys/fs/cgroup/job/step
echo '0::/job/step' >tree/proc/self/cgroup
printf 'MemTotal: 67108864 kB\nMemAvailable: 62914560 kB\n' >tree/proc/meminfo
echo '150000 100000' >tree/sys/fs/cgroup/job/cpu.max
echo 67108864 >tree/sys/fs/cgroup/job/memory.high
echo max >tree/sys/fs/cgroup/job/step/memory.max
try amorsize-mpi node --fast --sysroot tree --topology 'core:8 pu:2'
tried_like 'a group above: CPU time' 0 '^  CPU time for us +1.5 CPUs: cgroup /job cpu.max' ''
check 'a group above: memory' grep -Eq '^  memory for us +64.0 MiB: cgroup /job memory.high' out
try amorsize-mpi node --fast --sysroot tree --topology 'core:8 pu:2' --format json
cp out small.json
printf 'job: big\ntasks: {command: "true {n}", for: {n: {range: [1, 20]}}}\nresources: {memory: 1GiB}\n' >big.yaml
try amorsize-mpi plan big.yaml --node small.json
tried_like 'less memory than one task needs' 3 '' 'not one task fits: it needs 1.0 GiB, and 80 % of 64.0 MiB'
echo lots >tree/sys/fs/cgroup/job/memory.high
try amorsize-mpi node --fast --sysroot tree --topology 'core:8 pu:2'
tried_like 'a malformed limit: file and value are told' 0 '^  memory for us +60.0 GiB: /proc/meminfo MemAvailable' \
  'tree/sys/fs/cgroup/job/memory.high: warning: not used: "lots"'

# ---- other machines: counts worked out by hand ----
described() { # NAME TOPOLOGY CORES UNITS DOMAINS PACKAGES
  try amorsize-mpi node --topology "$2" --format json
  is "$1: exit status" "$status" 0
  is "$1" "$(value out cores) $(value out units) $(value out numa_domains) $(value out packages) $(value out this_machine)" "$3 $4 $5 $6 false"
  is "$1: nothing is measured" "$(sources out | sed 's/unknown //')" 'assumed '
}
described 'two packages of four domains' 'pack:2 numa:4 l3:2 core:8 pu:2' 128 256 8 2
described 'one core' 'core:1 pu:1' 1 1 1 1
described 'no third level' 'pack:1 l2:4 core:1 pu:1' 4 4 1 1
described '4096 units' 'pack:16 core:128 pu:2' 2048 4096 1 16
status=0
HWLOC_SYNTHETIC='pack:1 core:6 pu:1' amorsize-mpi node --format json >out 2>err || status=$?
is "by hwloc's own variable" "$status $(value out cores) $(value out this_machine)" '0 6 false'
try amorsize-mpi node --topology 'pack:2 numa:2 core:4 pu:1'
tried_like 'in words, too' 0 'described: nothing can be measured on it from here' ''
check 'in words: each domain' grep -Eq '^ +3: 4 cores' out
try amorsize-mpi node --topology 'pack:none'
tried_like 'a description that is none' 2 '' 'pack:none'
try amorsize-mpi node --topology missing.xml
tried_like 'a file that is missing' 2 '' 'missing.xml'
try amorsize-mpi node --fast --sysroot missing
tried_like 'a root that is missing' 2 '' '--sysroot: there is no folder missing'
printf '<?xml version="1.0"?><topology version="2.0"></topology>' >empty.xml
try amorsize-mpi node --topology empty.xml
tried_like 'a topology of nothing' 2 '' 'empty.xml is no topology'
try amorsize-mpi cache list
is 'described machines are not kept' "$(cat out)" ''

# ---- measured, kept, taken back ----
fresh
try amorsize-mpi node --format json
is 'measured: exit status' "$status" 0
is 'measured: from' "$(value out from) $(value out effort)" '"measured" "default"'
check 'measured: some values are' sh -c 'grep -q "\"source\": \"measured\"" out'
check 'measured: said beforehand how long, and how to end it' grep -q 'measuring for up to 5 s; Ctrl-C ends it' err
cp out measured
try amorsize-mpi node --format json
is 'again: from the cache' "$(value out from) $(value out cache_key)" "\"cache\" $(value measured cache_key)"
is 'again: nothing is measured' "$(cat err)" ''
for key in bandwidth slowdown costs; do
  is "again: the same $key" "$(sed -n "/^  \"$key\": /,/^  \"[a-z]/p" out | head -n -1)" "$(sed -n "/^  \"$key\": /,/^  \"[a-z]/p" measured | head -n -1)"
done
try amorsize-mpi node
tried_like 'again, in words: age and how to refresh' 0 '^  measurements +[0-9].* old \(default\), from the cache: [0-9a-f]{16}$' ''
check 'again, in words: how to refresh' grep -q 'amorsize-mpi node --refresh measures again' out
try amorsize-mpi node --fast --format json
is 'fast takes nothing from the cache' "$(value out from)" '"assumed"'
key=$(value measured cache_key | tr -d '"')
try amorsize-mpi cache list
tried_like 'it is listed' 0 "^$key +node +.* of [0-9]+ cores?, .*\(default\)" ''
if have_jq; then
  try amorsize-mpi cache list --format json
  is 'it is listed, as JSON' "$(json out '[.[] | [.key, .kind, .expired]]')" "[[\"$key\",\"node\",false]]"
else
  skip 'it is listed, as JSON' 'no jq'
fi
try amorsize-mpi cache clear ffffffffffffffff
tried_like 'clearing what is not there' 2 '' 'no entry of the cache begins so'

# what is damaged is measured again, but not now: another effort, ended in the middle
start amorsize-mpi node --precise --refresh
check 'a precise one begins' wait_for grep -q 'for up to a minute' bg.err
kill -INT "$pid"
finish
is 'Ctrl-C: exit status' "$status" 75
check 'Ctrl-C: said' grep -q 'ended by SIGINT; nothing was kept' bg.err
is 'Ctrl-C: no result' "$(cat bg.out)" ''
amorsize-mpi cache list >out 2>err
is 'Ctrl-C: nothing new was kept' "$(grep -c node out)" 1
try amorsize-mpi cache clear "$(echo "$key" | cut -c 1-6)"
tried 'an entry is removed by the beginning of its key' 0 'removed: 1' ''
try amorsize-mpi cache clear
tried 'clearing an empty cache' 0 'removed: 0' ''

# ---- a cache that can't be written is no failure ----
fresh
: >file
status=0
AMORSIZE_CACHE_DIR=$here/file/cache amorsize-mpi node >out 2>err || status=$?
tried_like 'an unwritable cache' 0 '^  measurements +made now' 'cache: warning: .*file.* cannot be made'
status=0
env -u HOME -u XDG_CACHE_HOME -u AMORSIZE_CACHE_DIR amorsize-mpi cache list >out 2>err || status=$?
tried_like 'no place for a cache' 3 '' 'set AMORSIZE_CACHE_DIR'

# ---- pictures ----
fresh
status=0
PATH=/nonexistent "$top_builddir/amorsize-mpi" node --plot x.svg >out 2>err || status=$?
tried 'no gnuplot: said before anything is measured' 3 '' 'amorsize-mpi: gnuplot not found: install it (Debian: gnuplot-nox, Fedora: gnuplot-minimal)'
if command -v gnuplot >/dev/null 2>&1 && command -v xmllint >/dev/null 2>&1; then
  try amorsize-mpi node --fast --plot one.svg
  tried_like 'a picture of both' 0 'values are assumed' '^amorsize-mpi: drawn: one.svg$'
  check 'a picture of both is XML' xmllint --noout one.svg
  try amorsize-mpi node --topology 'pack:2 numa:2 core:8 pu:2' --format json --plot new/
  is 'pictures in a new folder: exit status' "$status" 0
  is 'pictures in a new folder' "$(cd new && echo *)" 'bandwidth.svg topology.svg'
  check 'pictures in a folder are XML' xmllint --noout new/bandwidth.svg new/topology.svg
  check 'the topology shows each core' test "$(grep -c '3b7dd8\|rgb( *59, 125, 216)' new/topology.svg)" -ge 32
  try amorsize-mpi node --fast --plot /proc/one.svg
  tried_like 'a place where nothing can be drawn' 3 '' '/proc/one.svg.* cannot be written'
  ln -s one.svg link.svg
  try amorsize-mpi node --fast --plot link.svg
  check 'a link to a picture stays one' [ "$status" = 0 -a -L link.svg -a -f one.svg ]
  mkfifo pipe
  timeout 60 cat pipe >piped &
  try amorsize-mpi node --fast --plot pipe
  wait $!
  check 'a pipe is written to, and stays one' [ "$status" = 0 -a -p pipe ]
  check 'a pipe gets a picture' xmllint --noout piped
else
  skip 'pictures' 'no gnuplot or no xmllint'
fi
done_testing

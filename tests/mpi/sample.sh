#!/bin/sh
# A sample over several ranks: one run, observations of all ranks, threads tried on all of them.
# shellcheck disable=SC2016,SC2034,SC2154
. "$top_srcdir/tests/mpi/lib.sh"

fresh
# the first ones run alone, the others wait until all ranks have had one
mpi_try 3 sample --name many --command "echo {threads} \$OMP_NUM_THREADS {rank} >>log; if [ \$(wc -l <log) -gt 2 ]; then $(meet 3); fi" --for n=1..200 --slots 2 --set sample.tasks='[20, 40]'
tried_like 'a sample by three ranks' 0 'task time +mean' ''
is 'it is one run' "$(cd many.runs && echo [0-9]*)" 001
ran=$(wc -l <log)
is 'what ran is recorded' "$(amorsize-mpi tasks many | awk 'NR > 1' | wc -l)" "$ran"
check 'each rank has run some' test "$(awk '{ print $3 }' log | sort -u | wc -l)" -eq 3
if command -v python3 >/dev/null 2>&1; then
  is 'each is an observation' "$(python3 -c 'import json; print(len(json.load(open("many.runs/001/sample.json"))["observations"]))')" "$ran"
else
  skip 'each is an observation' 'no python3'
fi
try amorsize-mpi plan many
tried_like 'a plan of it' 0 'plan +1 node' ''
try amorsize-mpi resume --quiet many
is 'the rest is run' "$status" 0
is 'no task twice' "$(wc -l <log)" 200

fresh
mpi_try 2 sample --name threads --command 'echo {threads} $OMP_NUM_THREADS {rank} >>log; sleep 0.02' --for n=1..200 --set resources.threads=auto --set sample.tasks='[10, 20]' \
  --set sample.time=20s
tried_like 'threads over two ranks' 0 'task time +mean' ''
is 'OMP_NUM_THREADS is what {threads} is' "$(awk '$1 != $2' log)" ''
is 'what ran is recorded' "$(amorsize-mpi tasks threads | awk 'NR > 1' | wc -l)" "$(wc -l <log)"

fresh
mpi_try 2 sample --name bad --command 'echo no >&2; exit 3' --for n=1..100
is 'all fail' "$status" 1
check 'what the first one said' grep -q '^  | no$' err
left_nothing 'samples over ranks'
done_testing

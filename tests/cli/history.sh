#!/bin/sh
# The history: each run that ends is kept, plans start from what is known, and whatever happens to the folder, runs go on.
# shellcheck disable=SC2154
. "${top_srcdir:?}/tests/cli/lib.sh"

# json FILE EXPRESSION: true if the Python expression over d, the file's JSON, is
json() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); sys.exit(0 if eval(sys.argv[2]) else 1)' "$1" "$2"; }
have_python=false
command -v python3 >/dev/null 2>&1 && have_python=true
holds() { # NAME FILE EXPRESSION
  if $have_python; then check "$1" json "$2" "$3"; else skip "$1" 'no python3'; fi
}
export AMORSIZE_HISTORY_DIR
fresh_history() { # an empty one, in an empty directory
  fresh
  AMORSIZE_HISTORY_DIR=$here/history
}
rows() { amorsize-mpi history list 2>/dev/null | awk 'NR > 1' | wc -l | tr -d ' '; }
runs_of() { amorsize-mpi history list 2>/dev/null | awk -v job="$1" '$NF == job { n += $2 } END { print n + 0 }'; }
quiet_run() { amorsize-mpi run --quiet "$@" >run.out 2>run.err </dev/null; }
plans_from() { # NAME history|sample WORDS...: what the plan of the words takes costs from
  name=$1 from=$2
  shift 2
  try amorsize-mpi plan "$@"
  if [ "$from" = history ]; then check "$name" grep -q 'costs .*from history: ' out; else
    is "$name" "$status $(grep -c 'from history' out)" '0 0'
  fi
}

# ---- a run is kept, shown, and planned from
fresh_history
try amorsize-mpi history list
tried 'nothing yet' 0 '' "amorsize-mpi: $here/history: nothing is kept"
quiet_run --name naps --command 'sleep 0.0{n}' --for n=1..9 --set output.stdout=discard
is 'a run is kept' "$(runs_of naps)" 1
quiet_run --name naps --command 'sleep 0.0{n}' --for n=1..9 --for k=1..2 --set failures.retries=2 --set output.results=r.bin
is 'other values, numbers, retries and outputs: the same job' "$(rows) $(runs_of naps)" '1 2'
quiet_run --name naps --command 'sleep 0.0{n}' --for n=1..9 --no-history
is '--no-history keeps nothing' "$(runs_of naps)" 2
quiet_run --name naps --command 'sleep 0.0{n}' --for n=1..9 --policy gss
quiet_run --name naps --command 'sleep 0.0{n}' --for n=1..9 --threads 2
quiet_run --name naps --command 'sleep 0.0{n} 0' --for n=1..9
is 'another policy, thread count or template: other jobs' "$(rows)" 4
try amorsize-mpi history
check 'list is what it does unasked' grep -Eq '^[0-9a-f]{16} +2 +20[0-9-]* [0-9:]* +18 .* naps$' out
id=$(awk '$2 == 2 { print $1 }' out)
try amorsize-mpi history show "$id"
tried_like 'show by id' 0 "^naps: $id, 2 runs$" ''
for what in 'known by +tasks: command$' 'words: sleep' 'program: sleep, [0-9.]+ .iB, content [0-9a-f]{16}$' 'chunks: of 200 ms, 50 ms to 1 s$' 'topology: .* cores, ' "naps\\.runs/001'?\$" 'trend ' 'a plan takes .*task time mean .* tasks of [12] runs?'; do
  check "show tells: $what" grep -Eq -e "$what" out
done
try amorsize-mpi history show "$(printf '%.6s' "$id")"
tried_like 'show by the first digits' 0 "^naps: $id, 2 runs$" ''
try amorsize-mpi history show naps
is 'show by name: all of that name' "$(grep -c '^naps: ' out)" 4
try amorsize-mpi history list --format json
cp out list.json
holds 'list as JSON' list.json "len(d) == 4 and all(len(j['id']) == 16 and j['job'] == 'naps' and j['key'] and j['runs'] >= 1 and j['latest']['makespan_s'] > 0 for j in d)"
try amorsize-mpi history show "$id" --format json
cp out show.json
holds 'show as JSON: runs' show.json \
  "[r['tasks']['total'] for r in d[0]['runs']] == [9, 18] and all(r['predicted_s'] is None or r['predicted_s'] > 0 for r in d[0]['runs'])"
holds 'show as JSON: what a plan takes' show.json "d[0]['known']['runs'] in (1, 2) and d[0]['known']['mean']['source'] == 'history' and 0.01 < d[0]['known']['mean_s'] < 5"
holds 'show as JSON: times are those of the tasks' show.json "all(0.045 < r['task_mean_s'] < 5 for r in d[0]['runs'])"

before=$(find naps.runs | wc -l)
plans_from 'a plan takes known costs' history --name naps --command 'sleep 0.0{n}' --for n=1..9 --for k=1..9
check 'and says from how many runs, and when' grep -Eq 'from history: [12] earlier runs?, the latest of 20[0-9-]+ [0-9:]+ UTC$' out
is 'it runs nothing' "$(find naps.runs | wc -l)" "$before"
line=$(sed -n 's/^ *run it with: amorsize-mpi //p' out)
check 'the command that it prints names the job' sh -c 'case $1 in "run --command "*" --for n=1..9 --for k=1..9 --name naps --slots "*) ;; *) exit 1 ;; esac' - "$line"
try sh -c "amorsize-mpi ${line%%--set*} --dry-run"
is 'and can be typed' "$status" 0
try amorsize-mpi plan --name naps --command 'sleep 0.0{n}' --for n=1..9 --format json
cp out plan.json
holds 'a plan as JSON says so' plan.json "d['history']['runs'] in (1, 2) and d['sample']['mean']['source'] == 'history' and d['costs']['gap_s']['source'] in ('history', 'unknown')"
plans_from '--no-history samples' sample --no-history --name naps --command 'sleep 0.0{n}' --for n=1..9
is 'and keeps nothing' "$(runs_of naps)" 5
plans_from 'sample.reuse: false samples' sample --set sample.reuse=false --name naps --command 'sleep 0.0{n}' --for n=1..9 --for k=1..50
plans_from 'what has not run is sampled' sample --name other --command 'sleep 0.00{n}' --for n=1..9 --for k=1..50
is 'samples are no runs' "$(runs_of other)" 0

try amorsize-mpi history clear nothing
tried_like 'clear what is not there' 2 '' 'nothing: no job of this name'
try amorsize-mpi history clear "$id"
tried 'clear one job' 0 'removed: 2' ''
is 'the others stay' "$(rows)" 3
try amorsize-mpi history clear --format json
tried 'clear all' 0 '{"removed": 3}' ''
is 'all are gone' "$(find history -type f | wc -l | tr -d ' ')" 0

# ---- a run starts from what is known, unless its own first tasks speak against it
fresh_history
printf '#!/bin/sh\nsleep "$(cat lasts)"\n' >work.sh
chmod +x work.sh
echo 1 >lasts # so long that what a busy machine adds to it is no change of costs
quiet_run --name load --command './work.sh {n}' --for n=1..40
try amorsize-mpi run --name load --command './work.sh {n}' --for n=1..100
tried_like 'a run plans from what is known' 0 'all tasks succeeded' 'numbers +tasks from history \(1 earlier run, the latest of '
if grep -q 'planning anew' err; then skip 'and keeps where its prediction came from' 'the machine stood still, and the run took that for tasks that have changed'
else is 'and keeps where its prediction came from' "$(amorsize-mpi history show load --format json | grep -c '"predicted_from": "history"')" 1; fi
try amorsize-mpi run --no-history --name load --command './work.sh {n}' --for n=1..20
is '--no-history: it does not' "$status $(grep -c 'from history' err)" '0 0'
amorsize-mpi history clear >/dev/null 2>&1
echo 0.03 >lasts # nothing of this is in the key
quiet_run --name load --command './work.sh {n}' --for n=1..60 --slots 2
echo 1 >lasts
try amorsize-mpi run --name load --command './work.sh {n}' --for n=1..100
tried_like 'costs that have changed are noticed' 0 'all tasks succeeded' 'tasks take [0-9.]+ times as long as in earlier runs .*: planning anew'

# ---- by what a job is known again
fresh_history
printf '#!/bin/sh\nsleep 0.01\n' >work.sh
chmod +x work.sh
quiet_run --name script --command './work.sh {n}' --for n=1..6
plans_from 'the same program' history --name script --command './work.sh {n}' --for n=1..60
printf '# changed\n' >>work.sh
plans_from 'a program that was changed' sample --name script --command './work.sh {n}' --for n=1..60
quiet_run --name by --command 'sh -e ./work.sh {n}' --for n=1..6
plans_from 'the script of an interpreter' history --name by --command 'sh -e ./work.sh {n}' --for n=1..6
printf '# again\n' >>work.sh
plans_from 'was changed' sample --name by --command 'sh -e ./work.sh {n}' --for n=1..6
quiet_run --name shell --command './work.sh {n} >/dev/null; true' --for n=1..6
plans_from 'text for a shell' history --name shell --command './work.sh {n} >/dev/null; true' --for n=1..6
printf '# and again\n' >>work.sh
plans_from 'whose program was changed' sample --name shell --command './work.sh {n} >/dev/null; true' --for n=1..6
quiet_run --name none --command '{p} 0.0{n}' --for p=sleep,/bin/sleep --for n=1..3
plans_from 'programs that the tasks name' history --name none --command '{p} 0.0{n}' --for p=sleep,/bin/sleep --for n=1..3
printf './work.sh 1\n./work.sh 2\n' >lines
quiet_run --lines lines
printf './work.sh 3\n./work.sh 4\n./work.sh 5\n' >lines
plans_from 'ready lines that are alike' history --lines lines
printf './work.sh --slow 3\n./work.sh --slow 4\n' >lines
plans_from 'ready lines of another shape' sample --lines lines
printf './work.sh 1\n./work.sh 2\n' >lines
printf 'job: in\ntasks: {lines: "-"}\n' >job.yaml
amorsize-mpi plan job.yaml <lines >out 2>err
is 'lines from standard input are left for the sample' "$?" 0
for n in 1 2 3; do head -c ${n}00000 /dev/zero >in.$n; done
printf 'job: sized\ntasks:\n  command: "cat {f}"\n  for: {f: {glob: "in.*"}}\n  weight: {size_of: f}\n' >job.yaml
quiet_run job.yaml
plans_from 'inputs of the same class' history job.yaml
for n in 1 2 3; do head -c ${n}000000 /dev/zero >in.$n; done
plans_from 'inputs ten times as large' sample job.yaml

# ---- what counts as an end
fresh_history
quiet_run --name some --command 'test {n} -gt 3' --for n=1..6
is 'failures are an end, too' "$(runs_of some)" 1
amorsize-mpi resume --quiet --retry-failed some >/dev/null 2>&1
is 'a run that goes on replaces what it said' "$(runs_of some)" 1
amorsize-mpi resume --quiet some >/dev/null 2>&1
is 'one with nothing left to do says nothing new' "$(runs_of some)" 1
quiet_run --name none --command 'exit {n}' --for n=1..6
plans_from 'nothing is known of tasks that all fail' sample --name none --command 'exit {n}' --for n=0..6
start amorsize-mpi run --name cut --command "echo {n} >>log; $(gate 5)" --for n=1..200 --slots 1
wait_for begun 6
drain INT
finish
is 'a run that was interrupted' "$status $(runs_of cut)" '75 0'

# ---- millions of tasks cost no more than hundreds
if [ -e "$top_builddir/configs/plugins/.libs/pi.so" ]; then
  fresh_history
  printf 'job: pi\ntasks: {plugin: "%s/configs/plugins/.libs/pi.so", args: "1", for: {n: {range: [1, 1000000]}}}\n' "$top_builddir" >job.yaml
  quiet_run job.yaml
  is 'a million tasks' "$(runs_of pi)" 1
  check 'a bounded number of them is kept' test "$(find history -type f -size -64k | wc -l)" -eq 1
else
  skip 'a million tasks' 'the plug-in is not built'
fi

# ---- over ranks: rank 0 keeps it, once
fresh_history
if command -v mpirun >/dev/null 2>&1; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 # one core, perhaps
  timeout -k 2 240 amorsize-mpi run --quiet --ranks 2 --launcher 'mpirun -n 2' --name spread --command 'sleep 0.0{n}' \
    --for n=1..9 >out 2>err </dev/null
  is 'a run over ranks' "$? $(runs_of spread)" '0 1'
  timeout -k 2 240 amorsize-mpi run --quiet --no-history --ranks 2 --launcher 'mpirun -n 2' --name spread \
    --command 'sleep 0.0{n}' --for n=1..9 >out 2>err </dev/null
  is '--no-history reaches rank 0' "$? $(runs_of spread)" '0 1'
else
  skip 'a run over ranks' 'no mpirun'
  skip '--no-history reaches rank 0' 'no mpirun'
fi

# ---- whatever happens to the folder
fresh_history
: >file
AMORSIZE_HISTORY_DIR=$here/file/history
try amorsize-mpi run --quiet --name x --command 'true {n}' --for n=1..3
tried_like 'a folder that cannot be made: the run is none the worse' 0 'all tasks succeeded' \
  "the run isn't kept in the history: $here/file(/history)?: cannot be (made|read): .*; --no-history or AMORSIZE_HISTORY_DIR change that"
plans_from 'nor is a plan' sample --name x --command 'true {n}' --for n=1..30
try env -u HOME -u XDG_STATE_HOME -u AMORSIZE_HISTORY_DIR amorsize-mpi run --quiet --name x --command 'true {n}' --for n=1..3
is 'no home, no history, no word' "$status $(cat err)" '0 '
try env -u HOME -u XDG_STATE_HOME -u AMORSIZE_HISTORY_DIR amorsize-mpi history list
tried_like 'no place for a history' 3 '' 'set AMORSIZE_HISTORY_DIR'
try env -u AMORSIZE_HISTORY_DIR HOME="$here/home" amorsize-mpi run --quiet --no-history --name x --command 'true {n}' --for n=1..3
check '--no-history makes no folder' test ! -e "$here/home"
try env -u AMORSIZE_HISTORY_DIR -u XDG_STATE_HOME HOME="$here/home" amorsize-mpi run --quiet --name x --command 'true {n}' --for n=1..3
check 'by default it is the place for such things' test -d "$here/home/.local/state/amorsize-mpi/history"
AMORSIZE_HISTORY_DIR=$here/history
quiet_run --name x --command 'true {n}' --for n=1..3
find history -type f -exec sh -c 'head -c 300 "$1" >cut && mv cut "$1"' - {} \;
try amorsize-mpi history show x
tried_like 'half a file counts for none' 2 '' 'x: no job of this name'
quiet_run --name x --command 'true {n}' --for n=1..3
is 'the next run is kept beside it' "$(runs_of x)" 1
rm -rf history
for n in 1 2 3 4; do amorsize-mpi run --quiet --name x --command 'true {n}' --for n=1..3 >/dev/null 2>&1 & done
wait
is 'four runs that end at once are all kept' "$(runs_of x)" 4
for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do amorsize-mpi run --quiet --name x --command 'true {n}' --for n=1..3 >/dev/null 2>&1; done
is 'of many, the latest twenty stay' "$(runs_of x)" 20
check 'in twenty files' test "$(find history -type f | wc -l)" -eq 20
done_testing

#!/bin/sh
# Plug-in tasks, with the examples that users are told to copy: results count, and what a bad task does to others (nothing).
. "${top_srcdir:?}/tests/cli/lib.sh"
plugins=$top_builddir/configs/plugins/.libs

job() { # NAME PLUGIN ARGS TASKS [MORE]
  cat >"$1.yaml" <<END
job: $1
tasks:
  plugin: $2
  ${3:+args: "$3"}
  for: {n: {range: [1, $4]}}
$5
END
}

failed() { amorsize-mpi tasks "$1" --failed | awk 'NR > 1 { print $1, $2, $3, $4, $5 }' | tr '\n' ';'; }

fresh
# ---- all goes well
while read -r name tasks args; do
  job "$name" "$plugins/$name.so" "$args" "$tasks" ''
  try timeout 120 amorsize-mpi run --slots 2 "$name.yaml"
  tried_like "$name: all its tasks succeed" 0 '' ''
  is "$name: and are counted" "$(sed -n 's/^  tasks  *//p' out | tr -d '\302\240\342\200\257 ')" "$tasks:${tasks}succeeded,0failed"
done <<'END'
pi 3000 500
mandelbrot 100 64 48 100
triad 20 1
END

# ---- built as a user does, by what is installed: the header, found by pkg-config
if command -v pkg-config >/dev/null 2>&1; then
  ln -s "$(cd "$top_srcdir" && pwd)/include" include # whatever is in that path
  cflags=$(PKG_CONFIG_PATH=$top_builddir/configs pkg-config --define-variable=includedir="$PWD/include" --cflags amorsize-mpi)
  for name in pi mandelbrot triad crash; do
    # shellcheck disable=SC2086 # words
    check "$name: pkg-config's words build it" ${CC:-cc} -shared -fPIC -O2 $cflags "$top_srcdir/configs/plugins/$name.c" -o "own-$name.so"
  done
  job own ./own-pi.so 500 100 'output: {reduce: mean}'
  try timeout 60 amorsize-mpi run --slots 2 own.yaml
  tried_like 'and it runs' 0 '^  reduced  *mean 3\.[0-9]* of 100 tasks' ''
else skip "pkg-config's words build plug-ins" 'no pkg-config'; fi

# ---- one task doesn't: the others aren't touched, whichever way it goes
while read -r how expected; do
  job "$how" "$plugins/crash.so" "$how 7 1000" 60 ''
  try timeout 120 amorsize-mpi run --slots 2 "$how.yaml"
  is "$how: the run ends as one with a failure" "$status" 1
  is "$how: one has failed, no other" "$(sed -n 's/^  tasks  *//p' out)" '60: 59 succeeded, 1 failed'
  is "$how: told as it was" "$(failed "$how")" "$expected"
done <<'END'
crash 7 failed - 11 1;
abort 7 failed - 6 1;
exit 7 failed 3 - 1;
_exit 7 failed 0 - 1;
fail 7 failed 4 - 1;
END
try amorsize-mpi tasks fail --failed
tried_like 'why one has failed is told, in its words' 0 'error: task 7 is meant to fail' ''
try amorsize-mpi tasks fail --failed --format json
tried_like 'and in JSON' 0 '"error": "task 7 is meant to fail"' ''
job fail "$plugins/crash.so" 'fail 7' 20 ''
try timeout 60 amorsize-mpi run --slots 2 fail.yaml
is 'and at the end of the run' "$(sed -n 's/^  why  *//p' out)" 'task 7: task 7 is meant to fail'
job crash "$plugins/crash.so" 'crash 7' 20 ''
try timeout 60 amorsize-mpi run --slots 2 crash.yaml
tried_like 'a crash is told of, with its signal' 1 '' 'task 7 has ended two processes; the second one was ended by signal 11'

job hang "$plugins/crash.so" 'hang 7 1000' 60 'failures: {timeout: 5s}'
try timeout 120 amorsize-mpi run --slots 2 hang.yaml
is 'a hang: ends at its timeout' "$(failed hang)" '7 timed_out - 9 1;'
is 'a hang: no other task is lost' "$(sed -n 's/^  tasks  *//p' out)" '60: 59 succeeded, 1 failed'

job again "$plugins/crash.so" 'crash 7' 20 'failures: {retries: 1, backoff: 1ms}'
try timeout 60 amorsize-mpi run --slots 2 again.yaml
is 'retries count attempts, not processes' "$(failed again)" '7 failed - 11 2;'

# ---- short tasks, of which each slot has more waiting behind what it runs: they are neither blamed nor lost
whole() { # NAME TASKS: each of them has one outcome
  [ "$(amorsize-mpi tasks "$1" | awk 'NR > 1 { print $1 }' | sort -n | uniq | wc -l | tr -d ' ')" = "$2" ] &&
    [ "$(amorsize-mpi tasks "$1" | awk 'NR > 1' | wc -l | tr -d ' ')" = "$2" ]
}
while read -r how at more expected; do
  [ "$more" != - ] || more=
  job "$how" "$plugins/crash.so" "$how $at 200" 3000 "$(echo "$more" | sed "s/:/: /g")"
  try timeout 120 amorsize-mpi run --slots 2 "$how.yaml"
  is "$how among short ones: one has failed, no other" "$(sed -n 's/^  tasks  *//p' out | tr -d '\302\240\342\200\257 ')" '3000:2999succeeded,1failed'
  is "$how among short ones: told as it was" "$(failed "$how")" "$expected"
  check "$how among short ones: each task once" whole "$how" 3000
done <<'END'
crash 1500 - 1500 failed - 11 1;
_exit 1501 - 1501 failed 0 - 1;
fail 1502 - 1502 failed 4 - 1;
hang 1503 failures:{timeout:300ms} 1503 timed_out - 9 1;
END
# A RUN lasts 20 ms: of those tasks, at most, some wait for the one that hangs. What waits behind that RUN doesn't.
job stuck "$plugins/crash.so" 'hang 1000 200' 3000 'failures: {grace: 100ms}'
others_have_run() { [ "$(sed -n 's/.*"succeeded": *\([0-9]*\).*/\1/p' stuck.runs/001/status.json | head -n 1)" -ge 2800 ]; }
start timeout 120 amorsize-mpi run --slots 2 stuck.yaml
check 'a task that hangs: others come to their end beside it' wait_for others_have_run
kill -INT "$pid"
finish
is 'a task that hangs: the run can be stopped' "$status" 75
check 'a task that hangs: nobody else is blamed' [ -z "$(amorsize-mpi tasks stuck | awk 'NR > 1 && $2 != "succeeded" && $2 != "cancelled"')" ]

# ---- not thread-safe, with a loop of its own, and with values of names
odd=$top_builddir/tests/cli/.libs/plugin_odd.so
try timeout 60 amorsize-mpi run --slots 2 --ranks 2 --set job=unused --command true --for n=1..2 # is there MPI here?
ranks=$status
for where in '--slots 3' '--ranks 2 --slots 2'; do
  [ "$where" = '--slots 3' ] || [ "$ranks" = 0 ] || { skip "over ranks: a plug-in that is not thread-safe" 'no ranks can be launched here'; continue; }
  job odd "$odd" '-1' 20000 'output: {reduce: sum}'
  # shellcheck disable=SC2086 # options
  try timeout 120 amorsize-mpi run $where odd.yaml
  is "$where: a process per slot, each with its state: all succeed" "$status" 0
  check "$where: the sum of 0 .. 19999" grep -q 199990000 out
  job odd "$odd" '12345' 20000 'output: {reduce: sum}'
  # shellcheck disable=SC2086
  try timeout 120 amorsize-mpi run $where odd.yaml
  is "$where: the task that ends the loop's process is found" "$(failed odd)" '12345 failed - 7 1;'
  check "$where: and is missing in the sum, alone" grep -q "$((199990000 - 12345))" out
done
job one "$odd" '7' 40 'failures: {timeout: 1m}'
try timeout 60 amorsize-mpi run --slots 2 one.yaml
is 'with a timeout each task is called for itself, with its values' "$(failed one)" '7 failed - 7 1;'

job leave "$odd" 'leave 12345' 20000 'output: {reduce: sum}'
try timeout 120 amorsize-mpi run --slots 3 leave.yaml
is 'a task that ends its thread: alone has failed' "$(failed leave)" '12345 failed 1 - 1;'
check 'a task that ends its thread: is missing in the sum, alone' grep -q "$((199990000 - 12345))" out
check 'a task that ends its thread: is told of' grep -q 'has ended the thread of slot [012] (pthread_exit)' \
  leave.runs/001/out/plugin-0.1.log
job ended "$odd" abort 20 'output: {reduce: sum}'
try timeout 60 amorsize-mpi run --slots 1 ended.yaml
tried_like 'a close that crashes is warned of, and costs nothing' 0 'sum 190 of 20 tasks' 'plugin_odd.so was ended by signal 6'
job stays "$odd" stay 20 'output: {reduce: sum}'
try timeout 60 amorsize-mpi run --slots 1 stays.yaml
tried_like "a close that doesn't return is cut short" 0 'sum 190 of 20 tasks' 'its close takes longer than 5 s, and is cut short'

# ---- stopped and resumed: each task counts once
job long "$odd" 'gate 100' 4000 ''
start amorsize-mpi run --slots 2 long.yaml
check 'a run to be stopped has begun' wait_for grep -q '"succeeded": *[1-9]' long.runs/001/status.json
drain INT
finish
is 'Ctrl-C: can be resumed' "$status" 75
try timeout 120 amorsize-mpi resume long.runs/001
is 'resumed: it comes to its end' "$status" 0
is 'resumed: all tasks, each once' "$(amorsize-mpi tasks long | awk 'NR > 1 && $2 == "succeeded" { print $1 }' | sort -u | wc -l | tr -d ' ')" 4000

# ---- tasks that leave more behind than their results
cat >leaves.c <<'END'
#include <amorsize/plugin.h>
#include <fenv.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>
static const char *how;
static int begin(const struct amz_plugin_open *o, void **ret) { how = o->args; *ret = (void *)o; return 0; }
static int run(void *state, const struct amz_plugin_task *task, void *result)
{
  uint64_t i = task->index;
  pid_t child = -1;

  if (strcmp(how, "fork") == 0 && i % 100 == 7) {
    child = fork();
    if (child == 0 && i % 300 == 7)
      exit(1);
    if (child == 0 && i % 300 == 107)
      abort();
    if (child > 0)
      (void)waitpid(child, NULL, 0);
  }
  if (strcmp(how, "round") == 0)
    (void)fesetround(i % 3 ? FE_UPWARD : FE_DOWNWARD);
  if (strcmp(how, "fork") == 0 && i == 950)
    _exit(4);
  if (strcmp(how, "fork") == 0)
    *(double *)result = child == 0 ? 1e9 : 1.0 / (double)(i + 1);
  else
    *(double *)result = (double)(i * i * i * 1000003 + 1); /* no rounding yet: below 2^53 */
  return !state;
}
const struct amz_plugin_v1 amz_plugin_v1 = {.abi = AMZ_PLUGIN_ABI, .size = sizeof amz_plugin_v1, .name = "leaves",
  .flags = AMZ_PLUGIN_THREAD_SAFE, .result_type = AMZ_PLUGIN_F64, .open = begin, .run = run};
END
if ${CC:-cc} -shared -fPIC "-I$top_srcdir/include" leaves.c -lm -o leaves.so 2>/dev/null; then
  for how in plain round; do
    job "$how" ./leaves.so "$how" 2000 'output: {reduce: sum}'
    try timeout 60 amorsize-mpi run --slots 2 "$how.yaml"
    sed -n 's/^  reduced  *//p' out >"$how.sum"
  done
  check 'rounding that a task has changed: the sum is of 2000 tasks' grep -q '^sum 3.99601298800[0-9e+.]* of 2[^0-9]*000 tasks$' plain.sum
  is 'rounding that a task has changed: the same sum' "$(cat round.sum)" "$(cat plain.sum)"
  job fork ./leaves.so fork 1000 'output: {reduce: sum}'
  try timeout 120 amorsize-mpi run --slots 2 fork.yaml
  is 'tasks that fork: what their children do is no failure' "$(failed fork)" '950 failed 4 - 1;'
  check 'tasks that fork: nor a result' grep -q '^  reduced  *sum 7\.4844193' out
  check 'tasks that fork: a child that goes on as its parent is told of' grep -q 'has returned in a process that it has forked' \
    fork.runs/001/out/plugin-0.1.log
else
  skip 'tasks that leave more behind than their results' 'no compiler here'
fi

# ---- it can't even begin: nothing runs, and the reason is told
job open "$plugins/crash.so" 'open 7' 20 ''
try timeout 60 amorsize-mpi run --slots 2 open.yaml
tried_like 'a plug-in that refuses' 3 '' 'the plug-in crash could not begin \(open returned 2\): not today'
job args "$plugins/pi.so" 'many' 20 ''
try timeout 60 amorsize-mpi run --slots 2 args.yaml
tried_like 'arguments that make no sense to it' 3 '' 'args: expected a number of darts per task, got "many"'
job none "./none.so" '' 20 ''
try timeout 60 amorsize-mpi run --slots 2 none.yaml
tried_like 'a plug-in that is not there' 2 '' 'tasks.plugin: cannot read ./none.so: No such file'
echo 'no object' >text.so
job text "./text.so" '' 20 ''
try timeout 60 amorsize-mpi run --slots 2 text.yaml
tried_like 'a file that is no shared object' 3 '' 'cannot load the plug-in ./text.so: '
echo 'int nothing;' >empty.c
if ${CC:-cc} -shared -fPIC empty.c -o empty.so 2>/dev/null; then
  job empty "./empty.so" '' 20 ''
  try timeout 60 amorsize-mpi run --slots 2 empty.yaml
  tried_like 'a shared object that is no plug-in' 3 '' 'cannot use the plug-in ./empty.so: it has no symbol amz_plugin_v1'
else
  skip 'a shared object that is no plug-in' 'no compiler here'
fi

# Tables that are wrong, and some that look so.
cat >table.c <<'END'
#include <amorsize/plugin.h>
static int run(void *state, const struct amz_plugin_task *task, void *result) { return !state && task && result ? 0 : 0; }
const struct amz_plugin_v1 amz_plugin_v1 = {RUN .abi = ABI, .size = SIZE, .result_type = TYPE, .result_bytes = BYTES};
END
while IFS='|' read -r what macros expected; do
  # shellcheck disable=SC2086 # words
  if ! eval ${CC:-cc} -shared -fPIC "-I'$top_srcdir/include'" \
    -DRUN=.run=run, -DABI=1 '"-DSIZE=sizeof amz_plugin_v1"' -DTYPE=0 -DBYTES=0 \
    $macros table.c -o table.so 2>/dev/null; then
    skip "a table: $what" 'no compiler here'
    continue
  fi
  job table ./table.so '' 20 ''
  try timeout 60 amorsize-mpi run --slots 2 table.yaml
  if [ -n "$expected" ]; then tried_like "a table: $what" 3 '' "cannot use the plug-in ./table.so: $expected"
  else tried_like "a table: $what" 0 '20 succeeded' ''; fi
done <<'END'
as short as it can be||
of a later version of the header that appends to it|-USIZE -DSIZE=4096|
of another version|-UABI -DABI=2|it was built for another version of plugin.h
without its version|-UABI -DABI=0|it was built for another version of plugin.h
too short|-USIZE -DSIZE=16|its table is incomplete
without run|-URUN -DRUN=|its table is incomplete
with results of an unknown type|-UTYPE -DTYPE=9|its result_type is none that we know
with bytes, but none of them|-UTYPE -DTYPE=1|a result has 1 to 65536 bytes
with results that are too large|-UTYPE -DTYPE=1 -UBYTES -DBYTES=65537|a result has 1 to 65536 bytes
with the largest results|-UTYPE -DTYPE=1 -UBYTES -DBYTES=65536|
with a part of a number|-UTYPE -DTYPE=2 -UBYTES -DBYTES=12|numbers have 8 bytes each
with bytes of nothing|-UBYTES -DBYTES=8|it has result_bytes, but its result_type is NONE
END
echo '__attribute__((constructor)) static void leave(void) { __builtin_trap(); }' >trap.c
if ${CC:-cc} -shared -fPIC trap.c -o trap.so 2>/dev/null; then
  job trap ./trap.so '' 20 ''
  try timeout 60 amorsize-mpi run --slots 2 trap.yaml
  tried_like 'a shared object that ends its process while it is loaded' 3 '' \
    'trap.so was ended by signal [0-9]* \([A-Za-z /]*\) before it has run a task$'
else
  skip 'a shared object that ends its process while it is loaded' 'no compiler here'
fi
done_testing

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
job crash "$plugins/crash.so" 'crash 7' 20 ''
try timeout 60 amorsize-mpi run --slots 2 crash.yaml
tried_like 'a crash is told of, with its signal' 1 '' 'task 7 has ended two processes; the second one was ended by signal 11'

job hang "$plugins/crash.so" 'hang 7 1000' 60 'failures: {timeout: 400ms}'
try timeout 120 amorsize-mpi run --slots 2 hang.yaml
is 'a hang: ends at its timeout' "$(failed hang)" '7 timed_out - 9 1;'
is 'a hang: no other task is lost' "$(sed -n 's/^  tasks  *//p' out)" '60: 59 succeeded, 1 failed'

job again "$plugins/crash.so" 'crash 7' 20 'failures: {retries: 1, backoff: 1ms}'
try timeout 60 amorsize-mpi run --slots 2 again.yaml
is 'retries count attempts, not processes' "$(failed again)" '7 failed - 11 2;'

# ---- it can't even begin: nothing runs, and the reason is told
job open "$plugins/crash.so" 'open 7' 20 ''
try timeout 60 amorsize-mpi run --slots 2 open.yaml
tried_like 'a plug-in that refuses' 3 '' 'the plug-in crash could not begin \(open returned 2\): not today'
job args "$plugins/pi.so" 'many' 20 ''
try timeout 60 amorsize-mpi run --slots 2 args.yaml
tried_like 'arguments that make no sense to it' 3 '' 'args: expected a number of darts per task, got "many"'
job none "./none.so" '' 20 ''
try timeout 60 amorsize-mpi run --slots 2 none.yaml
tried_like 'a plug-in that is not there' 3 '' 'cannot load the plug-in ./none.so: .*No such file'
echo 'int nothing;' >empty.c
if ${CC:-cc} -shared -fPIC empty.c -o empty.so 2>/dev/null; then
  job empty "./empty.so" '' 20 ''
  try timeout 60 amorsize-mpi run --slots 2 empty.yaml
  tried_like 'a shared object that is no plug-in' 3 '' 'cannot use the plug-in ./empty.so: it has no symbol amz_plugin_v1'
else
  skip 'a shared object that is no plug-in' 'no compiler here'
fi
done_testing

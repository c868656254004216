#!/bin/sh
# Results of plug-in tasks: kept by index, reduced to the same bits whatever the layout, complete after a kill -9.
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

like() { # NAME ACTUAL REGEX
  if printf '%s\n' "$2" | grep -Eq -- "$3"; then pass "$1"; else fail "$1" "got: $2" "expected: $3"; fi
}
reduced() { sed -n 's/^  reduced  *//p' out; }
values() { tail -c +4097 "$1"; } # of a results' file, without its header

# More and more of them, so that each time another moment comes.
results_come() { [ "$(values "$1" | tr -d '\000' | head -c $((20000 * $2)) | wc -c)" -ge $((20000 * $2)) ]; }

fresh
# ---- by index
job pi "$plugins/pi.so" 20 40000 ''
try timeout 60 amorsize-mpi run --slots 2 pi.yaml
is 'results are told of' "$status $(sed -n 's/^  results  *//p' out)" '0 pi.runs/001/out/results.bin'
is 'results: a header and eight bytes each' "$(wc -c <pi.runs/001/out/results.bin)" $((4096 + 8 * 40000))
header=$(head -c 200 pi.runs/001/out/results.bin | tail -c +11 | sed 's/ *$//')
is 'results: the header says what they are' "$header" \
  "{'descr': '<f8', 'fortran_order': False, 'shape': (40000,), } # amorsize-mpi results 1; job pi; plug-in pi; run pi.runs/001"
try timeout 60 amorsize-mpi run --slots 1 --policy gss --set output.results="$PWD/mine.npy" pi.yaml
is 'results elsewhere: an absolute path is taken as it is' "$status $(eval "echo $(sed -n 's/^  results  *//p' out)")" "0 $PWD/mine.npy" # a word for a shell
values pi.runs/001/out/results.bin >a && values mine.npy >b
check 'results: the same in another layout' cmp a b
cp mine.npy kept.npy
try timeout 60 amorsize-mpi run --slots 1 --set output.results="$PWD/mine.npy" pi.yaml
tried_like "another run's results are not overwritten" 3 '' 'mine.npy: is there already, and not as this run.s results'
check "another run's results are as they were" cmp mine.npy kept.npy
for python in python3 /usr/bin/python3 none; do "$python" -c 'import numpy' 2>/dev/null && break; done
if [ "$python" != none ]; then
  # shellcheck disable=SC2016 # Python's
  is 'NumPy reads them, in all ways that are told' "$("$python" -c 'import numpy as n
p = "pi.runs/001/out/results.bin"
a, b, c = n.load(p, mmap_mode="r"), n.memmap(p, dtype="<f8", mode="r", offset=4096), n.fromfile(p, dtype="<f8", offset=4096)
print(a.shape, a.dtype.str, (a == b).all(), (a == c).all(), (3.0 < a.mean() < 3.3))')" '(40000,) <f8 True True True'
else skip 'NumPy reads them, in all ways that are told' 'no Python with NumPy here'
fi

if command -v python3 >/dev/null 2>&1; then # the lines of the man page, as they are
  { sed -n '/^ *import ast, struct/,/^\.fi/p' "$top_srcdir/src/cli/man/amorsize-mpi-job.5" | sed '/^\.fi/d; s/^    //; s/NAME/pi/'
    echo 'print(tasks, len(values), 3.0 < sum(values) / tasks < 3.3)'; } >read.py
  is 'plain Python reads them by the lines that the man page gives' "$(python3 read.py)" '40000 40000 True'
else skip 'plain Python reads them by the lines that the man page gives' 'no python3'; fi

# ---- reduced
for op in sum min max mean count; do
  job "$op" "$plugins/pi.so" 7 30011 "output: {reduce: $op}"
  try timeout 60 amorsize-mpi run --slots 1 --policy static "$op.yaml"
  first=$(reduced)
  like "$op: told, with its tasks" "$first" "^$op [0-9].* of 30 011 tasks$"
  for layout in '--slots 2 --policy gss' '--slots 2 --policy fac2'; do
    # shellcheck disable=SC2086 # two options
    try timeout 60 amorsize-mpi run $layout "$op.yaml"
    is "$op: the same bits with $layout" "$(reduced)" "$first"
  done
  check "$op: no results are kept that nobody asked for" test ! -e "$op.runs/001/out/results.bin"
done
is 'a reduction is kept in the run directory' "$(tr -d ' \n' <count.runs/001/reduced.json)" \
  '{"op":"count","tasks":30011,"values":[30011],"exact":["30011"]}'
try timeout 60 amorsize-mpi run --format json --slots 1 count.yaml
like 'a reduction is in the JSON summary' "$(tr -d ' \n' <out)" '"reduced":{"op":"count","tasks":30011,"values":\[30011\],"exact":\["30011"\]}'
job fail "$plugins/crash.so" 'fail 7 10' 60 'output: {reduce: count}'
try timeout 60 amorsize-mpi run --slots 2 fail.yaml
is 'a task that fails is left out' "$status $(reduced)" '1 count 59 of 59 tasks'
job crash "$plugins/crash.so" 'crash 7 10' 60 'output: {reduce: count}'
try timeout 60 amorsize-mpi run --slots 2 crash.yaml
is 'so is one that crashes, and no other' "$status $(reduced)" '1 count 59 of 59 tasks'

# ---- rows of stretches
try amorsize-mpi tasks pi.runs/001 --format json --limit 39000
is 'tasks: one row per task' "$(grep -c '"index"' out)" 39000
check 'tasks: times of stretches are marked' grep -q '"averaged_over"' out

# ---- kill -9 in mid-run, resumed: all is there, once
job slow "$plugins/pi.so" 4000 30000 'output: {reduce: mean, results: r.npy}'
try timeout 120 amorsize-mpi run --slots 2 slow.yaml
whole=$(reduced)
for i in 1 2 3; do
  dir=slow.runs/00$((i + 1))
  start amorsize-mpi run --quiet --slots 2 slow.yaml
  wait_for test -s $dir/out/r.npy
  wait_for results_come $dir/out/r.npy "$i"
  kill -KILL "$pid"
  finish
  try timeout 120 amorsize-mpi resume --slots 1 $dir
  is "killed $i times: all tasks have succeeded" "$status $(sed -n 's/^  tasks  *//p' out)" '0 30 000: 30 000 succeeded, 0 failed'
  is "killed $i times: reduced to the same bits" "$(reduced)" "$whole"
  values slow.runs/001/out/r.npy >a && values $dir/out/r.npy >b
  check "killed $i times: all results are there" cmp a b
done
# ---- results that are wanted of commands: warned of, and nothing is told of them
fresh
try timeout 60 amorsize-mpi run --slots 1 --set job=printing --set output.reduce=sum --command 'echo {n}' --for n=1..3
tried_like 'no results of commands: warned of' 0 '3 succeeded' 'output.reduce has no effect: only tasks.plugin has results'
is 'no results of commands: none are told of' "$(reduced)$(find printing.runs/001 -name 'reduced*')" ''

# ---- results that are wanted of a plug-in that has none: refused as a wrong description is, as going on would end in the same way
fresh
for want in 'reduce: sum' 'results: r.npy'; do
  printf 'job: none\ntasks: {plugin: %s, for: {n: {range: [1, 9]}}}\noutput: {%s}\n' "$plugins/crash.so" "$want" >none.yaml
  try timeout 60 amorsize-mpi run none.yaml
  tried_like "no results, but $want: refused" 2 '' "output\\.${want%%:*}: the plug-in's tasks have no results"
  is "no results, but $want: nobody is told to go on" "$(cat out err | grep -c 'amorsize-mpi resume')" 0
done

done_testing

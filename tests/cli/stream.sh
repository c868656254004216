#!/bin/sh
# Stream tasks: programs that stay, what they answer, and what becomes of lines that they do not survive.
. "${top_srcdir:?}/tests/cli/lib.sh"

job() { # STREAM LINE FOR [MORE]: job.yaml
  printf 'tasks:\n  stream: %s\n  line: %s\n  for: %s\n%s\n' "$1" "$2" "$3" "${4-}" >job.yaml
}
run() { try timeout 100 amorsize-mpi run --quiet --slots 2 "$@" job.yaml; }
rows() { amorsize-mpi tasks job | awk -v s="$1" 'NR > 1 && $2 == s { print $1 }' | sort -n | tr '\n' ' '; }
row() { amorsize-mpi tasks job | awk -v i="$1" '$1 == i { print $2, $3, $4, $5 }'; } # STATUS EXIT SIGNAL TRIES
children() { cat "/proc/$1/task/"*/children 2>/dev/null; }

# Answers with its line, unless that is a word it knows.
cat >"$top/program" <<'END'
echo start >>starts
while read -r word rest; do
  case $word in
    segv) printf 'half an answer'; kill -SEGV $$ ;;
    exit) echo "giving up on $rest" >&2; exit 3 ;;
    hang) sleep 1000 ;;
    wrong) echo "ERR $rest" ;;
    complain) echo "complaint about $rest" >&2; echo "$word $rest" ;;
    mute) exec >&-; sleep 1000 ;;
    *) echo "$word${rest:+ }$rest" ;;
  esac
done
END

# ---- every line has its answer, in whatever order they are made ----
for window in 1 16; do
  fresh
  job "{command: sh ../program, window: $window}" '"value {n}"' '{n: {range: [1, 500]}}'
  run
  is "window $window: exit status" "$status" 0
  amorsize-mpi output job >outputs
  is "window $window: outputs in the order of tasks" "$(cat outputs)" "$(seq 500 | sed 's/^/value /')"
  is "window $window: succeeded" "$(rows succeeded | wc -w | tr -d ' ')" 500
  check "window $window: a program per slot, started once" test "$(wc -l <starts)" -le 2
done
is 'a task alone can be tried in a shell' "$(sh -c "$(amorsize-mpi tasks job --commands | sed -n 's/^ *6 .*  printf/printf/p')")" 'value 7'

# ---- a line that its program does not survive ----
words='{w: [one, "segv x", two, "exit y", three, "wrong z", "complain v", four, "hang u", five, six]}'
for window in 1 4; do
  fresh
  job "{command: sh ../program, window: $window, fail_prefix: \"ERR \"}" '"{w}"' "$words" 'failures: {timeout: 4s}'
  run
  is "bad lines, window $window: exit status" "$status" 1
  is "bad lines, window $window: those alone have failed" "$(rows failed)" '1 3 5 '
  is "bad lines, window $window: timed out" "$(rows timed_out)" '8 '
  is "bad lines, window $window: the others are answered" "$(rows succeeded)" '0 2 4 6 7 9 10 '
  is "bad lines, window $window: a crash has its signal" "$(row 1)" 'failed - 11 1'
  is "bad lines, window $window: an exit has its status" "$(row 3)" 'failed 3 - 1'
  is "bad lines, window $window: a failure that is told" "$(row 5)" 'failed 1 - 1'
  is "bad lines, window $window: and keeps its answer" "$(amorsize-mpi output job --task 5)" 'ERR z'
  is "bad lines, window $window: what there was of an answer" "$(amorsize-mpi output job --task 1)" 'half an answer'
  is "bad lines, window $window: last words" "$(amorsize-mpi output job --task 3 --stderr)" 'giving up on y'
  is "bad lines, window $window: answers" "$(for i in 0 2 4 7 9 10; do amorsize-mpi output job --task $i; done | tr '\n' ' ')" \
    'one two three four five six '
done
fresh
job "sh ../program" '"{w}"' '{w: ["complain a", b, "complain c"]}'
run --slots 1
is 'standard error goes with its task' "$(for i in 0 1 2; do amorsize-mpi output job --task $i --stderr; done)" 'complaint about a
complaint about c'
fresh
job "sh ../program" '"{w}"' '{w: [a, mute, b]}'
run --slots 1
is 'a closed standard output: its task fails' "$(row 1)" 'failed - 9 1'
is 'a closed standard output: is told' "$(amorsize-mpi output job --task 1 --stderr)" \
  "amorsize-mpi: the stream's program has closed its standard output; it was ended"
is 'a closed standard output: the others' "$(rows succeeded)" '0 2 '

# ---- retries go to another program, or the same ----
fresh
cat >flaky <<'END'
while read -r n; do
  if [ "$n" = 3 ] && ! [ -e tried ]; then : >tried; exit 1; fi
  echo "$n"
done
END
job '{command: sh flaky, window: 4}' '"{n}"' '{n: {range: [1, 6]}}' 'failures: {retries: 1, backoff: 1ms}'
run
is 'a retry: exit status' "$status" 0
is 'a retry: outputs' "$(amorsize-mpi output job)" "$(seq 6)"

# ---- programs that are none ----
for program in /nonexistent/program false 'sh -c "echo so long >&2; exit 7"'; do
  fresh
  job "'$program'" '"{n}"' '{n: {range: [1, 30]}}'
  run
  is "$program: exit status" "$status" 1
  is "$program: all tasks fail" "$(rows failed | wc -w | tr -d ' ')" 30
  check "$program: said, once for each slot at most" test "$(grep -c 'its tasks fail$' err)" -le 2
  check "$program: said why" grep -Eq "cannot be started|ended 3 times in a row before it read a line \(exit status [17]\)" err
  check "$program: and with the tasks" sh -c 'amorsize-mpi output job --task 29 --stderr | grep -q "^amorsize-mpi: not tried: "'
done
check 'last words of a program that does not start: told of' grep -q 'before it read a line (exit status 7): so long; its tasks fail$' err
check 'last words of a program that does not start' sh -c 'amorsize-mpi output job --stderr | grep -q "so long"'
fresh
job ./missing '"{n}"' '{n: [1]}'
run --slots 1
check 'a program that is missing: which, and why' grep -Fq \
  "the stream's program cannot be started: cannot run './missing': No such file or directory; its tasks fail" err
fresh
job cat '"{n}"' '{n: [1]}'
sed -i 's|^  line|  workdir: nowhere\n  line|' job.yaml
run --slots 1
check 'a working directory that is missing: which, and why' grep -Fq \
  "program cannot be started: cannot change to the directory 'nowhere': No such file or directory; its tasks fail" err
fresh
job 'head -n 1' '"{n}"' '{n: {range: [1, 12]}}'
run
is 'a program that answers once: started anew for each' "$(amorsize-mpi output job)" "$(seq 12)"

# ---- results of many lines ----
fresh
cat >many <<'END'
while read -r n; do
  seq "$n"
  echo ENDING
  echo "END "
  echo END
done
END
job '{command: sh many, window: 8, sentinel: END}' '"{n}"' '{n: [0, 1, 2000, 3]}'
run
is 'sentinel: exit status' "$status" 0
is 'sentinel: outputs' "$(amorsize-mpi output job | cksum)" "$(for n in 0 1 2000 3; do seq $n; echo ENDING; echo 'END '; done | cksum)"

# ---- results that are too long, and room for them in the next attempt
fresh
job 'while read -r n; do head -c "$n" /dev/zero | tr "\\0" a; echo; done' '"{n}"' '{n: [10, 5000, 20]}' 'failures: {max_result: 1KiB}'
run
is 'a result that is too long: exit status' "$status" 1
is 'a result that is too long: that task alone fails' "$(rows failed)" '1 '
is 'a result that is too long: said with it' "$(amorsize-mpi output job --task 1 --stderr)" \
  'amorsize-mpi: more than 1.0 KiB were written without the end of a result (failures.max_result); the program was ended'
try amorsize-mpi resume --quiet --retry-failed --set failures.max_result=1MiB job
is 'a result that is too long: with more room' "$status $(amorsize-mpi output job --task 1 | wc -c | tr -d ' ')" '0 5001'

# ---- long lines, and lines that can't be ----
fresh
head -c 1048576 /dev/zero | tr '\0' a >long
{ cat long; echo; echo short; cat long; echo; } >lines
job '{command: cat, window: 4}' '"{x}"' '{x: {lines: lines}}'
run
is 'lines of 1 MiB: exit status' "$status" 0
check 'lines of 1 MiB: come back whole' sh -c 'amorsize-mpi output job | cmp - lines'
fresh
job cat '"{x}"' '{x: [a, "b\nc", d]}'
run
is 'a newline in a value: exit status' "$status" 1
is 'a newline in a value: that task alone fails' "$(rows failed)" '1 '
check 'a newline in a value: said' grep -Fq 'task 1 cannot be started: task 1: the value of x holds a newline' err
is 'a newline in a value: the others' "$(amorsize-mpi output job)" 'a
d'

# ---- what is there already, where it runs, and its end ----
fresh
mkdir made && touch made/2
job "sh ../program" '"{n}"' '{n: {range: [1, 3]}}' ''
sed -i 's|^  line|  creates: "made/{n}"\n  line|' job.yaml
run
is 'creates: skipped' "$(rows skipped)" '1 '
is 'creates: the others' "$(amorsize-mpi output job | tr '\n' ' ')" '1 3 '
fresh
mkdir w0 w1
job "'while read -r x; do basename \"\$PWD\"; done'" '"{n}"' '{n: {range: [1, 8]}}'
sed -i 's|^  line|  workdir: "w{slot}"\n  line|' job.yaml
run
is 'a directory of its own for each slot' "$(amorsize-mpi output job | sort -u | tr -d 'w01\n')$status" 0
fresh
job '"cat; echo farewell >&2; exit 9"' '"{n}"' '{n: [1, 2]}'
run
is 'an exit status at the end: changes nothing' "$status" 0
check 'an exit status at the end: is warned of' grep -Eq \
  "slot [01]: after its last task, the stream's program has ended with exit status 9: farewell\$" err
fresh
job '"echo banner; cat"' '"{n}"' '{n: [1, 2, 3]}'
run --slots 1
check 'more results than lines: warned of' grep -q 'has written more than one result per line' err

# ---- stopped, killed, gone on with ----
cat >"$top/slow" <<END
while read -r n; do
  echo "\$n" >>log
  $(gate 100)
  echo "\$n"
done
END
all_once() { # NAME N
  is "$1: outputs, each once" "$(amorsize-mpi output job)" "$(seq "$2")"
  is "$1: a row for each" "$(rows succeeded | wc -w | tr -d ' ')" "$2"
}
if env --default-signal=INT true 2>/dev/null; then
  for window in 1 8; do
    fresh
    job "{command: sh ../slow, window: $window}" '"{n}"' '{n: {range: [1, 300]}}'
    start amorsize-mpi run --slots 2 job.yaml
    wait_for begun 101
    drain INT
    finish
    is "Ctrl-C, window $window: exit status" "$status" 75
    check "Ctrl-C, window $window: what was in flight has ended, no more" test "$(wc -l <log)" -lt 200
    try amorsize-mpi resume --quiet job
    is "Ctrl-C, window $window: resume" "$status" 0
    all_once "Ctrl-C, window $window" 300
    is "Ctrl-C, window $window: no task ran twice" "$(sort log | uniq -d)" ''
  done
fi
fresh
job "{command: sh ../slow, window: 4}" '"{n}"' '{n: {range: [1, 400]}}'
start amorsize-mpi run --slots 2 job.yaml
if wait_for begun 101; then
  helper=$(children "$pid")
  programs=$(for p in $helper; do children "$p"; done)
  # shellcheck disable=SC2086 # lists of ids
  kill -9 "$pid" $helper $programs
fi
finish 2>/dev/null
open_gate
is 'kill -9 of everything: exit status' "$status" 137
check 'kill -9 of everything: it was in the middle' test "$(sort -u log | wc -l)" -lt 400
try amorsize-mpi resume --quiet job
is 'kill -9 of everything: resume' "$status" 0
all_once 'kill -9 of everything' 400
done_testing

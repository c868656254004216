#!/bin/sh
# Tasks that misbehave, and values that are hard to quote: nothing is lost, and the others go on.
. "${top_srcdir:?}/tests/cli/lib.sh"

# command not found, and what else can't be started
fresh
printf 'no-such-program-anywhere\necho after\n/etc/passwd\n./missing\n' >lines
try amorsize-mpi run --quiet --name n --lines lines --slots 1
tried_like 'command not found: the run goes on' 1 '^n: finished: 3 of 4 tasks failed$' ''
try amorsize-mpi tasks n
is 'command not found: statuses as a shell gives them' "$(awk 'NR > 1 { print $1, $2, $3 }' out)" '0 failed 127
1 succeeded 0
2 failed 126
3 failed 127'
try amorsize-mpi output n
is 'command not found: the other one ran' "$(cat out)" after
try amorsize-mpi output n --task 0 --stderr
tried_like 'command not found: its standard error says so' 0 "^amorsize-mpi: cannot run 'no-such-program-anywhere': No such file or directory$" ''

# ... beside directories that may not be searched, as root's own are for others
fresh
mkdir -m 000 shut
if unprivileged_can_run; then
  chmod 777 .
  try $unprivileged env PATH="$here/shut:/usr/bin:/bin:$top_builddir" amorsize-mpi run --quiet --no-history --name shut --command 'no-such-program-anywhere {n}' --for n=1..2
  try amorsize-mpi tasks shut
  is 'a directory of PATH that is shut: nothing is found in it' "$(awk 'NR > 1 { print $3 }' out | sort -u)" 127
else
  skip 'a directory of PATH that is shut: nothing is found in it' "nobody else may run $top_builddir/amorsize-mpi, or be in $PWD"
fi
chmod 700 shut

# signals
fresh
# shellcheck disable=SC2016 # for the task's shell
try amorsize-mpi run --quiet --name s --command 'sh -c {c}' --for 'c=["kill -SEGV $$", "kill -9 $$", "echo fine"]'
tried_like 'SIGSEGV in a task: the run goes on' 1 '^s: finished: 2 of 3 tasks failed$' ''
try amorsize-mpi tasks s
is 'SIGSEGV in a task: told as a signal' "$(awk 'NR > 1 { print $1, $2, $3, $4 }' out)" '0 failed - 11
1 failed - 9
2 succeeded 0 -'

# 100 MB of output, on both streams at once, from two tasks
fresh
# shellcheck disable=SC2016 # for the task's shell
try amorsize-mpi run --quiet --name big --slots 2 --command 'head -c 50000000 /dev/zero | tr "\0" {c}; head -c 1000000 /dev/zero | tr "\0" {c} >&2' --for c=a,b
is '100 MB of output: exit status' "$status" 0
is '100 MB of output: every byte, in task order' "$(amorsize-mpi output big | cksum)" \
  "$({ head -c 50000000 /dev/zero | tr '\0' a; head -c 50000000 /dev/zero | tr '\0' b; } | cksum)"
is '100 MB of output: the other stream' "$(amorsize-mpi output big --stderr --task 1 | cksum)" "$(head -c 1000000 /dev/zero | tr '\0' b | cksum)"

# a task line of 1 MB: not split, not cut
fresh
{
  printf 'printf %%s '
  head -c 1000000 /dev/zero | tr '\0' x
  echo ' | wc -c'
} >lines
try amorsize-mpi run --quiet --name long --lines lines
is 'a task line of 1 MB for the shell: exit status' "$status" 0
is 'a task line of 1 MB for the shell: all of it arrives' "$(amorsize-mpi output long | tr -d ' ')" 1000000
fresh
{
  printf 'printf %%s'
  awk 'BEGIN { for (i = 0; i < 100000; i++) printf " 123456789" }'
  echo
} >lines
try amorsize-mpi run --quiet --name words --lines lines
is 'a task line of 1 MB in many words: exit status' "$status" 0
is 'a task line of 1 MB in many words: all of it arrives' "$(amorsize-mpi output words | wc -c | tr -d ' ')" 900000
fresh
{
  printf 'echo '
  head -c 1000000 /dev/zero | tr '\0' x
  echo
  echo 'echo after it'
} >lines
try amorsize-mpi run --quiet --name word --lines lines
is 'a task line of 1 MB in one word: exit status' "$status" 0
is 'a task line of 1 MB in one word: all of it arrives' "$(amorsize-mpi output word | cksum)" "$(sh lines | cksum)"
fresh
{
  printf '/bin/echo '
  head -c 1000000 /dev/zero | tr '\0' x
  echo
  echo 'echo after it'
} >lines
try amorsize-mpi run --quiet --name program --lines lines
is 'an argument of 1 MB for a program: the task fails' "$status $(amorsize-mpi output program)" '1 after it'
amorsize-mpi output program --stderr --task 0 >out
check 'an argument of 1 MB for a program: it says why' grep -q 'too long' out

# bytes that are no text
fresh
try amorsize-mpi run --quiet --name nul --command 'printf "a\0b\377\n"'
check 'NUL bytes in output' test "$(amorsize-mpi output nul | od -An -tx1 | tr -d ' \n')" = 610062ff0a

# A grandchild that holds its standard output doesn't hold the run
fresh
# shellcheck disable=SC2016 # for the task's shell
try timeout 20 amorsize-mpi run --quiet --name grand --command 'sleep 300 & echo $! >>pids; echo here {n}' --for n=1..4
is 'grandchildren holding standard output: exit status' "$status" 0
is 'grandchildren holding standard output: outputs' "$(amorsize-mpi output grand)" 'here 1
here 2
here 3
here 4'
while read -r id; do kill "$id" 2>/dev/null; done <pids

# names
fresh
long=$(head -c 300 /dev/zero | tr '\0' n)
try amorsize-mpi run --quiet --name "$long" --command 'echo fine'
is 'a name of 300 characters is cut: exit status' "$status" 0
is 'a name of 300 characters is cut: and is found by what is printed' \
  "$(amorsize-mpi output "$(sed -n 's/^  read them with    amorsize-mpi output //p' out)")" fine
fresh
try amorsize-mpi run --quiet --name v --command 'echo {x}' --for "x=$long"
is 'a value of 300 characters' "$(amorsize-mpi output v)" "$long"
for name in ../x a/b . .. -x 'a b' "$(printf 'a\nb')" "$(printf '\351')"; do
  fresh
  mkdir in
  (cd in && amorsize-mpi run --quiet --name "$name" --command 'echo fine' >../out 2>../err)
  shown=$(printf '%s' "$name" | tr '\n' ' ')
  is "the name '$shown' stays one word below the directory" "$(find in -mindepth 3 -maxdepth 3 -path "*.runs/001/run.db" | wc -l), $(find . -name '*.runs' | wc -l)" '1, 1'
  is "the name '$shown' is found by what is printed" \
    "$(cd in && eval "$(sed -n 's/^  read them with    //p' ../out)")" fine
done
fresh
try amorsize-mpi run --quiet --name '' --command 'touch started'
is 'an empty name: exit status' "$status" 2
no_run 'an empty name: nothing was started'

# File names of every sort, through glob, with and without a shell
fresh
mkdir d
set -- "it's" 'two  words' 'new
line' -dash '"double"' '$HOME' '`id`' '*' 'semi;colon' '{brace}' "$(printf 'caf\351')" 'tab	tab' '\back' '~' '#hash' '=' '!bang' '&'
for name; do printf 'content of %s' "$name" >"d/$name"; done
try amorsize-mpi run --quiet --name plain --command 'cat -- {f}' --for 'f=d/*'
is 'hostile file names without a shell: exit status' "$status" 0
amorsize-mpi output plain >got
for name in d/*; do cat -- "$name"; done >expected
check 'hostile file names without a shell: each is one argument' cmp got expected
cd d || exit 99
try amorsize-mpi run --quiet --name shell --runs-in .. --command 'cat < {f}; cat -- "{f}" | cat; cat -- '"'{f}'" --for 'f=*'
is 'hostile file names in a shell, bare and in both quotes: exit status' "$status" 0
cd ..
amorsize-mpi output shell >got
(cd d && rm -f out err && for name in *; do cat -- "$name" "$name" "$name"; done) >expected
(cd d && rm -f out err)
check 'hostile file names in a shell: quoted everywhere' cmp got expected
amorsize-mpi tasks plain --commands >rows
check 'hostile file names: one line a row' test "$(wc -l <rows)" = $(($# + 1))
check 'hostile file names: no control characters in rows' test "$(LC_ALL=C tr -d '\n -~\200-\377' <rows | wc -c)" = 0
if have_jq; then
  amorsize-mpi tasks plain --commands --format json >rows
  is 'hostile file names as JSON' "$(jq length rows)" $#
else
  skip 'hostile file names as JSON' 'no jq'
fi
done_testing

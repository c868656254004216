#!/bin/sh
# Progress: a bar on a terminal, lines elsewhere, nothing when quiet.
. "${top_srcdir:?}/tests/cli/lib.sh"

fresh
start amorsize-mpi run --name lines --command "echo {n} >>log; $(gate 5)" --for n=1..10 --slots 1
check 'no terminal: a line each 10 %' wait_for grep -Eq '^amorsize-mpi: 50 %: 5 of 10 tasks done, .*about .* left$' bg.err
open_gate
finish
cp bg.err err
is 'no terminal: exit status' "$status" 0
is 'no terminal: only lines' "$(grep -v '^amorsize-mpi: ' err)" ''
check 'no terminal: no control characters' test "$(LC_ALL=C tr -d '\n -~' <err | wc -c)" = 0
check 'no terminal: not more than that' test "$(grep -c ' done' err)" -le 10
check 'no terminal: the last says that all is done' grep -q '^amorsize-mpi: 100 %: 10 of 10 tasks done' err

try amorsize-mpi run --quiet --name quiet --command 'sleep 0.1; : {n}' --for n=1..3
is 'quiet: nothing on standard error' "$(cat err)" ''

if ! command -v script >/dev/null 2>&1 || ! script -qec true /dev/null </dev/null >/dev/null 2>&1; then
  skip 'on a terminal' 'no script(1) to make one'
  done_testing
  exit 0
fi
on_terminal() { # COLUMNS COMMAND: what the terminal is sent
  script -qec "stty cols $1 2>/dev/null; $2" /dev/null </dev/null | tr -d '\r' >sent
}
TERM=xterm
before_ms=$(date +%s%3N)
on_terminal 60 "amorsize-mpi run --name tty --command 'sleep 0.1; : {n}' --for n=1..10 --slots 1 >out"
most=$((($(date +%s%3N) - before_ms) / 100 + 5)) # ten a second, the first, and what ends it
esc=$(printf '\033')
check 'on a terminal: a bar' grep -q '\[#*-*\]' sent
is 'on a terminal: no bar is wider than its line' "$(sed "s/$esc\\[K/\\n/g" sent | grep '\[#*-*\]' | awk 'length > 60')" ''
check 'on a terminal: redrawn at most ten times a second' test "$(grep -o "$esc\\[K" sent | wc -l)" -le "$most"
is 'on a terminal: cleared at the end' "$(tail -c 3 sent)" "${esc}[K"
check 'on a terminal: the summary is in the file' grep -q '^tty: finished' out
on_terminal 20 "amorsize-mpi run --name narrow --command 'sleep 0.1; : {n}' --for n=1..3 --slots 1 >out"
is 'on a narrow terminal' "$(sed "s/$esc\\[K/\\n/g" sent | grep '%' | awk 'length > 20')" ''
on_terminal 60 "TERM=dumb amorsize-mpi run --name dumb --command 'sleep 0.1; : {n}' --for n=1..3 --slots 1 >out"
is 'on a dumb terminal: no control sequences' "$(grep "$esc" sent)" ''
done_testing

#!/bin/sh
# Bad job descriptions, as `run` meets them: a clear message at its place, exit status 2, nothing started, no directory made.
. "${top_srcdir:?}/tests/cli/lib.sh"

errors() { [ "$1" = 1 ] && echo 'amorsize-mpi: 1 error in the job description; nothing was started' ||
  echo "amorsize-mpi: $1 errors in the job description; nothing was started"; }

# Runs job.yaml (written by the caller, its command would touch ./started).
bad() { # NAME ERRORS FINDINGS
  try timeout 20 amorsize-mpi run job.yaml
  tried "$1" 2 '' "$3
$(errors "$2")"
  no_run "$1: nothing was started"
}

written() { # NAME ERRORS FINDINGS: the description is on standard input
  fresh
  cat >job.yaml
  bad "$@"
}

fresh
: >job.yaml
bad 'empty file' 1 'job.yaml: empty: a job description needs at least tasks: with a command'

fresh
head -c 4096 /bin/sh >job.yaml
try timeout 20 amorsize-mpi run job.yaml
tried_like 'binary file' 2 '' '^job\.yaml:[0-9:]* not (a text file|text in UTF-8)'
no_run 'binary file: nothing was started'

# Ten aliases of ten aliases …: 10^9 nodes from a kilobyte
fresh
{
  echo 'a: &a [x, x, x, x, x, x, x, x, x, x]'
  before=a
  for level in b c d e f g h i; do
    echo "$level: &$level [*$before, *$before, *$before, *$before, *$before, *$before, *$before, *$before, *$before, *$before]"
    before=$level
  done
  echo 'tasks: {command: touch started}'
} >job.yaml
try timeout 20 amorsize-mpi run job.yaml
tried_like 'YAML alias bomb' 2 '' '^job\.yaml:[0-9]+:[0-9]+: '
no_run 'YAML alias bomb: nothing was started'
check 'YAML alias bomb: few words' test "$(wc -c <err)" -lt 20000

fresh
{
  printf 'tasks: '
  head -c 10000 /dev/zero | tr '\0' '['
} >job.yaml
try timeout 20 amorsize-mpi run job.yaml
tried_like 'nesting 10 000 deep' 2 '' '^job\.yaml:[0-9]+:[0-9]+: .*deep'
no_run 'nesting 10 000 deep: nothing was started'

fresh
head -c 50000000 /dev/zero | tr '\0' a >job.yaml
try timeout 20 amorsize-mpi run job.yaml
tried '50 MB of one letter' 2 '' 'amorsize-mpi: job.yaml: larger than 16.0 MiB, which no job description needs; are these task lines? Then use --lines'
no_run '50 MB of one letter: nothing was started'

written 'unknown key' 1 'job.yaml:2:1: unknown key "chunk"; did you mean "chunks"?' <<'Y'
tasks: {command: touch started}
chunk: {policy: gss}
Y
written 'duplicate key' 1 'job.yaml:3:1: duplicate key "chunks" (first on line 2)' <<'Y'
tasks: {command: touch started}
chunks: {policy: gss}
chunks: {policy: ss}
Y
written 'wrong type' 1 'job.yaml:2:21: failures.timeout: expected a duration like 200ms, got "fast"' <<'Y'
tasks: {command: touch started}
failures: {timeout: fast}
Y
written 'overflowing unit' 1 'job.yaml:2:21: failures.timeout: must be between 1ms and 365d, got "99999999999d"' <<'Y'
tasks: {command: touch started}
failures: {timeout: 99999999999d}
Y
written '0 tasks: a pattern that matches nothing' 1 'job.yaml:3:19: tasks.for.f: glob "*.none" matches nothing' <<'Y'
tasks:
  command: "touch started {f}"
  for: {f: {glob: "*.none"}}
Y
fresh
: >empty.txt
try amorsize-mpi run --lines empty.txt
tried '0 tasks: no task lines' 2 '' "--lines: tasks.lines: \"empty.txt\" has no task lines
$(errors 1)"
no_run '0 tasks: nothing was started'

fresh
printf 'ligand,mass\na,1\n' >table.csv
printf 'tasks: {command: "touch started {charge}", csv: table.csv}\n' >job.yaml
bad 'missing csv column' 1 'job.yaml:1:33: tasks.command: unknown placeholder {charge}; known: ligand, mass, index, threads, rank, slot, job, scratch'
fresh
printf 'a,b\n1,2\n3\n' >table.csv
printf 'tasks: {command: "touch started {a}", csv: table.csv}\n' >job.yaml
try amorsize-mpi run job.yaml
tried_like 'ragged csv' 2 '' '^job\.yaml:1:44: tasks\.csv: .*table\.csv.*3'
no_run 'ragged csv: nothing was started'

written 'unknown placeholder' 1 'job.yaml:2:27: tasks.command: unknown placeholder {sed}; did you mean {seed}?' <<'Y'
tasks:
  command: "touch started {sed}"
  for: {seed: [1]}
Y
fresh
cat >job.yaml <<'Y'
tasks:
  command: "touch started {f:bse}"
  for: {f: [a/b.c]}
Y
try amorsize-mpi run job.yaml
tried_like 'unknown modifier' 2 '' '^job\.yaml:2:30: tasks\.command: unknown modifier "bse" in \{f:bse\}; known: base, dir, stem, ext$'
no_run 'unknown modifier: nothing was started'
fresh
printf 'tasks: {command: "touch started {index"}\n' >job.yaml
try amorsize-mpi run job.yaml
tried_like 'unmatched brace' 2 '' '^job\.yaml:1:[0-9]+: tasks\.command: .*(brace|\})'
no_run 'unmatched brace: nothing was started'

fresh
printf 'tasks: {command: touch started}\nchunks: {min: 2s, target: 1s, max: 3s}\n' >job.yaml
try amorsize-mpi run job.yaml
tried_like 'min > target' 2 '' '^job\.yaml:2:[0-9]+: chunks\.min: "2s" is more than chunks\.target, which is "1s"'
no_run 'min > target: nothing was started'
fresh
printf 'tasks: {command: touch started}\nsample: {tasks: [50, 5]}\n' >job.yaml
try amorsize-mpi run job.yaml
tried_like 'min > max' 2 '' '^job\.yaml:2:17: sample\.tasks: the least, 50, is more than the most, 5'
no_run 'min > max: nothing was started'

written 'all at once, in order' 3 'job.yaml:1:1: unknown key "chunk"; did you mean "chunks"?
job.yaml:2:33: tasks.ok_exit: must be between 0 and 255, got "256"
job.yaml:3:21: failures.retries: expected a whole number, got "x"' <<'Y'
chunk: 1
tasks: {command: true, ok_exit: 256}
failures: {retries: x}
Y

# The same from other ways in
fresh
try amorsize-mpi run --command 'touch started' --set failures.timeout=fast
tried '--set' 2 '' "--set failures.timeout=fast: failures.timeout: expected a duration like 200ms, got \"fast\"
$(errors 1)"
try amorsize-mpi run --command 'touch started' --slots 0
tried '--slots' 2 '' "--slots 0: plan.slots_per_rank: must be between 1 and 65536, got \"0\"
$(errors 1)"
try amorsize-mpi run --command 'touch started' --policy gsss
tried '--policy' 2 '' "--policy gsss: chunks.policy: unknown policy \"gsss\"; did you mean gss?
$(errors 1)"
try amorsize-mpi run --command 'touch started' --for n
tried '--for' 2 '' "--for n: expected name=VALUES like seed=1..100, x=a,b,c, f=*.txt or f=@file
$(errors 1)"
printf 'tasks: {comand: touch started}\n' | { amorsize-mpi run - >out 2>err; echo $? >code; }
status=$(cat code)
tried_like 'standard input' 2 '' '^stdin:1:9: unknown key "tasks\.comand"; did you mean "tasks\.command"\?'
try amorsize-mpi check missing.yaml
tried 'no such file' 2 '' 'amorsize-mpi: missing.yaml: No such file or directory'
try amorsize-mpi run .
tried 'a directory' 2 '' 'amorsize-mpi: .: Is a directory'
try amorsize-mpi run --lines missing.txt
tried_like 'no such file of lines' 2 '' '^--lines: tasks\.lines: cannot open missing\.txt: No such file or directory'
no_run 'nothing was started by any of them'

# What has no effect yet is told, never ignored in silence; the run goes on.
fresh
printf 'tasks: {command: echo hello}\nfailures: {idempotent: true}\n' >job.yaml
try amorsize-mpi run --quiet job.yaml
tried_like 'a key without effect yet' 0 '^job: finished: the task succeeded$' '^job\.yaml:2:12: warning: failures\.idempotent has no effect yet$'
fresh
printf 'tasks: {plugin: ./x.so}\n' >job.yaml
try amorsize-mpi run job.yaml
tried_like 'a plug-in that is not there' 2 '' 'tasks.plugin: cannot read ./x.so: No such file or directory'
no_run 'a plug-in that is not there: nothing was started'
done_testing

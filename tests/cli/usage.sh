#!/bin/sh
# The command line itself: help, slips and what is suggested, where results and messages go.
. "${top_srcdir:?}/tests/cli/lib.sh"

slip() { # NAME MESSAGE HELP WORDS...
  name=$1 message=$2 help=$3
  shift 3
  try amorsize-mpi "$@"
  tried "$name" 2 '' "amorsize-mpi: $message
amorsize-mpi: see amorsize-mpi${help:+ }$help --help"
}

fresh
slip 'no command' 'a command is missing: amorsize-mpi run JOB, for instance' ''
slip 'unknown command, with a near one' 'unknown command rnu; did you mean run?' '' rnu
slip 'unknown command' 'unknown command frobnicate' '' frobnicate
slip 'hostile command' 'unknown command \x1b[2J' '' "$(printf '\033[2J')"
slip 'option before the command' 'unknown option --quiet: options follow the command' '' --quiet run
for later in submit report simulate validate compare; do
  slip "$later is told to come later" "$later: not in this version yet" '' "$later"
done
slip 'unknown option, with a near one' 'run: unknown option --slot; did you mean --slots?' run run --slot 4
slip 'unknown option' 'status: unknown option --frobnicate' status status x --frobnicate
slip 'option without its value' 'run: --slots needs a value: N' run run --slots
slip 'flag with a value' 'run: --dry-run takes no value' run run --dry-run=yes
slip 'unknown format' 'tasks: --format: expected text|json, got "xml"' tasks tasks x --format xml
slip 'limit that is no number' 'tasks: --limit: expected a whole number from 1 to 9223372036854775807, got "-1"' tasks tasks x --limit=-1
slip 'fast and precise' "node: --fast measures nothing: it can't be precise" node node --fast --precise
slip 'fast and a refresh' "node: --fast measures nothing: it can't be a refresh" node node --fast --refresh
slip 'cache list with a key' 'cache: "x" is one argument too many' cache cache list x
slip 'cache with another word' 'cache: expected list or clear, got "empty"' cache cache empty
slip 'a key that is none' 'cache: expected a key as amorsize-mpi cache list shows them, or how it begins, got "../x"' cache cache clear ../x
slip 'history with another word' 'history: expected list, show or clear, got "empty"' history history empty
slip 'history of nothing' 'history show: an id or the name of a job is missing; amorsize-mpi history list shows them' history history show
slip 'history with a word too many' 'history: "x" is one argument too many' history history list x
slip 'operand missing' 'status: RUN is missing' status status
slip 'one operand too many' 'resume: "b" is one argument too many' resume resume a b
slip 'no job' 'run: a job is missing: a file, --command or --lines' run run
slip 'for without command' 'run: --for gives values to --command, which is missing' run run job.yaml --for n=1..3
slip 'command and lines' 'run: --command and --lines are two ways to say the same; give one' run run --command true --lines x
slip 'two things from standard input' "run: the description and --lines can't both be standard input" run run - --lines -
slip 'set without value' '--set: expected KEY=VALUE like chunks.policy=gss, got "chunks.policy"' run run --command true --set chunks.policy
no_run 'none of these started anything'

for command in node check run resume stop status watch tasks output policies history cache version; do
  try amorsize-mpi "$command" --help
  tried_like "$command --help" 0 "^usage: amorsize-mpi $command" ''
  is "$command --help: nothing on standard error" "$(cat err)" ''
  cp out help
  try amorsize-mpi help "$command"
  is "help $command says the same" "$(cat out)" "$(cat help)"
  check "$command --help has an example" grep -q "^  amorsize-mpi .*$command" help
  is "$command --help fits a terminal" "$(awk 'length > 110' help)" ''
done
try amorsize-mpi --help
tried_like '--help lists the commands' 0 '^  resume ' ''
try amorsize-mpi -h
check '-h is the same' grep -q '^  resume ' out

try amorsize-mpi --version
tried_like '--version' 0 '^amorsize-mpi [0-9]+\.[0-9]+\.[0-9]+$' ''
for library in MPI hwloc libyaml SQLite jansson zlib; do
  check "--version tells of $library" grep -Eq "^$library +[A-Za-z ]*[0-9]+\.[0-9]+" out
done
if have_jq; then
  try amorsize-mpi --version --format json
  is '--version as JSON' "$(jq -r 'keys_unsorted | join(" ")' out)" 'amorsize-mpi MPI hwloc libyaml SQLite jansson zlib'
else
  skip '--version as JSON' 'no jq'
fi

# Results that can't be written are an error; a reader that goes away is not.
if [ -w /dev/full ]; then
  status=0
  amorsize-mpi policies >/dev/full 2>err || status=$?
  : >out
  tried 'full disk behind standard output' 3 '' 'amorsize-mpi: cannot write results to standard output: No space left on device'
else
  skip 'full disk behind standard output' 'no /dev/full'
fi
status=0
amorsize-mpi policies >&- 2>err || status=$?
: >out
tried 'closed standard output' 3 '' 'amorsize-mpi: cannot write results to standard output: Bad file descriptor'
{
  amorsize-mpi policies --show ss -n 100000000 2>err
  echo $? >code
} | head -c 8 >out
status=$(cat code)
tried 'reader that goes away' 0 '1 1 1 1 ' ''
status=0
amorsize-mpi frobnicate >out 2>&- || status=$?
is 'closed standard error' "$status $(cat out)" '2 '

# Names of runs that don't exist
try amorsize-mpi status nothing
tried_like 'no such run' 2 '' '^amorsize-mpi: .*nothing'
is 'no such run: no result' "$(cat out)" ''

# Policies
try amorsize-mpi policies --show gss -n 1000 -p 4
tried 'the chunks of GSS (Polychronopoulos and Kuck 1987)' 0 '250 188 141 106 79 59 45 33 25 19 14 11 8 6 4 3 3 2 1 1 1 1' ''
try amorsize-mpi policies --show static -n 10 -p 4
tried 'the chunks of STATIC' 0 '3 3 2 2' ''
try amorsize-mpi policies --show=fac2 -n1000 -p4
is 'the chunks of FAC2 (Hummel, Schonberg and Flynn 1992)' "$(cut -d ' ' -f 1-12 out)" '125 125 125 125 63 63 63 63 31 31 31 31'
try amorsize-mpi policies --show tss -n 1000 -p 4
tried 'the chunks of TSS (Tzen and Ni 1993)' 0 '125 117 109 101 93 85 77 69 61 53 45 37 28' ''
try amorsize-mpi policies --show gss -n 0
tried 'no tasks, no chunks' 0 '' ''
slip 'unknown policy' 'unknown policy gsss; did you mean gss?' policies policies --show gsss
slip 'tasks without a policy' '-n and -p are for --show NAME' policies policies -n 5
try amorsize-mpi policies
for policy in static ss fsc gss tss fac fac2 wf2 af adaptive; do check "policies lists $policy" grep -Eq "^$policy " out; done
if have_jq; then
  try amorsize-mpi policies --show gss -n 10 -p 2 --format json
  is 'chunks as JSON' "$(jq -c '[.policy, .tasks, .slots, (.chunks | add)]' out)" '["gss",10,2,10]'
  try amorsize-mpi policies --format json
  is 'policies as JSON' "$(jq -c 'map(select(.name == "ss")) | length' out)" 1
else
  skip 'chunks as JSON' 'no jq'
  skip 'policies as JSON' 'no jq'
fi
done_testing

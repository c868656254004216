#!/bin/sh
# Tasks of which nobody knew that they get larger: from then on no more of them run than memory suffices for. When that happens is told to the tasks by a state,
# never by a time: they are small until there is a file ./large.
# shellcheck disable=SC2154
. "${top_srcdir:?}/tests/cli/lib.sh"
. "$top_srcdir/tests/cli/at_once.sh"
TASKS=140

# Prints "begin end 1 as it was when it began". Small ones hardly compute: beside much other work only such tasks count as waiting, and get slots beyond the cores.
# Of a line of 27 MB tail keeps the end: all of it.
cat >"$top/grows" <<'END'
#!/bin/sh
now() { read -r s _ </proc/uptime; }
now
from=$s as=small when=$1
[ ! -e large ] || as=large
: >"begun/$$"
case $when in
  crowd) set -- begun/* && begun=$# && set -- ended/* && [ $((begun - $#)) -lt 12 ] || : >large ;;
  *) [ ! -e "$when" ] || : >large ;;
esac
if [ $as = small ]; then sleep 1; else head -c 27000000 /dev/zero | tail -n 1 | wc -c >&2; sleep 0.1; fi
: >"ended/$$"
now
echo "00000${from%.*}${from#*.} 00000${s%.*}${s#*.} 1 $as"
END
chmod +x "$top/grows"

# 128 MiB are for tasks: all 24 small ones, or four or five large ones.
grow() { # NAME WHEN OPTIONS...
  name=$1 when=$2
  shift 2
  fresh
  mkdir begun ended
  try env HWLOC_SYNTHETIC='core:2 pu:1' SLURM_MEM_PER_NODE=160 amorsize-mpi run --name "$name" --command "../grows $when : {n}" --for n=1..$TASKS \
    --set sample.time=10m --set plan.max_workers=24 "$@"
  is "$name: all have succeeded" "$status/$(ls ended | wc -l)" 0/$TASKS
  amorsize-mpi output "$name" 2>/dev/null | grep '^[0-9]* [0-9]* 1 ' | sort -n >seen
}
# Of the large ones the last: when they began, those that ran, or were about to, when the first one ended were long gone.
bound() { # NAME
  if [ "$(most_at_once <seen)" -le 5 ] || [ "$(grep -c large seen)" -lt 60 ]; then
    skip "$1: fewer slots" 'so few were opened for tasks that wait that memory sufficed, or so late that few tasks were left'
    return
  fi
  is "$1: it is said once" "$(grep -cE ' [0-9]+ slots? instead of [0-9]+: a task has taken 2[0-9]\.[0-9] MiB of memory, and 128.0 MiB are for tasks' err)" 1
  check "$1: fewer from then on" test "$(tail -n 20 seen | most_at_once)" -le 5
}

# ---- while slots are being opened for tasks that wait, beyond those of the beginning
grow crowd crowd --set "sample.tasks=[$TASKS, $TASKS]"
bound 'a crowd'

# ---- when a plan has been made, and is followed
grow plan plan.runs/001/sample.json --set 'sample.tasks=[5, 30]'
bound 'a plan'
done_testing

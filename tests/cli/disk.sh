#!/bin/sh
# Where nothing can be written: said clearly, exit status 3, nothing started or nothing lost.
. "${top_srcdir:?}/tests/cli/lib.sh"

disk=$top/disk
mounted=false
cleanup_more() { if $mounted; then umount "$disk"; fi; }

# A parent that can't hold a directory stops root, too.
fresh
echo text >file
try amorsize-mpi run --runs-in file/below --command 'touch started'
tried_like 'run directory below a file' 3 '' '^amorsize-mpi: .*file/below.*: Not a directory$'
no_run 'run directory below a file: nothing was started'
try amorsize-mpi run --runs-in missing --command 'touch started'
tried_like 'run directory below what is not there' 3 '' '^amorsize-mpi: .*missing.*: No such file or directory$'
no_run 'run directory below what is not there: nothing was started'
mkdir locked && chmod 555 locked
if unprivileged_can_run; then
  try $unprivileged amorsize-mpi run --runs-in locked --command 'touch started'
  tried_like 'run directory without permission' 3 '' '^amorsize-mpi: .*locked.*: Permission denied$'
  no_run 'run directory without permission: nothing was started'
else
  skip 'run directory without permission' "nobody else may run $top_builddir/amorsize-mpi, or be in $PWD"
fi
echo old >in.runs
try amorsize-mpi run --name in --command 'touch started'
tried_like 'a file where NAME.runs should be' 3 '' '^amorsize-mpi: .*in\.runs'
check 'a file where NAME.runs should be: nothing was started' test ! -e started

mkdir "$disk"
if [ "$(id -u)" -ne 0 ] || ! mount -t tmpfs -o size=2m none "$disk" 2>/dev/null; then
  for test in 'read-only' 'full disk'; do skip "$test" 'mounting a tmpfs needs root'; done
  done_testing
  exit 0
fi
mounted=true

# A disk that fills up while tasks run: the run stops, says so, and goes on when there is room again.
fresh
try timeout 60 amorsize-mpi run --quiet --name full --runs-in "$disk" --slots 2 --command 'head -c 100000 /dev/zero | tr "\0" x; echo {n} >>log' --for n=1..40
is 'full disk: exit status' "$status" 3
check 'full disk: said' grep -q 'No space left on device' err
check 'full disk: and how to go on' grep -q 'amorsize-mpi resume .*full.runs/001' err
done_before=$(amorsize-mpi tasks "$disk/full.runs" 2>err | awk 'NR > 1 && $2 == "succeeded"' | wc -l)
ran=$(wc -l <log)
check 'full disk: some tasks were run, not all' test "$ran" -gt 0 -a "$ran" -lt 40
amorsize-mpi output "$disk/full.runs" >before 2>err
check 'full disk: what is recorded can be read' test "$(wc -c <before)" -ge $((done_before * 100000))
mount -o remount,size=20m "$disk"
try timeout 60 amorsize-mpi resume --quiet "$disk/full.runs"
is 'full disk: resume, with room again' "$status" 0
check 'full disk: what was kept is not run again' test "$(wc -l <log)" -le 44 # two slots, and what they were at
is 'full disk: nothing is missing' "$(amorsize-mpi output "$disk/full.runs" | wc -c | tr -d ' ')" 4000000

# No room at all
fresh
dd if=/dev/zero of="$disk/filler" bs=64k 2>dd.err || true
try timeout 60 amorsize-mpi run --quiet --name none --runs-in "$disk" --command 'touch started'
is 'no room at all: exit status' "$status" 3
check 'no room at all: said' grep -q 'No space left on device' err
check 'no room at all: nothing was started' test ! -e started
rm "$disk/filler"

# Room for a little of the run directory: what can't be resumed isn't left behind, nor offered
umount "$disk"
for pages in 1 2 3; do
  mount -t tmpfs -o size=$((pages * 4))k none "$disk"
  try timeout 60 amorsize-mpi run --quiet --name little --runs-in "$disk" --command 'touch started'
  is "room for $pages pages: exit status" "$status" 3
  check "room for $pages pages: said" grep -q 'No space left on device' err
  is "room for $pages pages: nothing to go on with" "$(grep -c resume err)" 0
  check "room for $pages pages: nothing is left behind" test ! -e "$disk/little.runs/001"
  umount "$disk"
done
check 'room for a few pages: nothing was started' test ! -e started

# A limit on the size of files is as a full disk: no signal ends us
(ulimit -f 100; try timeout 60 amorsize-mpi run --quiet --name limited --command 'head -c 200000 /dev/zero' --for n=1..2; echo "$status" >limited.status)
is 'ulimit -f: exit status' "$(cat limited.status)" 3
check 'ulimit -f: said' grep -q 'File too large' err
try timeout 60 amorsize-mpi resume --quiet limited
is 'ulimit -f: resume, without the limit' "$status" 0
is 'ulimit -f: nothing is missing' "$(amorsize-mpi output limited | wc -c | tr -d ' ')" 400000
is 'ulimit -f: tasks are killed as ever' "$(amorsize-mpi run --quiet --format json --name victim --command "sh -c 'ulimit -f 1; exec head -c 5000 /dev/zero >file'" | grep -c '"failed": 1')" 1

# A file that plan writes is there as a whole, or what was there before
amorsize-mpi sample --name planned --command 'sleep 0.01; : {n}' --for n=1..10 --set 'sample.tasks=[2, 2]' >out 2>err
mount -t tmpfs -o size=64k none "$disk"
echo mine >"$disk/mine" && chmod 750 "$disk/mine"
ln -s "$disk/mine" link
dd if=/dev/zero of="$disk/filler" bs=4k 2>dd.err || true
for file in mine new; do
  try amorsize-mpi plan planned --sbatch "$disk/$file"
  tried_like "plan, full disk, $file: said" 3 '' "cannot write $disk/$file: No space left on device"
done
is 'plan, full disk: what was there before' "$(cat "$disk/mine")" mine
is 'plan, full disk: nothing else is there' "$(ls "$disk" | tr '\n' ' ')" 'filler mine '
rm "$disk/filler"
try amorsize-mpi plan planned --sbatch link
tried_like 'plan, with room: written' 0 '' "wrote link; submit it with: sbatch link"
is 'plan, with room: through the link, with the mode that it had' "$(head -n 1 "$disk/mine") $(stat -c %a "$disk/mine") $(readlink link)" "#!/bin/bash 750 $disk/mine"
is 'plan, with room: nothing else is there' "$(ls "$disk" | tr '\n' ' ')" 'mine '
umount "$disk"

# Read-only
mount -t tmpfs -o size=20m none "$disk"
amorsize-mpi run --quiet --name full --runs-in "$disk" --command 'head -c 100000 /dev/zero' >out 2>err
mount -o remount,ro "$disk"
try amorsize-mpi run --runs-in "$disk" --command 'touch started'
tried_like 'read-only' 3 '' '^amorsize-mpi: .*: Read-only file system$'
check 'read-only: nothing was started' test ! -e started
try amorsize-mpi resume "$disk/full.runs"
tried_like 'resume on a read-only file system' 3 '' 'Read-only file system'
try amorsize-mpi status "$disk/full.runs"
is 'status on a read-only file system' "$status" 0
is 'output on a read-only file system' "$(amorsize-mpi output "$disk/full.runs" --task 0 | wc -c | tr -d ' ')" 100000
done_testing

#!/usr/bin/env bash
# cluster-down.sh: ends every host and all that runs in one, Slurm and its jobs too, and removes what the cluster has left (--hosts: ends the hosts alone).
# Safe to call at any time, also when there is nothing. AMZ_SHARED is removed only when it is empty.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/cluster/lib.sh
. "$here/lib.sh"
usage_unless '--hosts|' '[--hosts]' "${1-}"
[ -e "$MARK" ] || exit 0
need_clean_paths

end_host() {
  local h=$1 p ns
  end_delay "$h"
  if p=$(host_pid "$h"); then
    ns=$(netns_of "$p")
    kill -KILL "$p" 2>/dev/null || : # of a node: the kernel ends the rest
    kill_netns "$ns"
    wait_for 5 gone "$p" || say "$h takes its time to go"
  elif [ "$h" = ctl ] && ns=$(cat "$AMZ_CLUSTER/ctl.ns" 2>/dev/null); then
    kill_netns "$ns" # its holder was killed, its daemons weren't
  fi
  rm -f "$AMZ_CLUSTER/$h".{pid,ns,upid,ready,log}
}

# Slurm leaves the cgroups that it made for a node; rmdir takes only those without processes.
remove_cgroups() {
  local d
  for d in /sys/fs/cgroup/*/slurm_"$1"; do
    [ -d "$d" ] || continue
    wait_for 1 rmdir_tree "$d" || say "$d couldn't be removed"
  done
}
rmdir_tree() { find "$1" -depth -type d -exec rmdir {} + 2>/dev/null; }

for f in "$AMZ_CLUSTER"/n[0-9]*.upid "$AMZ_CLUSTER"/ctl.upid; do
  [ -e "$f" ] || continue
  h=$(basename "$f" .upid)
  end_host "$h"
  remove_cgroups "$h"
done
[ "${1-}" != --hosts ] || exit 0
rm -rf "$AMZ_CLUSTER"
rmdir "$AMZ_SHARED" 2>/dev/null || :

#!/usr/bin/env bash
# cluster-up.sh [N=3]: makes (or repairs) a host "ctl" and N nodes n1…nN on this machine; --check only says whether that can be done here (77: no).
#
# Each host has its own network, hostname, IPC, /tmp and /dev/shm; each node its own process numbers as well, so that it dies as a whole with its first
# process. ctl keeps the machine's process numbers, so that nodes can be entered from it. Everything outside /tmp is shared. Nothing is made outside the
# namespaces but the folders AMZ_CLUSTER and AMZ_SHARED; cluster-down.sh ends it all.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/cluster/lib.sh
. "$here/lib.sh"
usage_unless '--check||[1-9][0-9]{0,2}' '[N=3] | --check' "${1-}"
need_namespaces
[ "${1-}" != --check ] || exit 0
N=${1:-3}
[ "$N" -le 200 ] || die "200 nodes at most: their addresses share three numbers"
need_clean_paths
mkdir -p "$AMZ_CLUSTER/cg" "$AMZ_SHARED"
: >"$MARK"
exec 9>"$AMZ_CLUSTER/lock"
flock -w 60 9 || die "another cluster-up.sh is at work in $AMZ_CLUSTER"
install -D -t "$AMZ_CLUSTER/bin" "$here/env.sh" "$here/lib.sh" "$here/nrsh" "$here/on" # launchers start these in hosts, which don't see a checkout below /tmp

nodes() { seq -f 'n%g' "$N"; }
# written in place: the running hosts have this very file as their /etc/hosts
{
  echo "127.0.0.1 localhost"
  echo "$AMZ_NET.1 ctl"
  for i in $(seq "$N"); do echo "$AMZ_NET.$((10 + i)) n$i"; done
} >"$AMZ_CLUSTER/hosts"

# What runs in a host: makes it, then waits (and reaps the node's orphans, being their first process).
# shellcheck disable=SC2016 # expanded in there
holder='
  set -e
  name=$1 cluster=$2 shared=$3
  hostname "$name"
  mount --bind "$cluster/hosts" /etc/hosts
  mount -t tmpfs -o mode=1777 tmpfs /dev/shm
  mount -t tmpfs -o mode=1777 tmpfs /tmp
  mount --rbind /sys/fs/cgroup "$cluster/cg" # a /sys of this network, with the cgroups that were there
  mount -t sysfs sysfs /sys
  mount --rbind "$cluster/cg" /sys/fs/cgroup 2>/dev/null || :
  umount -l "$cluster/cg"
  ip link set lo up
  : >"$cluster/$name.ready"
  trap : TERM
  while :; do sleep 3600 & wait $! || :; done'

start_holder() {
  local h=$1 own=(--pid --fork --kill-child --mount-proc)
  [ "$h" != ctl ] || own=()
  end_delay "$h"
  rm -f "$AMZ_CLUSTER/$h".{pid,ns,upid,ready,log}
  setsid unshare --net --uts --ipc --mount --propagation private "${own[@]}" \
    bash -c "$holder" "amz-$h" "$h" "$AMZ_CLUSTER" "$AMZ_SHARED" </dev/null >"$AMZ_CLUSTER/$h.log" 2>&1 9>&- &
  echo $! >"$AMZ_CLUSTER/$h.upid"
}

in_ctl() { nsenter -t "$ctl" -n -- "$@"; }

# Notes the holder's process and namespace. A node's first process is the child of unshare.
note_holder() {
  local h=$1 p
  wait_for 10 test -e "$AMZ_CLUSTER/$h.ready" || { cat "$AMZ_CLUSTER/$h.log" >&2; die "$h did not start"; }
  p=$(cat "$AMZ_CLUSTER/$h.upid")
  [ "$h" = ctl ] || { p=$(cat "/proc/$p/task/$p/children"); p=${p%% *}; }
  netns_of "$p" >"$AMZ_CLUSTER/$h.ns"
  echo "$p" >"$AMZ_CLUSTER/$h.pid"
}

# The bridge's own address would else be the lowest of its ports' and change with them: nodes would lose ctl.
connect_ctl() {
  in_ctl ip link add br0 type bridge
  in_ctl ip link set br0 address "$(link_address 255)"
  in_ctl ip addr add "$AMZ_NET.1/24" dev br0
  in_ctl ip link set br0 up
}

# A host that isn't there, or whose ctl has gone (and the network with it), is made anew.
made=()
if dead ctl; then
  "$here/cluster-down.sh" --hosts
  start_holder ctl
  note_holder ctl
  made+=(ctl)
fi
ctl=$(need_host ctl)
[ ${#made[@]} -eq 0 ] || connect_ctl
for h in $(nodes); do
  dead "$h" || continue
  start_holder "$h"
  made+=("$h")
done
for h in "${made[@]}"; do
  [ "$h" != ctl ] || continue
  note_holder "$h"
  "$here/node-link.sh" "$h"
done
echo "cluster up in $AMZ_CLUSTER: ctl $(nodes | tr '\n' ' ')${made[*]:+(made: ${made[*]})}"

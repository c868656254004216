# shellcheck shell=bash
# What the cluster's scripts share: where things are, what is needed, which processes are ours.
#
# A host of the cluster is known by its first process (AMZ_CLUSTER/HOST.pid) and the network namespace that was made for it (HOST.ns). Nothing is
# ever killed or entered unless both agree and the namespace isn't the machine's: process numbers are reused.

AMZ_CLUSTER=${AMZ_CLUSTER:-/var/tmp/amz-cluster} # state of the cluster; seen by all hosts, so not below /tmp
AMZ_SHARED=${AMZ_SHARED:-/var/tmp/amz-shared}    # a folder for programs and data, seen by all hosts
AMZ_NET=${AMZ_NET:-10.77.0}                      # first three numbers of the hosts' addresses, in namespaces of their own
export AMZ_CLUSTER AMZ_SHARED AMZ_NET

MARK=$AMZ_CLUSTER/.amz-cluster # says that the folder is ours to remove

say() { echo "${0##*/}: $*" >&2; }
die() { say "$@"; exit 1; }
skip() { say "can't be done here: $*"; exit 77; }

# usage_unless REGEX "the arguments": ends with 2 when they don't match
usage_unless() {
  local pattern=$1 words=$2 line=$3
  [[ $line =~ ^($pattern)$ ]] || { echo "usage: ${0##*/} $words" >&2; exit 2; }
}

need_commands() {
  local c
  for c; do command -v "$c" >/dev/null 2>&1 || skip "$c not found (tests/cluster/install-deps.sh installs what is needed)"; done
}

# All that namespaces and virtual networks need, tried for real.
need_namespaces() {
  [ "$(id -u)" -eq 0 ] || skip "only root may make namespaces"
  need_commands unshare nsenter ip mount setsid flock hostname
  unshare --net --uts --ipc --mount --pid --fork true 2>/dev/null || skip "this kernel or container allows no new namespaces"
  unshare --net ip link add a0 type veth peer name b0 2>/dev/null || skip "no veth devices in this kernel"
  unshare --net ip link add c0 type bridge 2>/dev/null || skip "no bridges in this kernel"
}

need_clean_paths() {
  local p
  for p in "$AMZ_CLUSTER" "$AMZ_SHARED"; do
    case $p in
      /tmp | /tmp/*) die "$p: every host has a /tmp of its own; choose another place" ;;
      *[!A-Za-z0-9/._-]* | [!/]*) die "$p: an absolute path of plain characters is needed" ;;
    esac
  done
  [ -e "$MARK" ] || [ -z "$(ls -A "$AMZ_CLUSTER" 2>/dev/null)" ] || die "$AMZ_CLUSTER isn't empty and no cluster of ours"
}

# wait_for SECONDS command…: true as soon as the command is
wait_for() {
  local deadline=$((SECONDS + $1 + 1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.02
  done
}

netns_of() { readlink "/proc/$1/ns/net" 2>/dev/null; }

# The first process of a live host; fails when there is none.
host_pid() {
  local p ns
  read -r p 2>/dev/null <"$AMZ_CLUSTER/$1.pid" || return 1
  read -r ns 2>/dev/null <"$AMZ_CLUSTER/$1.ns" || return 1
  [ -n "$p" ] && [ -n "$ns" ] && [ "$(netns_of "$p")" = "$ns" ] && [ "$ns" != "$(netns_of self)" ] || return 1
  echo "$p"
}
dead() { ! host_pid "$1" >/dev/null; }
gone() { [ ! -e "/proc/$1/ns/net" ]; }

need_host() { host_pid "$1" || die "$1 is no live host of $AMZ_CLUSTER (cluster-up.sh makes it)"; }

# The processes of a network namespace ("net:[4026532187]").
processes_of() {
  local pattern=${1//[/\\[}
  find /proc/[0-9]*/ns/net -maxdepth 0 -lname "$pattern" 2>/dev/null | cut -d/ -f3 || : # some end while find looks
}

# Kills every process of a network namespace; again until none is left, since they may fork meanwhile.
kill_netns() {
  local ns=$1 found p
  [ -n "$ns" ] && [ "$ns" != "$(netns_of self)" ] || return 0
  for _ in $(seq 100); do
    found=$(processes_of "$ns")
    [ -n "$found" ] || return 0
    for p in $found; do kill -KILL "$p" 2>/dev/null || :; done
    sleep 0.02
  done
  say "some processes of $ns can't be killed: $found"
  return 1
}

end_delay() {
  local p
  read -r p 2>/dev/null <"$AMZ_CLUSTER/$1.delay" || return 0
  if [ "$(cat "/proc/$p/comm" 2>/dev/null)" = tapdelay ]; then
    kill "$p" 2>/dev/null || :
    wait_for 2 gone "$p" || :
  fi
  rm -f "$AMZ_CLUSTER/$1.delay"
}

# Hardware addresses stay a host's own, as a machine's do: the others have them in their tables, and who came back with another one would not be heard
# for half a minute.
link_address() { printf '02:a3:00:00:00:%02x' "$1"; }

# bring_up_link CTL_PID NODE_PID I: both ends of node I's link
bring_up_link() {
  nsenter -t "$1" -n -- ip link set "v$3" master br0 up
  nsenter -t "$2" -n -- ip link set eth0 address "$(link_address "$3")"
  nsenter -t "$2" -n -- ip addr add "$AMZ_NET.$((10 + $3))/24" dev eth0
  nsenter -t "$2" -n -- ip link set eth0 up
}

#!/usr/bin/env bash
# node-link.sh NODE: (re)makes the plain link between a node and ctl's bridge; used by cluster-up.sh and node-delay.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/cluster/lib.sh
. "$here/lib.sh"
usage_unless 'n[0-9]+' 'NODE' "${1-}"
h=$1 i=${1#n}
c=$(need_host ctl) p=$(need_host "$h")

end_delay "$h"
nsenter -t "$c" -n -- ip link del "v$i" 2>/dev/null || : # its other end goes too
nsenter -t "$c" -n -- ip link add "v$i" type veth peer name "e$i"
nsenter -t "$c" -n -- ip link set "e$i" netns "$p" name eth0
bring_up_link "$c" "$p" "$i"

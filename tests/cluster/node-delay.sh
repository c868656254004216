#!/usr/bin/env bash
# node-delay.sh NODE MICROSECONDS [LOSS_PERMILLE=0]: gives a node's link a one-way delay, and loss; 0: the plain link again. What was connected before is cut:
# call it before programs start. (tc's netem would do, but isn't in every kernel; this needs TAP devices alone.)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/cluster/lib.sh
. "$here/lib.sh"
usage_unless 'n[0-9]+ [0-9]{1,8} [0-9]{0,4}' 'NODE MICROSECONDS [LOSS_PERMILLE]' "${1-} ${2-} ${3-}"
h=$1 us=$2 loss=${3:-0} i=${1#n}
c=$(need_host ctl) p=$(need_host "$h")

"$here/node-link.sh" "$h"
[ "$us" -gt 0 ] || [ "$loss" -gt 0 ] || exit 0
[ -e /dev/net/tun ] || skip "no /dev/net/tun"
tool=$AMZ_CLUSTER/tapdelay
if [ ! "$tool" -nt "$here/tapdelay.c" ]; then
  need_commands cc
  cc -O2 -o "$tool.$$" "$here/tapdelay.c"
  mv "$tool.$$" "$tool"
fi
nsenter -t "$c" -n -- ip link del "v$i"
setsid "$tool" "$c" "$p" "v$i" eth0 "$us" "$loss" </dev/null >"$AMZ_CLUSTER/$h.delay.out" 2>&1 &
echo $! >"$AMZ_CLUSTER/$h.delay"
wait_for 5 grep -q ready "$AMZ_CLUSTER/$h.delay.out" || { cat "$AMZ_CLUSTER/$h.delay.out" >&2; die "the link did not come up"; }
bring_up_link "$c" "$p" "$i"

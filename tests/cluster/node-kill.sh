#!/usr/bin/env bash
# node-kill.sh NODE: the whole node dies at once, its network too, as if its power had failed. cluster-up.sh (or start-slurm.sh) makes it anew.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/cluster/lib.sh
. "$here/lib.sh"
usage_unless 'n[0-9]+' 'NODE' "${1-}"
p=$(need_host "$1")
kill -KILL "$p"
wait_for 10 gone "$p" || die "$1 is still there"
end_delay "$1"

#!/usr/bin/env bash
# install-deps.sh [--list]: the Debian packages that the cluster needs, Slurm and a second MPI among them; starts no service
set -euo pipefail
packages=(iproute2 util-linux procps hostname gcc libc6-dev openmpi-bin libopenmpi-dev mpich
  slurmctld slurmd slurm-client munge slurm-wlm-basic-plugins libpmix2)

case ${1-} in
  --list) printf '%s\n' "${packages[@]}"; exit 0 ;;
  '') ;;
  *) echo "usage: ${0##*/} [--list]" >&2; exit 2 ;;
esac

missing=()
for p in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
done
[ ${#missing[@]} -gt 0 ] || { echo "${0##*/}: all packages are installed"; exit 0; }
command -v apt-get >/dev/null 2>&1 || { echo "${0##*/}: no apt-get here; install by hand what these Debian packages hold: ${missing[*]}" >&2; exit 77; }
[ "$(id -u)" -eq 0 ] || { echo "${0##*/}: installing packages needs root: ${missing[*]}" >&2; exit 77; }

# The packages would start munged and Slurm's daemons; the cluster starts its own, and nothing may run beside it.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"

#!/bin/sh
# Makes configure; with --install-deps, first installs what the build and the tests need.
set -eu
cd "$(dirname "$0")"

usage() {
  cat <<'U'
usage: ./autogen.sh [--install-deps | --list-deps]
  --install-deps  install the missing packages with apt-get or dnf (as root, or through sudo)
  --list-deps     print the names of the packages and exit
U
}

debian='gcc libc6-dev make autoconf automake libtool pkg-config libopenmpi-dev openmpi-bin libhwloc-dev libyaml-dev libsqlite3-dev libjansson-dev zlib1g-dev libcunit1-dev'
fedora='gcc glibc-devel make autoconf automake libtool pkgconf-pkg-config openmpi-devel hwloc-devel libyaml-devel sqlite-devel jansson-devel zlib-devel CUnit-devel'
optional='gnuplot-nox (pictures: node --plot)'

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1; then sudo "$@"
  else
    echo "autogen.sh: installing packages needs root; run as root: $*" >&2
    exit 3
  fi
}

missing_deb() {
  for p in $debian; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || printf '%s ' "$p"
  done
}

missing_rpm() {
  for p in $fedora; do rpm -q --whatprovides "$p" >/dev/null 2>&1 || printf '%s ' "$p"; done
}

install_deps() {
  if command -v apt-get >/dev/null 2>&1; then
    need=$(missing_deb)
    [ -n "$need" ] || { echo "autogen.sh: all packages are installed"; return; }
    as_root apt-get update
    # shellcheck disable=SC2086 # a list of words
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $need
  elif command -v dnf >/dev/null 2>&1; then
    need=$(missing_rpm)
    [ -n "$need" ] || { echo "autogen.sh: all packages are installed"; return; }
    # shellcheck disable=SC2086
    as_root dnf install -y $need
  else
    echo "autogen.sh: neither apt-get nor dnf found; install by hand what these Debian packages hold: $debian" >&2
    exit 3
  fi
}

case "${1-}" in
  --install-deps) install_deps ;;
  --list-deps) echo "Debian: $debian"; echo "Fedora: $fedora"; echo "Debian, optional: $optional"; exit 0 ;;
  -h|--help) usage; exit 0 ;;
  '') ;;
  *) usage >&2; exit 2 ;;
esac

for tool in autoreconf aclocal automake libtoolize pkg-config; do
  command -v "$tool" >/dev/null 2>&1 || {
    echo "autogen.sh: $tool not found; run ./autogen.sh --install-deps" >&2
    exit 3
  }
done
mkdir -p m4
autoreconf --install --force

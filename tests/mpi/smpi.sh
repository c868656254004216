#!/bin/sh
# The same sources under SimGrid's SMPI, with 64 simulated ranks: they use no more of MPI than every MPI has, and no
# mutable globals.
set -u
: "${top_srcdir:?}" "${top_builddir:?}"

for tool in smpicc smpirun; do
  command -v $tool >/dev/null 2>&1 || { echo "1..0 # SKIP $tool not found (Debian: libsimgrid-dev)"; exit 0; }
done
work=$(mktemp -d) || exit 99
trap 'cd / && rm -rf "$work"' EXIT
ranks=64
echo "1..2"

src=$top_srcdir/src
if smpicc -std=gnu11 -O1 -D_GNU_SOURCE -DAMZ_TEST_SMPI -I"$top_srcdir/include" -o "$work/ranks" "$src"/mpi/*.c \
  "$src"/base/alloc.c "$src"/base/error.c "$top_srcdir/tests/mpi/ranks.c" >"$work/log" 2>&1; then
  echo "ok 1 - compiles with smpicc"
else
  echo "not ok 1 - compiles with smpicc"
  sed 's/^/# /' "$work/log"
  echo "ok 2 - $ranks simulated ranks # SKIP not compiled"
  exit 1
fi

cat >"$work/platform.xml" <<X
<?xml version='1.0'?>
<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
<platform version="4.1">
  <cluster id="nodes" prefix="n" suffix="" radical="0-$((ranks - 1))" speed="10Gf" bw="1GBps" lat="20us"/>
</platform>
X
i=0
while [ $i -lt $ranks ]; do echo n$i; i=$((i + 1)); done >"$work/hosts"
# seen from there: smpirun splits names at blanks
cd "$work" && timeout -k 2 600 smpirun -np $ranks -platform platform.xml -hostfile hosts --log=root.thres:warning --cfg=smpi/privatization:no \
  ./ranks order flood wait >log 2>&1
rc=$?
if [ $rc -eq 0 ] && [ "$(grep -c '^passed' "$work/log")" -eq 3 ]; then
  echo "ok 2 - $ranks simulated ranks"
else
  echo "not ok 2 - $ranks simulated ranks"
  echo "# rc $rc"
  sed 's/^/# /' "$work/log"
fi

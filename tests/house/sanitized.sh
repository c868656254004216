#!/bin/sh
# Builds the unit and simulation tests with AddressSanitizer and UndefinedBehaviorSanitizer, in a copy of the sources, and runs
# them. Each inner test is told as one of ours.
set -u
: "${top_srcdir:?}" "${top_builddir:?}"
[ -n "${AMZ_SANITIZED-}" ] && { echo "1..0 # SKIP asked not to (AMZ_SANITIZED is set)"; exit 0; }

copy="$top_builddir/build-sanitized"
log="$copy.log"
flags='-g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all'

fail() {
  echo "1..1"
  echo "not ok 1 - $1"
  tail -n 40 "$log" | sed 's/^/# /'
  exit 0
}

probe() { # whether the compiler can make a sanitized program that runs
  dir=$(mktemp -d) || return 1
  echo 'int main(void) { return 0; }' >"$dir/probe.c"
  # shellcheck disable=SC2086 # a list of flags
  ${CC:-gcc} $flags "$dir/probe.c" -o "$dir/probe" 2>/dev/null && "$dir/probe"
  worked=$?
  rm -rf "$dir"
  return $worked
}

unset MAKEFLAGS MFLAGS MAKEOVERRIDES # the outer check's list of tests is not ours
probe || { echo "1..0 # SKIP the compiler has no working AddressSanitizer"; exit 0; }
rm -rf "$copy"
(cd "$top_builddir" && ${MAKE:-make} -s distdir distdir="$copy" am__remove_distdir=:) >"$log" 2>&1 || fail "the sources are copied"
cd "$copy" || exit 99
./configure -q --disable-dependency-tracking CC="${CC:-gcc}" CFLAGS="$flags" >>"$log" 2>&1 || fail "the sanitized build configures"
AMZ_SANITIZED=1 ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 ${MAKE:-make} -k -j2 check-sanitized >"$log" 2>&1

plan=$(grep -c -E '^(PASS|FAIL|SKIP|ERROR|XPASS): ' "$log")
[ "$plan" -gt 0 ] || fail "the sanitized build runs its tests"
echo "1..$plan"
grep -E '^(PASS|FAIL|SKIP|ERROR|XPASS): ' "$log" | awk '
  /^PASS:/ { printf "ok %d - sanitized: %s\n", ++n, substr($0, 7); next }
  /^SKIP:/ { sub(/^SKIP: /, ""); sub(/ # SKIP.*/, ""); printf "ok %d - sanitized: %s # SKIP as its own output says\n", ++n, $0; next }
  { printf "not ok %d - sanitized: %s\n", ++n, $0 }'
if grep -q -E '^(FAIL|ERROR): ' "$log"; then
  cat tests/unit/*/*.log tests/sim/*.log 2>/dev/null | grep -E 'ERROR|runtime error|SUMMARY|^not ok|^# ' | head -n 60 | sed 's/^/# /'
fi

#!/bin/sh
# Man pages: well-formed, complete, and their examples work. The completion knows the same options.
. "${top_srcdir:?}/tests/cli/lib.sh"

pages=$top_srcdir/src/cli/man
commands='node check sample plan run resume stop status watch tasks output policies history cache'

# The commands in a page's EXAMPLES: what stands between .EX and .EE, roff's escapes undone.
examples() {
  sed -n '/^\.SH EXAMPLES/,/^\.SH SEE/p' "$1" | sed -n '/^\.EX/,/^\.EE/p' | sed '/^\.E[XE]/d; s/^\\&//
    s/\\(aq/'"'"'/g; s/\\(ga/`/g; s/\\(ha/^/g; s/\\(ti/~/g; s/\\-/-/g; s/\\e/\\/g'
}

for page in "$pages"/*.1 "$pages"/*.5; do
  short=${page##*/}
  if command -v groff >/dev/null 2>&1; then
    is "$short: no warnings from groff" "$(groff -ww -mandoc -Tutf8 -z "$page" 2>&1)" ''
  else
    skip "$short: no warnings from groff" 'no groff'
  fi
  is "$short: no sentence in a line of two fonts, which sets no blanks" \
    "$(sed 's/"[^"]*"/(word)/g' "$page" | grep -E '^\.(BR|RB|IR|RI|BI|IB) .*( [A-Za-z][a-z,.]*){4}')" ''
  check "$short: is installed" grep -q "src/cli/man/$short" "$top_srcdir/src/cli/Makefile.inc"
  fresh
  examples "$page" >examples
  check "$short: has examples" test -s examples
  while IFS= read -r line; do
    status=0
    sh -c "$line" >out 2>err </dev/null || status=$?
    if [ $status = 0 ]; then pass "$short: $line"; else fail "$short: $line" "exit $status
$(cat out err)"; fi
    case $line in *'& sleep '*) wait_for ls ./*.runs/001/status.json ;; esac # by then it has begun on a quiet machine
    check "$short: and without a warning" test -z "$(grep -E 'warning|error' err)"
  done <examples
  wait
done

have_bash=false
command -v bash >/dev/null 2>&1 && have_bash=true

# Each option of each command is in its page and in the completion, and no page invents any.
for command in $commands; do
  sed 's/\\-/-/g' "$pages/amorsize-mpi-$command.1" >page
  amorsize-mpi "$command" --help | sed -n '/^options:/,/^$/p' | grep -Eo -e '--[a-z][a-z-]*' | sort -u >options
  while read -r option; do
    check "man page of $command: $option" grep -Eq -e "^\.B[IR]? .*$option\b" page
    $have_bash || { skip "completion of $command: $option" 'no bash'; continue; }
    check "completion of $command: $option" sh -c '
      COMP_TYPE=9 bash -c ". \"\$1\"; COMP_WORDS=(amorsize-mpi \"\$2\" \"\$3\"); COMP_CWORD=2; _amorsize_mpi; printf \"%s\\n\" \"\${COMPREPLY[@]}\"" \
        - "$1" "$2" "$3" | grep -Fqx -e "$3"' - "$top_srcdir/configs/completion/amorsize-mpi" "$command" "$option"
  done <options
  is "man page of $command: no option that is not there" \
    "$(sed -n '/^\.SH OPTIONS/,/^\.SH E/p' page | grep -A 1 '^\.TP' | grep -Eo -e '--[a-z][a-z-]*' | sort -u | grep -vxFf options)" ''
  check "man page of the program: $command" grep -q "^\.B $command\$" "$pages/amorsize-mpi.1"
done

# Every key of the description that the program knows is described, with the word about its effect.
sed 's/\\-/-/g' "$pages/amorsize-mpi-job.5" >page
sed -n 's/^  {"\([a-z_.]*\)".*\(NOW\|LATER\).*/\1 \2/p' "$top_srcdir"/src/job/settings.c "$top_srcdir"/src/job/block.c >keys
check 'the keys were found in the sources' test "$(wc -l <keys)" -gt 40
while read -r key effect; do
  awk -v key=".B $key" '$0 == key { on = 1; next } /^\.(TP|SH|SS)/ { on = 0 } on' page >entry
  case $effect in
    NOW) check "amorsize-mpi-job(5): $key" sh -c 'test -s entry && ! grep -q "No effect in this version" entry' ;;
    *) check "amorsize-mpi-job(5): $key, without effect yet" grep -q 'No effect in this version' entry ;;
  esac
done <keys
done_testing

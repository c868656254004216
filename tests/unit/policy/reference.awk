# Chunk tables by another route than src/policy: prints the chunks of N tasks over P slots, one a line.
#   awk -f reference.awk -v policy=gss -v N=1000 -v P=4
# Doubles are exact below 2^53, which bounds N.
#
# static: differences of the cut points floor(k N / P), largest first.
# gss:    by what is left behind each chunk, floor((1 - 1/P) R); N P must be below 2^53.
# fac2:   by the totals left behind each batch; the size is the smallest by which two batches would hold everything.

function floor(x) { return int(x) }

function print_static(   k, size, long, short) {
  for (k = 1; k <= P; k++) {
    size = floor(k * N / P) - floor((k - 1) * N / P)
    if (size > floor(N / P)) long++; else short++
  }
  for (k = 0; k < long; k++) printf "%.0f\n", floor(N / P) + 1
  for (k = 0; k < short && floor(N / P) > 0; k++) printf "%.0f\n", floor(N / P)
}

function print_ss(   k) {
  for (k = 0; k < N; k++) print 1
}

function print_gss(   left, after) {
  for (left = N; left > 0; left = after) {
    after = floor(left * (P - 1) / P)
    printf "%.0f\n", left - after
  }
}

function print_fac2(   total, k, given, size) {
  for (total = N; total > 0; ) {
    size = floor(total / (2 * P))
    while (2 * P * size < total) size++
    given = 0
    for (k = 0; k < P && given < total; k++) {
      if (given + size > total) size = total - given
      printf "%.0f\n", size
      given += size
    }
    total -= given
  }
}

BEGIN {
  if (policy == "static") print_static()
  else if (policy == "ss") print_ss()
  else if (policy == "gss") print_gss()
  else if (policy == "fac2") print_fac2()
  else exit 1
}

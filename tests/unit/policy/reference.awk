# Chunk tables by another route than src/policy: prints the chunks of N tasks over P slots, one a line.
#   awk -f reference.awk -v policy=gss -v N=1000 -v P=4
# Doubles are exact below 2^53, which bounds N.
#
# static: differences of the cut points floor(k N / P), largest first.
# gss:    by what is left behind each chunk, floor((1 - 1/P) R); N P must be below 2^53.
# fac2:   by the totals left behind each batch; the size is the smallest by which two batches would hold everything.
# wf2:    fac2's share in thirds of a weight; slots ask in turn, and slot k has the speed 1 + k mod 3.
# tss:    one term after the other, in whole numbers: numerators over n - 1.
# fac:    the squares that the paper's terms are, (b + sqrt(b² + 2))² / 2 and (b + sqrt(b² + 4))² / 2; with mu = 0 as fac2.
# fsc:    by logarithms. af: the paper's form of the formula, for slots that are alike; with mu = 0 as fac2.
# mu, sigma and h are given by -v mean=, sd=, h= for the last three.

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

function ceil(x) { return int(x) < x ? int(x) + 1 : int(x) }

function give(size) {
  if (size < 1) size = 1
  if (size > rest) size = rest
  printf "%.0f\n", size
  rest -= size
}

function print_wf2(   k, sum, batch) {
  for (k = 0; k < P; k++) sum += 1 + k % 3
  for (rest = N; rest > 0; ) {
    batch = rest
    for (k = 0; k < P && rest > 0; k++) give(ceil(batch * (1 + k % 3) / (2 * sum) - 1e-9))
  }
}

function print_tss(   f, n, k, d) {
  f = ceil(N / (2 * P)); if (f < 1) f = 1
  n = ceil(2 * N / (f + 1))
  d = n > 1 ? floor((f - 1) / (n - 1)) : 0
  k = 0
  for (rest = N; rest > 0; k++) give(d >= 1 || n == 1 ? f - k * d : floor((f * (n - 1) - k * (f - 1)) / (n - 1)))
}

function print_fac(   k, b, x, batch, first) {
  if (mean <= 0) { print_fac2(); return }
  first = 2
  for (rest = N; rest > 0; first = 4) {
    batch = rest
    b = P * sd / mean / (2 * sqrt(batch))
    x = (b + sqrt(b * b + first)) ^ 2 / 2
    for (k = 0; k < P && rest > 0; k++) give(ceil(batch / x / P))
  }
}

function print_fsc(   t, size) {
  t = ceil(N / P)
  if (P == 1) size = N
  else if (mean > 0 && sd <= 0) size = t
  else if (mean > 0 && h > 0) size = ceil(exp((log(2) / 2 + log(N) + log(h) - log(sd) - log(P) - log(log(P)) / 2) * 2 / 3))
  else size = t <= 2 ? 1 : floor(0.55 + t / (log(t) / log(2)))
  if (size > t) size = t
  for (rest = N; rest > 0; ) give(size)
}

function print_af(   d, t) {
  if (mean <= 0) { print_fac2(); return }
  d = P * sd * sd / mean
  t = mean / P
  for (rest = N; rest > 0; ) give(ceil((d + 2 * t * rest - sqrt(d * d + 4 * d * t * rest)) / (2 * mean) - 1e-9))
}

BEGIN {
  if (policy == "static") print_static()
  else if (policy == "ss") print_ss()
  else if (policy == "gss") print_gss()
  else if (policy == "fac2") print_fac2()
  else if (policy == "wf2") print_wf2()
  else if (policy == "tss") print_tss()
  else if (policy == "fac") print_fac()
  else if (policy == "fsc") print_fsc()
  else if (policy == "af") print_af()
  else exit 1
}

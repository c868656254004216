/* Nodes of one launch, by type, and which of them are slower than their like.
 *
 * A node is compared with the median of the others of its type, so that one fast node makes nobody slow, and two that differ are
 * told apart. Only what was measured counts. */
#include <amorsize/profile.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/diag.h>
#include <amorsize/stats.h>

#include "node_json.h"
#include "object.h"
#include "words.h"

/* ---- numbers -------------------------------------------------------------------------------------------------------------- */

/* The point of a curve over all domains at the most cores that was measured. \return its value; 0: there is none. */
static double at_all_cores(const struct amz_curve_point *points, size_t n)
{
  const struct amz_curve_point *best = NULL;

  for (size_t i = 0; i < n; i++)
    if (points[i].domain == AMZ_ALL_DOMAINS && points[i].value.source == AMZ_MEASURED && (!best || points[i].cores > best->cores))
      best = &points[i];
  return best ? best->value.value : 0;
}

static double bandwidth_of(const struct amz_node *node)
{
  return at_all_cores(node->bandwidth, node->n_bandwidth);
}

static double slowdown_of(const struct amz_node *node)
{
  return at_all_cores(node->slowdown, node->n_slowdown);
}

/* Of each core, when all are busy. */
static double computing_of(const struct amz_node *node)
{
  double slowdown = slowdown_of(node);

  return node->compute_one.source == AMZ_MEASURED && slowdown > 0 ? node->compute_one.value / slowdown : 0;
}

static bool alike(const struct amz_profile_host *a, const struct amz_profile_host *b)
{
  return !a->failure && !b->failure && strcmp(a->type, b->type) == 0;
}

static int by_value(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

/* \return the median of the others of its type; 0: there is none. */
static double like_of(const struct amz_profile_host *hosts, size_t n, size_t i, double (*number)(const struct amz_node *node))
{
  double *values = amz_new_array(n, sizeof *values), median = 0;
  size_t count = 0;

  if (!values)
    return 0;
  for (size_t k = 0; k < n; k++)
    if (k != i && alike(&hosts[k], &hosts[i]) && number(hosts[k].node) > 0)
      values[count++] = number(hosts[k].node);
  qsort(values, count, sizeof *values, by_value);
  median = amz_quantile(values, count, 0.5);
  free(values);
  return median;
}

static const struct {
  const char *what, *key; /* key: of its share of what its like do */
  double (*rate)(const struct amz_node *node);
} rates[] = {{"bandwidth", "bandwidth_of_like", bandwidth_of}, {"computing", "computing_of_like", computing_of}};
enum { N_RATES = sizeof rates / sizeof *rates };

/* By the rate at which it is slowest, compared with its like. */
bool amz_profile_is_slow(const struct amz_profile_host *hosts, size_t n, size_t i, struct amz_profile_slow *ret)
{
  struct amz_profile_slow worst = {.what = NULL};

  for (size_t k = 0; k < N_RATES && !hosts[i].failure; k++) {
    double own = rates[k].rate(hosts[i].node), like = like_of(hosts, n, i, rates[k].rate);

    if (own > 0 && like > 0 && own <= (1 - AMZ_PROFILE_SLOWER) * like && 1 - own / like > worst.by)
      worst = (struct amz_profile_slow){rates[k].what, own, like, 1 - own / like};
  }
  if (worst.what)
    *ret = worst;
  return worst.what != NULL;
}

/* Whether an earlier node is of the same type. */
static bool seen_before(const struct amz_profile_host *hosts, size_t i)
{
  for (size_t k = 0; k < i; k++)
    if (alike(&hosts[k], &hosts[i]))
      return true;
  return false;
}

/* \return whether some node of i's type, from position `from` on and before `to`, isn't slow. */
static bool any_sound(const struct amz_profile_host *hosts, size_t n, size_t i, size_t from, size_t to)
{
  struct amz_profile_slow slow;

  for (size_t k = from; k < to; k++)
    if (alike(&hosts[k], &hosts[i]) && !amz_profile_is_slow(hosts, n, k, &slow))
      return true;
  return false;
}

bool amz_profile_stands(const struct amz_profile_host *hosts, size_t n, size_t i)
{
  struct amz_profile_slow slow;

  if (hosts[i].failure)
    return false;
  if (!amz_profile_is_slow(hosts, n, i, &slow))
    return !any_sound(hosts, n, i, 0, i);
  return !seen_before(hosts, i) && !any_sound(hosts, n, i, i + 1, n);
}

/* The node that stands for the type of node `of`. */
static size_t stand_in(const struct amz_profile_host *hosts, size_t n, size_t of)
{
  size_t i = of;

  while (i < n && !(alike(&hosts[i], &hosts[of]) && amz_profile_stands(hosts, n, i)))
    i++;
  return i < n ? i : of;
}

bool amz_profile_differs(const struct amz_profile_host *hosts, size_t n, size_t i)
{
  struct amz_profile_slow slow;

  return !hosts[i].failure && (!seen_before(hosts, i) || amz_profile_is_slow(hosts, n, i, &slow));
}

/* ---- text ------------------------------------------------------------------------------------------------------------------ */

static void add_number(double value, double unit, const char *name, struct amz_buf *out)
{
  char text[AMZ_WORD];

  (void)snprintf(text, sizeof text, "%.3g%s", value / unit, name);
  amz_buf_addf(out, "  %-12s", value > 0 ? text : "not measured");
}

static void add_host(const struct amz_profile_host *hosts, size_t n, size_t i, struct amz_buf *out)
{
  struct amz_profile_slow slow;
  size_t begin = out->len + 2;

  amz_buf_adds(out, "  ");
  amz_buf_add_printable(out, hosts[i].host, strlen(hosts[i].host), 255);
  if (out->len - begin < 17)
    amz_buf_addf(out, "%*s", (int)(17 - (out->len - begin)), "");
  add_number(bandwidth_of(hosts[i].node), 1e9, " GB/s", out);
  add_number(computing_of(hosts[i].node), 1e9, " Gflop/s", out);
  if (amz_profile_is_slow(hosts, n, i, &slow))
    amz_buf_addf(out, "  %.0f %% slower than its like: %s", slow.by * 100, slow.what);
  amz_buf_addc(out, '\n');
}

static void add_type(const struct amz_profile_host *hosts, size_t n, size_t first, struct amz_buf *out)
{
  size_t shown = stand_in(hosts, n, first);

  amz_profile_text(hosts[shown].node, hosts[shown].origin, out);
  amz_buf_adds(out, "  nodes of this type, at all cores:\n  node               bandwidth     computing, a core\n");
  for (size_t i = first; i < n; i++)
    if (alike(&hosts[i], &hosts[first]))
      add_host(hosts, n, i, out);
}

void amz_profile_types_text(const struct amz_profile_host *hosts, size_t n, struct amz_buf *out)
{
  for (size_t i = 0; i < n; i++)
    if (!hosts[i].failure && !seen_before(hosts, i))
      add_type(hosts, n, i, out);
  for (size_t i = 0; i < n; i++) {
    if (!hosts[i].failure)
      continue;
    amz_buf_add_printable(out, hosts[i].host, strlen(hosts[i].host), 255);
    amz_buf_adds(out, ": not measured: ");
    amz_buf_add_printable(out, hosts[i].failure, strlen(hosts[i].failure), AMZ_PROFILE_TEXT_MAX);
    amz_buf_addc(out, '\n');
  }
}

/* ---- JSON ------------------------------------------------------------------------------------------------------------------ */

static json_t *each_json(const struct amz_profile_host *hosts, size_t n, size_t i, bool *ok)
{
  struct object o = object_new();
  struct amz_profile_slow slow;
  bool is_slow = amz_profile_is_slow(hosts, n, i, &slow);
  double bandwidth = bandwidth_of(hosts[i].node), slowdown = slowdown_of(hosts[i].node), computing = computing_of(hosts[i].node);

  put_text(&o, "host", hosts[i].host);
  put_number(&o, "bandwidth_bytes_per_s", bandwidth > 0 ? bandwidth : (double)NAN);
  put_number(&o, "slowdown", slowdown > 0 ? slowdown : (double)NAN);
  put_number(&o, "computing_per_s", computing > 0 ? computing : (double)NAN);
  put_text(&o, "slower_at", is_slow ? slow.what : NULL);
  put_number(&o, "slower_by", is_slow ? slow.by : 0);
  for (size_t k = 0; k < N_RATES; k++) {
    double own = rates[k].rate(hosts[i].node), like = like_of(hosts, n, i, rates[k].rate);

    put_number(&o, rates[k].key, own > 0 && like > 0 ? own / like : (double)NAN);
  }
  *ok = *ok && o.ok;
  return o.json;
}

static json_t *failed_json(const struct amz_profile_host *host, bool *ok)
{
  struct object o = object_new();

  put_text(&o, "host", host->host);
  put_text(&o, "why", host->failure);
  *ok = *ok && o.ok;
  return o.json;
}

static int add_bytes(const char *bytes, size_t n, void *out)
{
  amz_buf_add(out, bytes, n);
  return amz_buf_ok(out) == AMZ_OK ? 0 : -1;
}

/* Appends and releases a row. */
static bool add_row(json_t *row, const char *before, struct amz_buf *out)
{
  bool ok;

  amz_buf_adds(out, before);
  ok = row && json_dump_callback(row, add_bytes, out, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) == 0;
  json_decref(row);
  return ok;
}

static bool add_type_json(const struct amz_profile_host *hosts, size_t n, size_t first, struct amz_buf *out)
{
  const char *before = "{\"each\": [\n    ";
  size_t shown = stand_in(hosts, n, first), rows_before = 0;
  bool ok = true;

  for (size_t i = first; i < n && ok; i++)
    if (alike(&hosts[i], &hosts[first])) {
      json_t *row = each_json(hosts, n, i, &ok);

      rows_before += i < shown;
      ok = add_row(row, before, out) && ok;
      before = ",\n    ";
    }
  amz_buf_addf(out, "],\n\"profile_of\": %zu,\n\"profile\": ", rows_before);
  ok = ok && amz_profile_add(amz_profile_build(hosts[shown].node, hosts[shown].origin), out) == AMZ_OK;
  amz_buf_adds(out, "}");
  return ok;
}

int amz_profile_types_json(const struct amz_profile_host *hosts, size_t n, struct amz_buf *out)
{
  const char *before = "\n  ";
  bool ok = true;

  amz_buf_addf(out, "{\"nodes\": %zu, \"types\": [", n);
  for (size_t i = 0; i < n && ok; i++)
    if (!hosts[i].failure && !seen_before(hosts, i)) {
      amz_buf_adds(out, before);
      ok = add_type_json(hosts, n, i, out);
      before = ",\n  ";
    }
  amz_buf_adds(out, "],\n\"failed\": [");
  before = "\n  ";
  for (size_t i = 0; i < n && ok; i++)
    if (hosts[i].failure) {
      json_t *row = failed_json(&hosts[i], &ok);

      ok = add_row(row, before, out) && ok;
      before = ",\n  ";
    }
  amz_buf_adds(out, "]}\n");
  return ok ? amz_buf_ok(out) : AMZ_ENOMEM;
}

/* A node's profile as a person reads it: what there is, what of it is ours and who says so, what it can do, what things cost, and
 * what to mind. A number that was not measured says so beside it. */
#include <amorsize/profile.h>

#include <stdio.h>
#include <string.h>

#include <amorsize/diag.h>
#include <amorsize/units.h>

#include "node_gpus.h"
#include "words.h"

/* How a quantity's value is written. */
typedef char *word_of(double value, char out[AMZ_WORD]);

/* ---- words ------------------------------------------------------------------------------------------------------------ */

static char *word_time(double s, char out[AMZ_WORD])
{
  if (s >= 1e-6)
    return amz_word_seconds(s, out);
  if (s <= -1e-6) /* where the interval of a fit begins */
    (void)snprintf(out, AMZ_WORD, "%.3g ms", s * 1e3);
  else
    (void)snprintf(out, AMZ_WORD, "%.3g ns", s * 1e9);
  return out;
}

static char *word_bandwidth(double bytes_per_s, char out[AMZ_WORD])
{
  (void)snprintf(out, AMZ_WORD, "%.3g GB/s", bytes_per_s * 1e-9);
  return out;
}

static char *word_operations(double per_s, char out[AMZ_WORD])
{
  (void)snprintf(out, AMZ_WORD, "%.3g Gflop/s", per_s * 1e-9);
  return out;
}

static char *word_factor(double v, char out[AMZ_WORD])
{
  (void)snprintf(out, AMZ_WORD, "%.2f", v);
  return out;
}

static char *word_cores(double v, char out[AMZ_WORD])
{
  (void)snprintf(out, AMZ_WORD, v == 1 ? "1 core" : "%.4g cores", v);
  return out;
}

static char *word_cpus(double v, char out[AMZ_WORD])
{
  (void)snprintf(out, AMZ_WORD, v == 1 ? "1 CPU" : "%.4g CPUs", v);
  return out;
}

static char *word_bytes(double v, char out[AMZ_WORD])
{
  return amz_format_bytes(v < 18e18 ? (uint64_t)v : UINT64_MAX, out, AMZ_WORD);
}

static char *word_share(double v, char out[AMZ_WORD])
{
  (void)snprintf(out, AMZ_WORD, "%.0f %%", v * 100);
  return out;
}

/* "11.9 GB/s (11.2 GB/s to 12.1 GB/s), measured 7 times"; "12 GB/s, assumed". */
static void add_quantity(const struct amz_quantity *q, word_of *word, struct amz_buf *out)
{
  char a[AMZ_WORD], b[AMZ_WORD];

  if (q->source == AMZ_UNKNOWN) {
    amz_buf_adds(out, "unknown");
    return;
  }
  amz_buf_adds(out, word(q->value, a));
  if (q->high > q->low)
    amz_buf_addf(out, " (%s to %s)", word(q->low, a), word(q->high, b));
  amz_buf_addf(out, ", %s", amz_source_name(q->source));
  if (q->n)
    amz_buf_addf(out, " %u time%s", q->n, q->n == 1 ? "" : "s");
}

static void add_text(const char *text, struct amz_buf *out)
{
  if (text)
    amz_buf_add_printable(out, text, strlen(text), AMZ_PROFILE_TEXT_MAX);
}

static bool told(const char *text)
{
  return text && *text;
}

static void line_quantity(const char *name, const struct amz_quantity *q, word_of *word, struct amz_buf *out)
{
  amz_word_name(name, out);
  add_quantity(q, word, out);
  amz_buf_addc(out, '\n');
}

/* ---- what there is ---------------------------------------------------------------------------------------------------- */

static void add_title(const struct amz_node *node, struct amz_buf *out)
{
  char a[AMZ_WORD];

  add_text(told(node->host) ? node->host : "node", out);
  amz_buf_addf(out, ": %u core%s", node->cores, amz_plural(node->cores));
  if (node->units_per_core > 1)
    amz_buf_addf(out, " of up to %u threads", node->units_per_core);
  amz_buf_addf(out, " in %u package%s, %zu NUMA domain%s, %s", node->packages, amz_plural(node->packages), node->n_domains,
               amz_plural(node->n_domains), amz_format_bytes(node->memory_bytes, a, sizeof a));
  if (told(node->cpu_model)) {
    amz_buf_adds(out, ": ");
    add_text(node->cpu_model, out);
  }
  amz_buf_addc(out, '\n');
}

static void add_machine(const struct amz_node *node, struct amz_buf *out)
{
  const char *between = "";

  if (told(node->machine) || told(node->kernel)) {
    amz_word_name("machine", out);
    add_text(node->machine, out);
    if (told(node->kernel)) {
      amz_buf_adds(out, told(node->machine) ? ", kernel " : "kernel ");
      add_text(node->kernel, out);
    }
    between = ", ";
    if (told(node->hypervisor)) {
      amz_buf_addf(out, "%svirtual: ", between);
      add_text(node->hypervisor, out);
    }
    amz_buf_addc(out, '\n');
  }
  amz_word_name("topology", out);
  add_text(told(node->topology) ? node->topology : "unknown", out);
  amz_buf_adds(out, node->this_machine ? "\n" : " (described: nothing can be measured on it from here)\n");
  if (node->units_share_cores) {
    amz_word_name("", out);
    amz_buf_adds(out, "its cores look like hardware threads that share real cores\n");
  }
}

/* Which cores share each is told where it doesn't fill the line. */
static bool sharers_fit(const struct amz_node_cache *c)
{
  return told(c->cores) && strlen(c->cores) <= 40 && strspn(c->cores, "0123456789- ") == strlen(c->cores);
}

static void add_caches(const struct amz_node *node, struct amz_buf *out)
{
  char a[AMZ_WORD];

  if (!node->n_caches)
    return;
  amz_word_name("caches", out);
  for (size_t i = 0; i < node->n_caches; i++) {
    const struct amz_node_cache *c = &node->caches[i];

    amz_buf_addf(out, "%sL%u%s %s", i ? ", " : "", c->level, c->level == 1 ? "d" : "", amz_format_bytes(c->bytes, a, sizeof a));
    if (c->shared_cores > 1)
      amz_buf_addf(out, " for %u cores each", c->shared_cores);
    if (c->count > 1)
      amz_buf_addf(out, " (%u of them%s%s)", c->count, sharers_fit(c) ? ": cores " : "", sharers_fit(c) ? c->cores : "");
  }
  amz_buf_addc(out, '\n');
}

static void add_kinds(const struct amz_node *node, struct amz_buf *out)
{
  for (size_t i = 0; node->n_kinds > 1 && i < node->n_kinds; i++) {
    amz_word_name(i ? "" : "kinds of cores", out);
    amz_buf_addf(out, "%u core%s, %u ours", node->kinds[i].cores, amz_plural(node->kinds[i].cores), node->kinds[i].allowed_cores);
    if (told(node->kinds[i].name)) {
      amz_buf_adds(out, ": ");
      add_text(node->kinds[i].name, out);
    }
    amz_buf_addc(out, '\n');
  }
}

static void add_domains(const struct amz_node *node, struct amz_buf *out)
{
  char a[AMZ_WORD];

  for (size_t i = 0; node->n_domains > 1 && i < node->n_domains; i++) {
    const struct amz_node_domain *d = &node->domains[i];

    amz_word_name(i ? "" : "NUMA domains", out);
    amz_buf_addf(out, "%zu: %u core%s, %u ours, %s\n", i, d->cores, amz_plural(d->cores), d->allowed_cores,
                 amz_format_bytes(d->memory_bytes, a, sizeof a));
  }
}

/* ---- what of it is ours ------------------------------------------------------------------------------------------------ */

/* The one that counts first, the others behind it: "12 cores: cgroup cpu.max (16 cores: SLURM_CPUS_ON_NODE)". */
static void add_limits(const struct amz_node *node, enum amz_limit_kind kind, const char *name, word_of *word,
                       struct amz_buf *out)
{
  const char *between = " (";
  char a[AMZ_WORD];
  bool any = false;

  for (int active = 1; active >= 0; active--)
    for (size_t i = 0; i < node->n_limits; i++) {
      const struct amz_limit *l = &node->limits[i];

      if (l->kind != kind || l->active != (active == 1))
        continue;
      if (any)
        amz_buf_adds(out, between);
      else
        amz_word_name(name, out);
      between = any ? "; " : between;
      any = true;
      amz_buf_addf(out, "%s: ", word(l->value, a));
      add_text(l->source, out);
    }
  if (any)
    amz_buf_adds(out, *between == ';' ? ")\n" : "\n");
}

static void add_ours(const struct amz_node *node, struct amz_buf *out)
{
  add_limits(node, AMZ_LIMIT_CORES, "cores for us", word_cores, out);
  add_limits(node, AMZ_LIMIT_CPU, "CPU time for us", word_cpus, out);
  add_limits(node, AMZ_LIMIT_MEMORY, "memory for us", word_bytes, out);
}

/* ---- what it can do ---------------------------------------------------------------------------------------------------- */

static void add_point(const struct amz_curve_point *p, word_of *word, struct amz_buf *out)
{
  amz_buf_addf(out, "%5u core%s  ", p->cores, p->cores == 1 ? " " : "s");
  add_quantity(&p->value, word, out);
  amz_buf_addc(out, '\n');
}

/* With one domain, its curve is that of all: shown once, without their names. */
static void add_curve(const char *name, const struct amz_node *node, const struct amz_curve_point *points, size_t n,
                      word_of *word,
                      struct amz_buf *out)
{
  uint32_t domain = AMZ_NO_DOMAIN - 1; /* none yet */
  bool first = true;

  for (size_t i = 0; i < n; i++) {
    const struct amz_curve_point *p = &points[i];

    if (node->n_domains <= 1 && p->domain != points[n - 1].domain)
      continue;
    if (node->n_domains > 1 && p->domain != domain) {
      amz_word_name(first ? name : "", out);
      if (p->domain == AMZ_ALL_DOMAINS)
        amz_buf_adds(out, "all domains:\n");
      else
        amz_buf_addf(out, "domain %u:\n", p->domain);
      first = false;
    }
    amz_word_name(first ? name : "", out);
    add_point(p, word, out);
    first = false;
    domain = p->domain;
  }
}

static void add_latencies(const struct amz_node *node, struct amz_buf *out)
{
  char a[AMZ_WORD], b[AMZ_WORD];

  for (size_t i = 0; i < node->n_latency; i++) {
    const struct amz_latency_point *p = &node->latency[i];

    amz_word_name(i ? "" : "latency", out);
    if (p->level)
      (void)snprintf(a, sizeof a, "L%u", p->level);
    else
      (void)snprintf(a, sizeof a, "memory");
    amz_buf_addf(out, "%-6s  %s: ", a, amz_format_bytes(p->bytes, b, sizeof b));
    add_quantity(&p->seconds, word_time, out);
    amz_buf_addc(out, '\n');
  }
}

static void add_memory(const struct amz_node *node, struct amz_buf *out)
{
  add_curve("bandwidth (triad)", node, node->bandwidth, node->n_bandwidth, word_bandwidth, out);
  if (told(node->bandwidth_method) && node->n_bandwidth && node->bandwidth[0].value.source == AMZ_MEASURED) {
    amz_word_name("", out);
    amz_buf_adds(out, "counted as ");
    add_text(node->bandwidth_method, out);
    amz_buf_addc(out, '\n');
  }
  if (node->stream_one.source != AMZ_UNKNOWN)
    line_quantity("as STREAM counts", &node->stream_one, word_bandwidth, out);
  if (node->stream_all.source != AMZ_UNKNOWN)
    line_quantity("  at all cores", &node->stream_all, word_bandwidth, out);
  if (node->saturation_cores.source != AMZ_UNKNOWN)
    line_quantity("  saturated at", &node->saturation_cores, word_cores, out);
  if (node->remote_ratio.source != AMZ_UNKNOWN)
    line_quantity("  remote : local", &node->remote_ratio, word_factor, out);
  if (node->compute_one.source != AMZ_UNKNOWN)
    line_quantity("computing, 1 core", &node->compute_one, word_operations, out);
  add_curve("slowdown phi", node, node->slowdown, node->n_slowdown, word_factor, out);
  add_latencies(node, out);
}

/* ---- what things cost -------------------------------------------------------------------------------------------------- */

static void add_start(const char *name, const struct amz_quantity *q, const double quartiles[2], struct amz_buf *out)
{
  char a[AMZ_WORD], b[AMZ_WORD];

  amz_word_name(name, out);
  add_quantity(q, word_time, out);
  if (quartiles[1] > 0)
    amz_buf_addf(out, "; half of them %s to %s", word_time(quartiles[0], a), word_time(quartiles[1], b));
  amz_buf_addc(out, '\n');
}

static void add_message(const char *name, const struct amz_message_cost *m, struct amz_buf *out)
{
  char a[AMZ_WORD];

  if (m->alpha_s.source == AMZ_UNKNOWN)
    return;
  line_quantity(name, &m->alpha_s, word_time, out);
  if (m->beta_s_per_byte.source == AMZ_UNKNOWN)
    return;
  amz_word_name("  and each MB", out);
  amz_buf_addf(out, "%s, %s\n", word_time(m->beta_s_per_byte.value * 1e6, a), amz_source_name(m->beta_s_per_byte.source));
}

static void add_launch(const struct amz_node_costs *c, struct amz_buf *out)
{
  for (size_t i = 0; i < c->n_launches; i++) {
    amz_word_name(i ? "" : "launch of ranks", out);
    amz_buf_addf(out, "%3u: ", c->launches[i].ranks);
    add_quantity(&c->launches[i].seconds, word_time, out);
    amz_buf_addc(out, '\n');
  }
  line_quantity("launch itself", &c->launch_base_s, word_time, out);
  line_quantity("  and each rank", &c->launch_per_rank_s, word_time, out);
}

static void add_costs(const struct amz_node *node, struct amz_buf *out)
{
  const struct amz_node_costs *c = &node->costs;

  add_start("process start", &c->start_s, c->start_quartiles_s, out);
  add_start("  by a shell", &c->start_shell_s, c->start_shell_quartiles_s, out);
  add_launch(c, out);
  add_message("message in node", &c->inside, out);
  add_message("message to nodes", &c->between, out);
  line_quantity("empty chunk", &c->chunk_s, word_time, out);
  line_quantity("master, a request", &c->service_s, word_time, out);
}

/* ---- how it is ---------------------------------------------------------------------------------------------------------- */

static void add_load(const struct amz_node_load *l, struct amz_buf *out)
{
  const struct {
    const char *name;
    double share;
  } rows[] = {{"CPU", l->cpu}, {"memory", l->memory}, {"swap", l->swap}, {"waiting for CPU", l->cpu_pressure},
              {"for memory", l->memory_pressure}, {"for disks", l->io_pressure}, {"stolen", l->steal}};
  const char *between = "";
  char a[AMZ_WORD];

  amz_word_name("load now", out);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (rows[i].share < 0)
      continue;
    amz_buf_addf(out, "%s%s %s", between, rows[i].name, word_share(rows[i].share, a));
    between = ", ";
  }
  amz_buf_adds(out, *between ? "\n" : "unknown\n");
}

static void add_findings(const struct amz_node *node, struct amz_buf *out)
{
  for (size_t i = 0; i < node->n_findings; i++) {
    const struct amz_finding *f = &node->findings[i];

    amz_word_name(f->level == AMZ_FINDING_WARNING ? "warning" : "note", out);
    add_text(f->text, out);
    amz_buf_addc(out, '\n');
    if (!told(f->advice))
      continue;
    amz_word_name("", out);
    add_text(f->advice, out);
    amz_buf_addc(out, '\n');
  }
}

static void add_origin(const struct amz_node *node, const struct amz_profile_origin *origin, struct amz_buf *out)
{
  char a[AMZ_WORD];

  amz_word_name("measurements", out);
  switch (origin->from) {
  case AMZ_PROFILE_MEASURED: amz_buf_addf(out, "made now (%s)\n", origin->effort ? origin->effort : "default"); return;
  case AMZ_PROFILE_CACHED:
    amz_buf_addf(out, "%s old (%s), from the cache: %s\n", origin->age_s > 0 ? amz_word_seconds((double)origin->age_s, a) : "0 s",
                 origin->effort ? origin->effort : "default", origin->cache_id ? origin->cache_id : "");
    amz_word_name("", out);
    amz_buf_adds(out, "amorsize-mpi node --refresh measures again\n");
    return;
  case AMZ_PROFILE_ASSUMED: break;
  }
  amz_buf_adds(out, node->this_machine ? "none: values are assumed; amorsize-mpi node measures\n" : "none: values are assumed\n");
}

const char *amz_profile_hint(enum amz_profile_from from)
{
  return from == AMZ_PROFILE_ASSUMED ? "what this node can do is assumed; amorsize-mpi node measures it once, which sharpens "
                                       "these numbers" : NULL;
}

void amz_profile_text(const struct amz_node *node, const struct amz_profile_origin *origin, struct amz_buf *out)
{
  add_title(node, out);
  add_machine(node, out);
  add_caches(node, out);
  add_kinds(node, out);
  add_domains(node, out);
  amz_words_gpus(node, out);
  add_ours(node, out);
  if (origin)
    add_origin(node, origin, out);
  add_memory(node, out);
  add_costs(node, out);
  add_load(&node->load, out);
  add_findings(node, out);
}

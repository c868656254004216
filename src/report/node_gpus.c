/* GPUs of a node: where they are, and which slot of a run whose tasks take one each would get which. Cores are numbered as in the
 * profile. */
#include "node_gpus.h"

#include <stdlib.h>

#include <amorsize/alloc.h>
#include <amorsize/profile.h>

#include "words.h"

/* ---- cores ------------------------------------------------------------------------------------------------------------- */

/* Which cores are meant. */
struct choice {
  const struct amz_node *node;
  bool (*has)(const struct choice *c, uint32_t core);
  uint32_t domain;      /* those of a domain, */
  uint64_t first, last; /* or those between: positions in node->core */
};

static bool is_near(const struct choice *c, uint32_t core)
{
  return c->node->core[core].domain == c->domain;
}

static bool is_between(const struct choice *c, uint32_t core)
{
  return core >= c->first && core <= c->last && c->node->core[core].allowed_units > 0;
}

/* "0-3,8": nothing when there are none. */
static void add_cores(const struct choice *c, struct amz_buf *out)
{
  const char *between = "";

  for (uint32_t i = 0; i < c->node->cores; i++) {
    uint32_t end = i;

    if (!c->has(c, i))
      continue;
    while (end + 1 < c->node->cores && c->has(c, end + 1))
      end++;
    amz_buf_addf(out, end > i ? "%s%u-%u" : "%s%u", between, i, end);
    between = ",";
    i = end;
  }
}

/* \return AMZ_NO_DOMAIN when they are of several. */
static uint32_t common_domain(const struct choice *c)
{
  uint32_t domain = c->node->core[c->first].domain;

  for (uint64_t i = c->first; i <= c->last; i++)
    if (c->has(c, (uint32_t)i) && c->node->core[i].domain != domain)
      return AMZ_NO_DOMAIN;
  return domain;
}

static struct choice near_gpu(const struct amz_node *node, const struct amz_node_gpu *gpu)
{
  return (struct choice){.node = node, .has = is_near, .domain = gpu->domain};
}

/* ---- slots ------------------------------------------------------------------------------------------------------------- */

/* Slots of one GPU each. */
struct slots {
  uint32_t n, threads;
  uint32_t *gpu; /* by slot: positions in node->gpus */
};

/* \return whether there are any; release with free(ret->gpu). */
static bool find_slots(const struct amz_node *node, struct slots *ret)
{
  struct slots s = {.n = amz_node_gpu_slots(node, &s.threads)};

  s.gpu = amz_new_array(s.n, sizeof *s.gpu);
  if (s.gpu && s.n && amz_node_gpus_of_slots(node, s.n, s.threads, 1, s.gpu) == AMZ_OK) {
    *ret = s;
    return true;
  }
  free(s.gpu);
  return false;
}

/* \return false: slots aren't bound to cores. */
static bool cores_of_slot(const struct amz_node *node, const struct slots *s, uint32_t slot, struct choice *ret)
{
  uint32_t first = amz_node_slot_core(node, slot, s->n, s->threads);

  if (first == UINT32_MAX)
    return false;
  *ret = (struct choice){.node = node, .has = is_between, .first = first,
                         .last = amz_node_allowed_core(node, (uint64_t)(slot + 1) * s->threads - 1)};
  return true;
}

/* ---- words ------------------------------------------------------------------------------------------------------------- */

static void add_text(const char *text, struct amz_buf *out)
{
  if (text)
    amz_buf_add_printable(out, text, strlen(text), AMZ_PROFILE_TEXT_MAX);
}

static void add_gpu(const struct amz_node *node, const struct amz_node_gpu *gpu, struct amz_buf *out)
{
  struct choice near = near_gpu(node, gpu);

  add_text(gpu->id, out);
  if (gpu->model && *gpu->model) {
    amz_buf_adds(out, ": ");
    add_text(gpu->model, out);
  }
  if (gpu->domain != AMZ_NO_DOMAIN) {
    size_t begin = out->len, words;

    amz_buf_addf(out, ", near NUMA domain %u (cores ", gpu->domain);
    words = out->len;
    add_cores(&near, out);
    if (out->len == words && amz_buf_ok(out) == AMZ_OK) { /* a domain without cores */
      out->len = begin;
      amz_buf_addf(out, ", near NUMA domain %u", gpu->domain);
    } else {
      amz_buf_addc(out, ')');
    }
  }
  amz_buf_adds(out, gpu->usable ? "\n" : ", not ours\n");
}

static void add_slot(const struct amz_node *node, const struct slots *s, uint32_t slot, struct amz_buf *out)
{
  const struct amz_node_gpu *gpu = &node->gpus[s->gpu[slot]];
  struct choice cores;

  amz_buf_addf(out, "slot %u → GPU ", slot);
  add_text(gpu->id, out);
  if (cores_of_slot(node, s, slot, &cores)) {
    uint32_t domain = common_domain(&cores);

    amz_buf_adds(out, cores.last > cores.first ? " (cores " : " (core ");
    add_cores(&cores, out);
    if (node->n_domains > 1 && domain != AMZ_NO_DOMAIN)
      amz_buf_addf(out, ", NUMA domain %u%s", domain, gpu->domain != AMZ_NO_DOMAIN && gpu->domain != domain ? ": far" : "");
    amz_buf_addc(out, ')');
  }
  amz_buf_addc(out, '\n');
}

void amz_words_gpus(const struct amz_node *node, struct amz_buf *out)
{
  struct slots s;

  for (size_t i = 0; i < node->n_gpus; i++) {
    amz_word_name(i ? "" : "GPUs", out);
    add_gpu(node, &node->gpus[i], out);
  }
  if (!find_slots(node, &s))
    return;
  for (uint32_t slot = 0; slot < s.n; slot++) {
    amz_word_name(slot ? "" : "a GPU a slot", out);
    add_slot(node, &s, slot, out);
  }
  free(s.gpu);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------------- */

static void put_cores(struct object *o, const char *key, const struct choice *cores)
{
  struct amz_buf text = AMZ_BUF_INIT;

  if (cores)
    add_cores(cores, &text);
  if (amz_buf_ok(&text) < 0)
    o->ok = false;
  put_text(o, key, cores ? amz_buf_text(&text) : NULL);
  amz_buf_clear(&text);
}

static json_t *slot_json(const struct amz_node *node, const struct slots *s, uint32_t slot, bool *ok)
{
  struct object o = object_new();
  struct choice cores;
  bool bound = cores_of_slot(node, s, slot, &cores);
  uint32_t domain = bound ? common_domain(&cores) : AMZ_NO_DOMAIN;

  put_count(&o, "slot", slot);
  put_text(&o, "gpu", node->gpus[s->gpu[slot]].id);
  put_cores(&o, "cores", bound ? &cores : NULL);
  put(&o, "domain", domain == AMZ_NO_DOMAIN ? json_null() : json_integer(domain));
  *ok = *ok && o.ok;
  return o.json;
}

void amz_put_gpus(struct object *profile, const struct amz_node *node)
{
  json_t *rows = json_object_get(profile->json, "gpus"), *slots = json_array();
  struct slots s;

  for (size_t i = 0; i < node->n_gpus; i++) {
    struct object row = {json_array_get(rows, i), true};
    struct choice near = near_gpu(node, &node->gpus[i]);

    put_cores(&row, "nearest_cores", node->gpus[i].domain == AMZ_NO_DOMAIN ? NULL : &near);
    profile->ok = profile->ok && row.ok;
  }
  if (slots && find_slots(node, &s)) {
    for (uint32_t slot = 0; slot < s.n; slot++)
      if (json_array_append_new(slots, slot_json(node, &s, slot, &profile->ok)) < 0)
        profile->ok = false;
    free(s.gpu);
  }
  put(profile, "gpu_slots", slots);
}

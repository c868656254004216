/* The type of a node: what measurements and tasks' times depend on, as lines of text. */
#include <amorsize/node.h>

#include <inttypes.h>
#include <string.h>

#include <amorsize/diag.h>
#include <amorsize/digest.h>

#define DOMAINS_SHOWN 1024

static uint64_t add_u32(uint64_t digest, uint32_t v)
{
  const unsigned char bytes[] = {(unsigned char)(v >> 24), (unsigned char)(v >> 16), (unsigned char)(v >> 8), (unsigned char)v};

  return amz_digest_add(digest, bytes, sizeof bytes);
}

/* Where the cores are and which of them are ours, as shapes: which of several equal cores a batch job has got doesn't matter. */
static uint64_t digest_of(const struct amz_node *node)
{
  uint64_t d = AMZ_DIGEST_EMPTY;

  for (uint32_t i = 0; i < node->cores; i++) {
    d = add_u32(d, node->core[i].domain);
    d = add_u32(d, node->core[i].package);
    d = add_u32(d, node->core[i].kind);
    d = add_u32(d, node->core[i].n_units);
  }
  for (size_t i = 0; i < node->n_caches; i++) {
    const struct amz_node_cache *c = &node->caches[i];

    d = add_u32(add_u32(add_u32(d, c->level), c->count), c->shared_cores);
    d = add_u32(add_u32(d, (uint32_t)(c->bytes >> 32)), (uint32_t)c->bytes);
  }
  return d;
}

static void add_line(struct amz_buf *out, const char *name, const char *text)
{
  amz_buf_addf(out, "%s ", name);
  if (text)
    amz_buf_add_printable(out, text, strlen(text), 1024);
  amz_buf_addc(out, '\n');
}

int amz_node_type(const struct amz_node *node, struct amz_buf *out)
{
  add_line(out, "machine", node->machine);
  add_line(out, "CPU", node->cpu_model);
  add_line(out, "hypervisor", node->hypervisor);
  amz_buf_addf(out, "topology packages %u cores %u units %u domains %zu digest %016" PRIx64 "\n", node->packages, node->cores,
               node->units,
               node->n_domains, digest_of(node));
  amz_buf_addf(out, "allowed cores %u CPUs %.3f by domain", node->allowed_cores, node->allowed_cpu);
  for (size_t i = 0; i < node->n_domains && i < DOMAINS_SHOWN; i++)
    amz_buf_addf(out, " %u", node->domains[i].allowed_cores);
  amz_buf_addc(out, '\n');
  return amz_buf_ok(out);
}

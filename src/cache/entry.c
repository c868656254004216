/* Entries as bytes. The head can be read with any pager; lengths and a CRC-32 over what follows tell whether all of it is
 * there. */
#include "entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#define KIND_MAX 32
#define HEAD_MAX 256

int amz_entry_kind_ok(const char *kind)
{
  size_t n = strlen(kind);

  return n > 0 && n <= KIND_MAX && strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789-") == n && *kind != '-';
}

static uint32_t checksum(const void *bytes, size_t n)
{
  return (uint32_t)crc32_z(crc32_z(0, NULL, 0), bytes, n);
}

void amz_entry_encode(const struct amz_cache_entry *e, const void *value, size_t n, struct amz_buf *out)
{
  const char *label = e->label ? e->label : "";
  size_t n_label = strlen(label), n_key = strlen(e->key);
  struct amz_buf body = AMZ_BUF_INIT;

  amz_buf_add(&body, label, n_label);
  amz_buf_add(&body, e->key, n_key);
  amz_buf_add(&body, value, n);
  out->failed = out->failed || body.failed;
  amz_buf_addf(out, "amorsize-cache 1\nkind %s\nmade %" PRId64 "\nexpires %" PRId64 "\nlengths %zu %zu %zu\ncrc "
                                                                                    "%08" PRIx32 "\n\n", e->kind,
               e->made_s, e->expires_s, n_label, n_key, n, checksum(amz_buf_text(&body), body.len));
  amz_buf_add(out, amz_buf_text(&body), body.len);
  amz_buf_clear(&body);
}

/* The head as text of its own: what follows may hold anything, and nothing ends it. \return its length; 0: there is none. */
static size_t take_head(const char *bytes, size_t n, char head[HEAD_MAX])
{
  const char *end = memmem(bytes, n < HEAD_MAX ? n : HEAD_MAX - 1, "\n\n", 2);
  size_t len = end ? (size_t)(end - bytes) + 2 : 0;

  memcpy(head, bytes, len);
  head[len] = '\0';
  return len;
}

int amz_entry_decode(const char *bytes, size_t n, struct amz_entry_view *ret)
{
  struct amz_entry_view v = {0};
  char head[HEAD_MAX];
  size_t len = n ? take_head(bytes, n, head) : 0;
  uint32_t crc;

  if (!len || sscanf(head, "amorsize-cache 1\nkind %32s\nmade %" SCNd64 "\nexpires %" SCNd64 "\nlengths %zu %zu %zu\ncrc "
                                                                                             "%8" SCNx32, v.kind,
                     &v.made_s, &v.expires_s, &v.n_label, &v.n_key, &v.n_value, &crc) != 7)
    return AMZ_ECORRUPT;
  n -= len;
  if (v.n_label > n || v.n_key > n - v.n_label || v.n_value != n - v.n_label - v.n_key || !amz_entry_kind_ok(v.kind) ||
      checksum(bytes + len, n) != crc)
    return AMZ_ECORRUPT;
  v.label = bytes + len;
  v.key = v.label + v.n_label;
  v.value = v.key + v.n_key;
  *ret = v;
  return AMZ_OK;
}

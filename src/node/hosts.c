/* Hosts in order and without repetition; a hash table beside the list finds those that came before. A file of a large job
 * names each node once per core, so a search through the list would be quadratic.
 *
 * Names end up as arguments of launchers and in files, so only what can be a host name or an address passes. */
#include "hosts.h"

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/allocation.h>

void amz_hosts_clear(struct amz_hosts *h)
{
  amz_buf_clear(&h->names);
  free(h->items);
  free(h->buckets);
  *h = (struct amz_hosts)AMZ_HOSTS_INIT;
}

void amz_hosts_reset(struct amz_hosts *h)
{
  amz_buf_reset(&h->names);
  h->count = 0;
  if (h->buckets)
    memset(h->buckets, 0, h->n_buckets * sizeof *h->buckets);
}

static bool is_host_name(const char *name, size_t n)
{
  if (n == 0 || n > AMZ_HOST_NAME_MAX || name[0] == '-' || name[0] == '.' || name[0] == ':')
    return false;
  for (size_t i = 0; i < n; i++) {
    char c = name[i];

    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' ||
          c == ':'))
      return false;
  }
  return true;
}

/* FNV-1a */
static uint64_t hash(const char *name, size_t n)
{
  uint64_t v = UINT64_C(14695981039346656037);

  for (size_t i = 0; i < n; i++)
    v = (v ^ (unsigned char)name[i]) * UINT64_C(1099511628211);
  return v ^ v >> 32;
}

/* The bucket of a name: its own, or the empty one where it belongs. */
static uint32_t *bucket_of(const struct amz_hosts *h, const char *name, size_t n)
{
  size_t at = (size_t)hash(name, n) & (h->n_buckets - 1);

  for (; h->buckets[at]; at = (at + 1) & (h->n_buckets - 1)) {
    const char *there = h->names.data + h->items[h->buckets[at] - 1].name;

    if (strncmp(there, name, n) == 0 && there[n] == '\0')
      break;
  }
  return &h->buckets[at];
}

static int make_room(struct amz_hosts *h)
{
  size_t wanted = h->n_buckets ? h->n_buckets * 2 : 64;
  uint32_t *old = h->buckets;

  if (h->count < h->n_buckets / 2)
    return AMZ_OK;
  h->buckets = amz_new_array(wanted, sizeof *h->buckets);
  if (!h->buckets) {
    h->buckets = old;
    return AMZ_ENOMEM;
  }
  h->n_buckets = wanted;
  free(old);
  for (size_t i = 0; i < h->count; i++) {
    const char *name = h->names.data + h->items[i].name;

    *bucket_of(h, name, strlen(name)) = (uint32_t)(i + 1);
  }
  return AMZ_OK;
}

static int append(struct amz_hosts *h, const char *name, size_t n, uint32_t *bucket)
{
  struct amz_host item = {.name = h->names.len};

  if (h->count >= AMZ_NODES_MAX)
    return AMZ_ERANGE;
  if (amz_grow((void **)&h->items, &h->cap, h->count + 1, sizeof *h->items) < 0)
    return AMZ_ENOMEM;
  amz_buf_add(&h->names, name, n);
  amz_buf_addc(&h->names, '\0');
  if (amz_buf_ok(&h->names) < 0)
    return AMZ_ENOMEM;
  h->items[h->count++] = item;
  *bucket = (uint32_t)h->count;
  return AMZ_OK;
}

int amz_hosts_add(struct amz_hosts *h, const char *name, size_t n, size_t *ret_at)
{
  uint32_t *bucket;
  int rc;

  if (!is_host_name(name, n))
    return AMZ_EINVAL;
  if ((rc = make_room(h)) < 0)
    return rc;
  bucket = bucket_of(h, name, n);
  if (*bucket == 0 && (rc = append(h, name, n, bucket)) < 0)
    return rc;
  *ret_at = *bucket - 1;
  if (h->items[*ret_at].mentions < UINT32_MAX)
    h->items[*ret_at].mentions++;
  return AMZ_OK;
}

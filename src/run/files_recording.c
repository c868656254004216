/* The entries of a recording: a list, and a hash table over it (FNV-1a, linear probing, at most half full). */
#include "files_recording.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <amorsize/alloc.h>

uint32_t amz_recording_crc(const void *bytes, size_t n)
{
  return (uint32_t)crc32_z(0, bytes, n);
}

void amz_entries_clear(struct amz_entries *e)
{
  free(e->items);
  free(e->slots);
  memset(e, 0, sizeof *e);
}

static uint64_t hash(uint8_t operation, const char *key, size_t n)
{
  uint64_t h = UINT64_C(14695981039346656037) ^ operation;

  for (size_t i = 0; i < n; i++)
    h = (h * UINT64_C(1099511628211)) ^ (unsigned char)key[i];
  return h ^ (h >> 32);
}

/* The slot that holds the entry, or the free one where it would go. */
static size_t find_slot(const struct amz_entries *e, const char *base, uint8_t operation, const char *key, size_t n)
{
  size_t slot = (size_t)hash(operation, key, n) & (e->n_slots - 1);

  for (; e->slots[slot]; slot = (slot + 1) & (e->n_slots - 1)) {
    const struct amz_entry *entry = &e->items[e->slots[slot] - 1];

    if (entry->operation == operation && entry->key_len == n && memcmp(base + entry->key, key, n) == 0)
      break;
  }
  return slot;
}

static int rehash(struct amz_entries *e, const char *base)
{
  size_t wanted = e->n_slots ? e->n_slots * 2 : 64;
  size_t *slots = amz_new_array(wanted, sizeof *slots);

  if (!slots)
    return AMZ_ENOMEM;
  free(e->slots);
  e->slots = slots;
  e->n_slots = wanted;
  for (size_t i = 0; i < e->count; i++) {
    const struct amz_entry *entry = &e->items[i];

    slots[find_slot(e, base, entry->operation, base + entry->key, entry->key_len)] = i + 1;
  }
  return AMZ_OK;
}

int amz_entries_add(struct amz_entries *e, const char *base, const struct amz_entry *entry)
{
  if ((e->count + 1) * 2 > e->n_slots && rehash(e, base) < 0)
    return AMZ_ENOMEM;
  if (amz_grow((void **)&e->items, &e->cap, e->count + 1, sizeof *e->items) < 0)
    return AMZ_ENOMEM;
  e->items[e->count] = *entry;
  e->slots[find_slot(e, base, entry->operation, base + entry->key, entry->key_len)] = ++e->count;
  return AMZ_OK;
}

const struct amz_entry *amz_entries_find(const struct amz_entries *e, const char *base, uint8_t operation, const char *key)
{
  size_t slot;

  if (e->n_slots == 0)
    return NULL;
  slot = find_slot(e, base, operation, key, strlen(key));
  return e->slots[slot] ? &e->items[e->slots[slot] - 1] : NULL;
}

int amz_entry_answer(const struct amz_entry *entry, const char *base, uint64_t max_bytes, struct amz_buf *ret,
                     struct amz_error *err)
{
  if (entry->result < 0) {
    (void)amz_error_set(err, entry->result, "%.*s", entry->words_len < AMZ_ERROR_TEXT ? (int)entry->words_len : AMZ_ERROR_TEXT,
                        base + entry->words);
    if (err)
      err->sys_errno = entry->sys_errno;
    return entry->result;
  }
  if (entry->answer_len > max_bytes)
    return amz_error_set(err, AMZ_ERANGE, "%.*s is larger than %" PRIu64 " bytes",
                         entry->key_len < 400 ? (int)entry->key_len : 400, base + entry->key, max_bytes);
  amz_buf_add(ret, base + entry->answer, entry->answer_len);
  return amz_buf_ok(ret) < 0 ? amz_error_set(err, AMZ_ENOMEM, "out of memory for a recorded answer") : AMZ_OK;
}

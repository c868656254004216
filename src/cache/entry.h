/* The bytes of an entry: a head of text lines, then label, key and value. */
#ifndef AMZ_CACHE_ENTRY_H
#define AMZ_CACHE_ENTRY_H

#include <amorsize/cache.h>

/* Appends the file's content. */
void amz_entry_encode(const struct amz_cache_entry *entry, const void *value, size_t n, struct amz_buf *out);

struct amz_entry_view {
  char kind[33];
  int64_t made_s, expires_s;
  const char *label, *key, *value; /* in the file's bytes, without NUL */
  size_t n_label, n_key, n_value;
};

/* \return AMZ_OK; AMZ_ECORRUPT: damaged, cut off, or of another version. */
int amz_entry_decode(const char *bytes, size_t n, struct amz_entry_view *ret);

/* Whether it is a kind's name. */
int amz_entry_kind_ok(const char *kind);

#endif

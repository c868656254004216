/* What is dear to find out and stays true for a while: measurements of nodes; later, what earlier runs taught.
 *
 * A folder of files, one per entry, which appear whole (written aside, renamed) and carry a checksum; a reader sees the old
 * entry, the new one, or none. So any number of processes on any number of hosts may use it at the same time, on file systems
 * without locks too, and nobody ever waits. Losing all of it costs time only: what is damaged, of another version, or expired
 * isn't there.
 *
 * The key is a text of any form that says all that the value depends on. Times are seconds since the epoch, and given by the
 * caller. */
#ifndef AMORSIZE_CACHE_H
#define AMORSIZE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/environment.h>
#include <amorsize/error.h>

#define AMZ_CACHE_ID 17 /* bytes of an entry's short name, with its NUL */
#define AMZ_CACHE_KEY_MAX ((size_t)64 << 10)
#define AMZ_CACHE_VALUE_MAX ((size_t)64 << 20)

struct amz_cache;

struct amz_cache_entry {
  const char *kind;  /* "node": lower-case letters, digits and -, at most 32 */
  const char *key;
  const char *label; /* a few words for people */
  int64_t made_s;
  int64_t expires_s; /* 0: never */
};

/* The folder: AMORSIZE_CACHE_DIR, else XDG_CACHE_HOME/amorsize-mpi, else HOME/.cache/amorsize-mpi. It is made when something is
 * put.
 * \return AMZ_OK, release with amz_cache_free (accepts NULL); AMZ_EENV with *err: none of them is set; AMZ_ENOMEM. */
int amz_cache_open(const struct amz_environment *env, struct amz_error *err, struct amz_cache **ret);
void amz_cache_free(struct amz_cache *c);
const char *amz_cache_dir(const struct amz_cache *c);

/* The short name of a key's entry, 16 hexadecimal digits. */
void amz_cache_id(const char *kind, const char *key, char ret_id[AMZ_CACHE_ID]);

/* Appends the value. \return AMZ_OK with *ret_made_s; AMZ_ENOENT: there is none that holds at now_s; AMZ_EIO with *err: it can't
 * be read; AMZ_EINVAL: no such kind; AMZ_ENOMEM. */
int amz_cache_get(const struct amz_cache *c, const char *kind, const char *key, int64_t now_s, struct amz_buf *ret_value,
                  int64_t *ret_made_s,
                  struct amz_error *err);

/* Keeps a value, in place of an earlier one; removes what has expired at entry->made_s.
 * \return AMZ_OK; AMZ_EIO with *err: the folder can't be written; AMZ_EINVAL: no such kind, or key or value are too large;
 * AMZ_ENOMEM. */
int amz_cache_put(const struct amz_cache *c, const struct amz_cache_entry *entry, const void *value, size_t n,
                  struct amz_error *err);

struct amz_cache_row {
  char id[AMZ_CACHE_ID];
  struct amz_cache_entry entry; /* valid during the call */
  size_t value_bytes;
};

/* Calls row for each entry of a kind (NULL: of all kinds), by kind and id; stops when it returns non-zero. What is damaged is
 * left out.
 * \return AMZ_OK, also when there is no folder; row's value when non-zero; AMZ_EIO with *err; AMZ_ENOMEM. */
int amz_cache_list(const struct amz_cache *c, const char *kind, int (*row)(void *ctx, const struct amz_cache_row *row), void *ctx,
                   struct amz_error *err);

/* Removes the entries whose id begins so ("": all), damaged ones too. \return AMZ_OK with how many; AMZ_EIO with *err;
 * AMZ_ENOMEM. */
int amz_cache_clear(const struct amz_cache *c, const char *id, uint64_t *ret_removed, struct amz_error *err);

#endif

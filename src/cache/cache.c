/* The cache: DIR/KIND/ID holds an entry, whose ID is a digest of its key. The whole key is in the entry and compared, so that two
 * keys of one digest merely push each other out.
 *
 * Why files and no SQLite, as the runs have: many processes on many hosts write here, often on a network file system whose locks
 * are missing or hang, and none of them may wait or damage what the others have. A file per entry, put in its place by rename,
 * needs no locks at all, and an entry lost or damaged is one measurement to repeat. */
#include <amorsize/cache.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/alloc.h>
#include <amorsize/digest.h>

#include "../store/path.h"
#include "entry.h"
#include "folder.h"

#define FILE_MAX (AMZ_CACHE_VALUE_MAX + 2 * AMZ_CACHE_KEY_MAX + 4096)

struct amz_cache {
  char *dir;
};

/* ---- where -------------------------------------------------------------------------------------------------------------- */

/* As the XDG base directory specification has it: a path that isn't absolute counts as not set. */
static const char *absolute(const struct amz_environment *env, const char *name)
{
  const char *value = env->get(env->ctx, name);

  return value && *value == '/' ? value : NULL;
}

static char *choose_dir(const struct amz_environment *env, bool *ret_set)
{
  const char *own = env->get(env->ctx, "AMORSIZE_CACHE_DIR"), *xdg = absolute(env, "XDG_CACHE_HOME"),
      *home = absolute(env, "HOME");

  *ret_set = (own && *own) || xdg || home;
  if (own && *own)
    return amz_strndup(own, strlen(own));
  if (xdg)
    return amz_path_join(xdg, "amorsize-mpi");
  return home ? amz_path_join(home, ".cache/amorsize-mpi") : NULL;
}

int amz_cache_open(const struct amz_environment *env, struct amz_error *err, struct amz_cache **ret)
{
  struct amz_cache *c = amz_new_array(1, sizeof *c);
  bool set = true;

  if (c)
    c->dir = choose_dir(env, &set);
  if (c && c->dir) {
    *ret = c;
    return AMZ_OK;
  }
  free(c);
  if (!set)
    return amz_error_set(err, AMZ_EENV, "no folder for the cache: HOME is not set; set AMORSIZE_CACHE_DIR");
  return amz_error_set(err, AMZ_ENOMEM, "out of memory");
}

void amz_cache_free(struct amz_cache *c)
{
  if (!c)
    return;
  free(c->dir);
  free(c);
}

const char *amz_cache_dir(const struct amz_cache *c)
{
  return c->dir;
}

/* Of kind, NUL and key. */
void amz_cache_id(const char *kind, const char *key, char ret_id[AMZ_CACHE_ID])
{
  uint64_t digest = amz_digest_add(AMZ_DIGEST_EMPTY, kind, strlen(kind) + 1);

  (void)snprintf(ret_id, AMZ_CACHE_ID, "%016" PRIx64, amz_digest_add(digest, key, strlen(key)));
}

static int is_id(const char *name)
{
  return strlen(name) == AMZ_CACHE_ID - 1 && strspn(name, "0123456789abcdef") == AMZ_CACHE_ID - 1;
}

static int check_kind(const char *kind, struct amz_error *err)
{
  return amz_entry_kind_ok(kind) ? AMZ_OK : amz_error_set(err, AMZ_EINVAL, "the cache has no kind \"%.40s\"", kind);
}

/* ---- reading ------------------------------------------------------------------------------------------------------------ */

/* The entry of a file, in *bytes. \return AMZ_OK; AMZ_ENOENT: none that can be used; AMZ_EIO; AMZ_ENOMEM. */
static int read_entry(const char *dir, const char *id, struct amz_buf *bytes, struct amz_entry_view *ret, struct amz_error *err)
{
  char *path = amz_path_join(dir, id);
  int rc = path ? amz_folder_read(path, FILE_MAX, bytes, err) : AMZ_ENOMEM;

  free(path);
  if (rc == AMZ_OK)
    rc = amz_entry_decode(bytes->data ? bytes->data : "", bytes->len, ret);
  return rc == AMZ_ECORRUPT || rc == AMZ_ERANGE ? AMZ_ENOENT : rc;
}

static bool expired(int64_t expires_s, int64_t now_s)
{
  return expires_s && now_s >= expires_s;
}

int amz_cache_get(const struct amz_cache *c, const char *kind, const char *key, int64_t now_s, struct amz_buf *ret_value,
                  int64_t *ret_made_s,
                  struct amz_error *err)
{
  struct amz_buf bytes = AMZ_BUF_INIT;
  struct amz_entry_view v;
  char id[AMZ_CACHE_ID], *dir;
  int rc = check_kind(kind, err);

  if (rc < 0)
    return rc;
  amz_cache_id(kind, key, id);
  dir = amz_path_join(c->dir, kind);
  rc = dir ? read_entry(dir, id, &bytes, &v, err) : AMZ_ENOMEM;
  if (rc == AMZ_OK && (strcmp(v.kind, kind) != 0 || v.n_key != strlen(key) || memcmp(v.key, key, v.n_key) != 0 ||
                       expired(v.expires_s, now_s)))
    rc = AMZ_ENOENT;
  if (rc == AMZ_OK) {
    amz_buf_add(ret_value, v.value, v.n_value);
    rc = amz_buf_ok(ret_value);
  }
  if (rc == AMZ_OK)
    *ret_made_s = v.made_s;
  amz_buf_clear(&bytes);
  free(dir);
  return rc == AMZ_ENOMEM ? amz_error_set(err, rc, "out of memory") : rc;
}

/* ---- writing ------------------------------------------------------------------------------------------------------------ */

static void unlink_in(const char *dir, const char *name)
{
  char *path = amz_path_join(dir, name);

  if (path)
    (void)unlink(path);
  free(path);
}

/* Best effort: whatever stays is found to be expired when it is read. */
static void remove_expired(const char *dir, int64_t now_s)
{
  struct amz_buf names = AMZ_BUF_INIT, bytes = AMZ_BUF_INIT;
  struct amz_entry_view v;

  if (amz_folder_names(dir, is_id, &names, NULL) == AMZ_OK)
    for (size_t at = 0; at < names.len; at += AMZ_CACHE_ID) {
      if (read_entry(dir, names.data + at, &bytes, &v, NULL) == AMZ_OK && expired(v.expires_s, now_s))
        unlink_in(dir, names.data + at);
      amz_buf_reset(&bytes);
    }
  amz_buf_clear(&names);
  amz_buf_clear(&bytes);
  amz_folder_sweep(dir, now_s);
}

int amz_cache_put(const struct amz_cache *c, const struct amz_cache_entry *entry, const void *value, size_t n,
                  struct amz_error *err)
{
  struct amz_buf bytes = AMZ_BUF_INIT;
  char id[AMZ_CACHE_ID], *dir;
  int rc = check_kind(entry->kind, err);

  if (rc < 0)
    return rc;
  if (n > AMZ_CACHE_VALUE_MAX || strlen(entry->key) > AMZ_CACHE_KEY_MAX || (entry->label &&
                                                                            strlen(entry->label) > AMZ_CACHE_KEY_MAX))
    return amz_error_set(err, AMZ_EINVAL, "too large for the cache");
  amz_cache_id(entry->kind, entry->key, id);
  dir = amz_path_join(c->dir, entry->kind);
  amz_entry_encode(entry, value, n, &bytes);
  rc = dir ? amz_buf_ok(&bytes) : AMZ_ENOMEM;
  if (rc < 0)
    rc = amz_error_set(err, rc, "out of memory");
  else if ((rc = amz_folder_make(dir, err)) == AMZ_OK && (rc = amz_folder_write(dir, id, bytes.data, bytes.len, err)) == AMZ_OK)
    remove_expired(dir, entry->made_s);
  amz_buf_clear(&bytes);
  free(dir);
  return rc;
}

/* ---- all of them --------------------------------------------------------------------------------------------------------- */

/* Walks over the entries of all kinds, or of one. */
static int each_kind(const struct amz_cache *c, const char *kind, int (*visit)(void *ctx, const char *dir, struct amz_error *err),
                     void *ctx,
                     struct amz_error *err)
{
  struct amz_buf kinds = AMZ_BUF_INIT;
  int rc = AMZ_OK;

  if (kind) {
    rc = check_kind(kind, err);
    amz_buf_add(&kinds, kind, strlen(kind) + 1);
  } else {
    rc = amz_folder_names(c->dir, amz_entry_kind_ok, &kinds, err);
  }
  for (size_t at = 0; rc == AMZ_OK && at < kinds.len; at += strlen(kinds.data + at) + 1) {
    char *dir = amz_path_join(c->dir, kinds.data + at);

    rc = dir ? visit(ctx, dir, err) : AMZ_ENOMEM;
    free(dir);
  }
  amz_buf_clear(&kinds);
  return rc;
}

struct listing {
  int (*row)(void *ctx, const struct amz_cache_row *row);
  void *ctx;
};

static int tell(const struct listing *l, const char *id, const struct amz_entry_view *v)
{
  struct amz_cache_row row = {.entry = {.kind = v->kind, .made_s = v->made_s, .expires_s = v->expires_s},
                              .value_bytes = v->n_value};
  char *label = amz_strndup(v->label, v->n_label), *key = amz_strndup(v->key, v->n_key);
  int rc = AMZ_ENOMEM;

  if (label && key) {
    memcpy(row.id, id, sizeof row.id);
    row.entry.label = label;
    row.entry.key = key;
    rc = l->row(l->ctx, &row);
  }
  free(label);
  free(key);
  return rc;
}

static int list_kind(void *ctx, const char *dir, struct amz_error *err)
{
  struct amz_buf names = AMZ_BUF_INIT, bytes = AMZ_BUF_INIT;
  struct amz_entry_view v;
  int rc = amz_folder_names(dir, is_id, &names, err);

  for (size_t at = 0; rc == AMZ_OK && at < names.len; at += AMZ_CACHE_ID) {
    amz_buf_reset(&bytes);
    rc = read_entry(dir, names.data + at, &bytes, &v, err);
    if (rc == AMZ_OK)
      rc = tell(ctx, names.data + at, &v);
    else if (rc == AMZ_ENOENT)
      rc = AMZ_OK;
  }
  amz_buf_clear(&names);
  amz_buf_clear(&bytes);
  return rc;
}

int amz_cache_list(const struct amz_cache *c, const char *kind, int (*row)(void *ctx, const struct amz_cache_row *row), void *ctx,
                   struct amz_error *err)
{
  struct listing l = {row, ctx};

  return each_kind(c, kind, list_kind, &l, err);
}

struct clearing {
  const char *id;
  uint64_t removed;
};

static int clear_kind(void *ctx, const char *dir, struct amz_error *err)
{
  struct clearing *clearing = ctx;
  struct amz_buf names = AMZ_BUF_INIT;
  int rc = amz_folder_names(dir, is_id, &names, err);

  for (size_t at = 0; rc == AMZ_OK && at < names.len; at += AMZ_CACHE_ID) {
    char *path;

    if (strncmp(names.data + at, clearing->id, strlen(clearing->id)) != 0)
      continue;
    path = amz_path_join(dir, names.data + at);
    if (!path)
      rc = AMZ_ENOMEM;
    else if (unlink(path) == 0)
      clearing->removed++;
    else if (errno != ENOENT) /* somebody else may have been faster */
      rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be removed", path);
    free(path);
  }
  amz_buf_clear(&names);
  return rc;
}

int amz_cache_clear(const struct amz_cache *c, const char *id, uint64_t *ret_removed, struct amz_error *err)
{
  struct clearing clearing = {id, 0};
  int rc = each_kind(c, NULL, clear_kind, &clearing, err);

  *ret_removed = clearing.removed;
  return rc;
}

/* The packs are the truth: what a dead launch had written there but not recorded is taken over on the next opening.
 *
 * Packs are taken in the order of their epochs, so that a later launch's retry of an earlier failure counts; within a pack in
 * the order of the file, which is that of the ends. What is taken over is made durable first: then the database never knows
 * more than the packs. */
#include "takeover.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/alloc.h>
#include <amorsize/nodedir.h>

#include "pack_private.h"
#include "path.h"

struct pack_name {
  uint32_t epoch, rank;
  char *file;
};

struct pack_names {
  struct pack_name *items;
  size_t count, cap;
};

static int by_epoch_and_rank(const void *a, const void *b)
{
  const struct pack_name *x = a, *y = b;

  if (x->epoch != y->epoch)
    return x->epoch < y->epoch ? -1 : 1;
  return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static int add_name(struct pack_names *names, const char *file, struct amz_error *err)
{
  struct pack_name name = {0, 0, NULL};

  if (!amz_pack_name(file, &name.rank, &name.epoch))
    return AMZ_OK;
  name.file = amz_strndup(file, strlen(file));
  if (!name.file || amz_grow((void **)&names->items, &names->cap, names->count + 1, sizeof *names->items) < 0) {
    free(name.file);
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  }
  names->items[names->count++] = name;
  return AMZ_OK;
}

static int list_packs(const char *out, struct pack_names *names, struct amz_error *err)
{
  DIR *dir = opendir(out);
  struct dirent *e;
  int rc = AMZ_OK;

  if (!dir)
    return amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be read", out);
  while (rc == AMZ_OK && (errno = 0, e = readdir(dir)))
    rc = add_name(names, e->d_name, err);
  if (rc == AMZ_OK && errno)
    rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be read", out);
  (void)closedir(dir);
  if (names->count > 0)
    qsort(names->items, names->count, sizeof *names->items, by_epoch_and_rank);
  return rc;
}

static bool is_final(const struct amz_result *r, uint32_t retries)
{
  if (r->outcome == AMZ_FAILED || r->outcome == AMZ_TIMED_OUT)
    return r->attempt > retries;
  return true;
}

struct taking {
  struct amz_db *db;
  struct amz_pack_reader *pack;
  const struct pack_name *name;
  uint64_t tasks;
  uint32_t retries;
  uint64_t last_offset; /* of the last END frame seen, 0: none */
  const struct amz_store_config *config; /* for its tick */
  unsigned seen;
};

#define TICK_EVERY 1024 /* END frames */

static void tick(struct taking *t)
{
  if (t->config->tick && t->seen++ % TICK_EVERY == 0)
    t->config->tick(t->config->tick_ctx);
}

/* \return AMZ_OK, also for what is no outcome; AMZ_EIO … */
static int take_end(struct taking *t, const struct amz_pack_end *end, struct amz_error *err)
{
  const struct amz_result *r = &end->result;
  int rc;

  if (r->outcome == AMZ_CANCELLED || r->position >= t->tasks)
    return AMZ_OK;
  rc = amz_pack_check(t->pack, r->pack_offset, err);
  if (rc == AMZ_ECORRUPT)
    return AMZ_OK;
  if (rc < 0)
    return rc;
  return amz_db_put(t->db, r, t->name->rank, t->name->epoch, is_final(r, t->retries), err);
}

static int take_ends(struct taking *t, uint64_t from, struct amz_error *err)
{
  struct amz_pack_end end;
  uint64_t offset = from;
  int rc;

  while ((rc = amz_pack_next_end(t->pack, &offset, &end, NULL, err)) == 1) {
    tick(t);
    if (end.result.pack_offset == from)
      continue; /* the one that is recorded already */
    rc = take_end(t, &end, err);
    if (rc < 0)
      return rc;
    t->last_offset = end.result.pack_offset;
  }
  return rc;
}

/* A launch that died early may not have said where its ranks are; its packs do. */
static int put_rank(struct taking *t, struct amz_error *err)
{
  const char *node = amz_pack_node(t->pack);

  return amz_db_put_rank(t->db, t->name->rank, t->name->epoch, *node ? node : NULL, t->last_offset, err);
}

static int take_pack(struct taking *t, const char *path, struct amz_error *err)
{
  uint64_t from = 0;
  int rc = amz_db_rank_offset(t->db, t->name->rank, t->name->epoch, err, &from);

  if (rc == AMZ_OK)
    rc = amz_pack_open_named(path, t->name->rank, t->name->epoch, err, &t->pack);
  if (rc == AMZ_ECORRUPT)
    return AMZ_OK; /* somebody else's pack under this name holds none of our records */
  if (rc == AMZ_OK)
    rc = take_ends(t, from, err);
  if (rc == AMZ_OK && t->last_offset > 0) {
    if (fdatasync(amz_pack_reader_fd(t->pack)) < 0 && errno != EINVAL && errno != EROFS)
      rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be made durable", path);
    else
      rc = put_rank(t, err);
  }
  amz_pack_reader_free(t->pack);
  t->pack = NULL;
  return rc;
}

int amz_takeover(struct amz_db *db, uint64_t tasks, const struct amz_store_config *config, struct amz_error *err,
                 uint32_t *ret_epoch)
{
  char *out = amz_path_join(config->dir, "out");
  struct pack_names names = {NULL, 0, 0};
  uint32_t epoch = 0;
  int rc = out ? list_packs(out, &names, err) : amz_error_set(err, AMZ_ENOMEM, "out of memory");

  for (size_t i = 0; rc == AMZ_OK && i < names.count; i++) {
    struct taking t = {.db = db, .name = &names.items[i], .tasks = tasks, .retries = config->retries, .config = config};
    char *path = amz_path_join(out, names.items[i].file);

    rc = path ? take_pack(&t, path, err) : amz_error_set(err, AMZ_ENOMEM, "out of memory");
    free(path);
    epoch = names.items[i].epoch;
  }
  for (size_t i = 0; i < names.count; i++)
    free(names.items[i].file);
  free(names.items);
  free(out);
  if (rc == AMZ_OK)
    *ret_epoch = epoch;
  return rc;
}

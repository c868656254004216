/* run.db from inside: its schema, and the few things that are done to it. No thread of its own, no policy. */
#ifndef AMZ_STORE_DB_H
#define AMZ_STORE_DB_H

#include <stdbool.h>
#include <sqlite3.h>
#include <stdint.h>

#include <amorsize/store.h>

#define AMZ_DB_NAME "run.db"
#define AMZ_SNAPSHOT_NAME "snapshot.db"
/* SQLite's own locks are left out: the lease is our lock, and many parallel file systems have none that work. */
#define AMZ_DB_VFS "unix-none"

struct amz_db;

/* Makes a new database at `path` (nothing may be there). Not `synced`: nothing of it is durable, nor is what is committed, until
 * the caller has synced the file and its directory (amz_db_sync_file), and asked for it (amz_db_sync_commits); the next commit
 * then covers those before it.
 * \return AMZ_OK; AMZ_EIO, AMZ_ENOMEM. Release with amz_db_free (accepts NULL). */
int amz_db_create(const char *path, uint64_t tasks, bool synced, struct amz_error *err, struct amz_db **ret);
/* Outside of a transaction. */
int amz_db_sync_commits(struct amz_db *db, struct amz_error *err);
int amz_db_sync_file(const char *path, struct amz_error *err);
/* Opens one that exists and checks it through. \return AMZ_OK; AMZ_ENOENT: none, or one without content; AMZ_ECORRUPT;
 * AMZ_EINVAL: made for another number of tasks, or by a newer version; AMZ_EIO, AMZ_ENOMEM. */
int amz_db_open(const char *path, uint64_t tasks, struct amz_error *err, struct amz_db **ret);
void amz_db_free(struct amz_db *db);

int amz_db_begin(struct amz_db *db, struct amz_error *err);
int amz_db_commit(struct amz_db *db, struct amz_error *err);
void amz_db_rollback(struct amz_db *db);

/* Inside a transaction. Recorded once: a second outcome of a task is dropped, except that a later epoch replaces an earlier
 * epoch's failure (which is kept among the attempts): only a resume that was asked to retry failed tasks makes such records. */
int amz_db_put(struct amz_db *db, const struct amz_result *result, uint32_t rank, uint32_t epoch, bool final,
               struct amz_error *err);
/* Inside a transaction. Recorded whole, or, when a task of it has an outcome already, not at all; failures of earlier epochs are
 * replaced and kept among the attempts. */
int amz_db_put_chunk(struct amz_db *db, const struct amz_chunk_record *chunk, struct amz_error *err);
/* Where a rank's pack has been recorded up to, and the rank's node. node NULL and offset 0 leave what is known. */
int amz_db_put_rank(struct amz_db *db, uint32_t rank, uint32_t epoch, const char *node, uint64_t offset, struct amz_error *err);
int amz_db_put_epoch(struct amz_db *db, uint32_t epoch, struct amz_error *err);

/* \return AMZ_OK with the offset of the last END frame recorded from that pack, 0: none. */
int amz_db_rank_offset(struct amz_db *db, uint32_t rank, uint32_t epoch, struct amz_error *err, uint64_t *ret);
int amz_db_last_epoch(struct amz_db *db, struct amz_error *err, uint32_t *ret);
int amz_db_left(struct amz_db *db, bool retry_failed, struct amz_error *err, struct amz_range **ret, size_t *ret_n);

/* As amz_store_recorded_by, of what is in the database. */
int amz_db_recorded_by(struct amz_db *db, uint32_t rank, uint32_t epoch, struct amz_error *err, struct amz_range **ret,
                       size_t *ret_n);
/* Records by rank and epoch, those alone that have pack records or, with `results`, all successes, as of amz_store_absent; and
 * taking them back, inside a transaction. */
int amz_db_kept(struct amz_db *db, bool results, struct amz_error *err, struct amz_store_absent **ret, size_t *ret_n);
int amz_db_forget(struct amz_db *db, bool results, uint32_t rank, uint32_t epoch, struct amz_error *err);

/* What is committed from now on needn't be durable until amz_db_finish, which makes it so. Outside of a transaction. */
int amz_db_expect_finish(struct amz_db *db, struct amz_error *err);
/* Brings everything into the one file run.db and leaves it in a state that anybody can read. */
int amz_db_finish(struct amz_db *db, struct amz_error *err);
/* A copy of what is committed, at `path`, put there whole by a rename. */
int amz_db_publish(struct amz_db *db, const char *aside, const char *path, struct amz_error *err);

/* Shared with the reader: these work on a bare handle. */
int amz_db_error(sqlite3 *h, const char *path, struct amz_error *err);
int amz_db_meta(sqlite3 *h, const char *path, const char *key, struct amz_error *err, int64_t *ret);
/* \return AMZ_OK, ret->op AMZ_REDUCE_NONE: the run doesn't reduce. */
int amz_db_reduce_kind(sqlite3 *h, const char *path, struct amz_error *err, struct amz_reduce_kind *ret);
int amz_db_put_reduce_kind(struct amz_db *db, const struct amz_reduce_kind *kind, struct amz_error *err);
/* Folds the partials of all rows, in the order of the task indexes. */
int amz_db_reduced(sqlite3 *h, const char *path, const struct amz_reduce_kind *kind, struct amz_error *err,
                   struct amz_reduced *ret);
/* *ret: of the schema: 3 has errors and the CPU times of stretches. */
int amz_db_version(sqlite3 *h, const char *path, struct amz_error *err, int64_t *ret);
/* \return AMZ_OK, *ret: whether there are rows of stretches (a database of version 1 has none). */
int amz_db_has_chunks(sqlite3 *h, const char *path, struct amz_error *err, bool *ret);
int amz_db_counts(sqlite3 *h, const char *path, struct amz_error *err, struct amz_store_counts *ret);
sqlite3 *amz_db_handle(struct amz_db *db);
const char *amz_db_path(const struct amz_db *db);

#endif

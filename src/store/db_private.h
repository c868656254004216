/* What db.c (opening, checking, publishing) and db_put.c (recording) share. */
#ifndef AMZ_STORE_DB_PRIVATE_H
#define AMZ_STORE_DB_PRIVATE_H

#include "db.h"

enum statement { PUT_OUTCOME, PUT_ATTEMPT, KEEP_FAILED, DROP_FAILED, PUT_RANK, PUT_META_MIN, PUT_CHUNK, CHUNK_BELOW,
                OUTCOME_WITHIN, STATEMENTS };

struct amz_db {
  sqlite3 *h;
  char *path;
  sqlite3_stmt *statements[STATEMENTS];
  int64_t first_start_ns; /* earliest start since the last commit; INT64_MAX: none */
  bool has_chunks;        /* else single outcomes need not be looked for among them */
};

/* Fills *err with what SQLite says. \return as amz_db_error. */
int amz_db_failed(struct amz_db *db, struct amz_error *err);
int amz_db_execute(struct amz_db *db, const char *sql, struct amz_error *err);

#endif

/* The store from inside: what its callers' side (store.c) and its thread (writer.c) share. */
#ifndef AMZ_STORE_PRIVATE_H
#define AMZ_STORE_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <amorsize/store.h>

#include "db.h"

#define AMZ_STORE_RANKS_MAX (1u << 22)
#define AMZ_STORE_OTHER_EVENTS 3 /* STOP twice, FAILED once */

struct amz_queued {
  struct amz_result result; /* its error is set when it is written: until then it only says whether there is one */
  size_t error_at;          /* in the work's errors */
  uint32_t rank;
  bool final;
};

struct amz_queued_chunk {
  struct amz_chunk_record record; /* its partials are set when it is written, its node isn't */
  size_t partials_at;             /* in the work's partials */
};

/* A rank that is heard of for the first time. */
struct amz_new_rank {
  uint32_t rank;
  char *node;
};

struct amz_sync {
  char *path;
  uint64_t token;
};

struct amz_told {
  enum amz_store_event_kind kind;
  uint64_t token;
  char why[16];
};

/* What waits for the thread. */
struct amz_work {
  struct amz_queued *records;
  size_t n_records, cap_records;
  struct amz_buf errors;   /* of all records, each with its NUL */
  struct amz_queued_chunk *chunks;
  size_t n_chunks, cap_chunks;
  struct amz_buf partials; /* of all chunks */
  bool puts_reduce;        /* the kind of partials is to be kept along */
  struct amz_new_rank *ranks;
  size_t n_ranks, cap_ranks;
  struct amz_sync *syncs;
  size_t n_syncs, cap_syncs;
  char *status;
  size_t n_status;
  char *expected; /* a pack: its directory is to be synced */
};

struct amz_pack_file {
  char *path;
  int fd;
};

struct amz_store {
  /* fixed after opening */
  char *dir, *stop_path, *snapshot_path, *snapshot_aside;
  char *settle;      /* a file to be made durable before anything is recorded; */
  bool unsettled;    /* there is one */
  bool fresh;        /* likewise the database, which was made just now */
  int64_t commit_ns, opened_ns;
  uint64_t tasks;
  uint32_t epoch;
  struct amz_lease *lease;
  int event_fd;
  pthread_t thread;
  bool thread_runs;

  /* the callers' side alone */
  struct amz_reduce_kind reduce; /* what amz_store_set_reduce said, before there are partials; op NONE: nothing */
  struct amz_reduce_kind reduced_before; /* by earlier launches */
  bool *rank_known;
  size_t cap_known;

  /* under the mutex */
  pthread_mutex_t mutex;
  pthread_cond_t wake; /* by CLOCK_MONOTONIC */
  pthread_cond_t settled; /* the thread isn't busy any more */
  struct amz_work work;
  int64_t oldest_ns; /* when the first of work's records and chunks was queued */
  bool closing, failed;
  bool settling, busy; /* records are due at once; the thread does what it has taken */
  struct amz_error err; /* of the failure */
  struct amz_told *told; /* events not fetched yet, from told_at on */
  size_t n_told, told_at, cap_told, owed; /* owed: SYNCED events to come, for which there is room */

  /* the thread's alone while it runs */
  struct amz_db *db;
  struct amz_pack_file *packs;
  size_t n_packs, cap_packs;
  uint64_t *rank_offset; /* last recorded END frame by rank; 0: none */
  size_t cap_rank_offset;
  int64_t next_look_ns, next_refresh_ns, refreshed_ns, next_publish_ns;
  unsigned stop_told; /* 1: drain, 2: at once */
  bool changed;
};

/* The thread's main function; arg is the store. */
void *amz_store_thread(void *arg);
int64_t amz_store_now(void);
/* store_open.c: closes and frees all parts, not the thread. */
void amz_store_release(struct amz_store *s);
void amz_work_clear(struct amz_work *w);
static inline size_t amz_work_records(const struct amz_work *w)
{
  return w->n_records + w->n_chunks;
}

/* chunks.c: inside a transaction, all chunks of the work, joined where they adjoin. Sorts them. */
int amz_store_put_chunks(struct amz_store *s, struct amz_work *w, struct amz_error *err);

#endif

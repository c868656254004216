/* The run directory and what is kept in it: exactly one process writes it, anybody may read.
 *
 *   NAME.runs/NNN/
 *     lease          who runs it now: host, pid, boot id, start time of the process, refreshed; made with O_EXCL
 *     inputs         everything that the task list was made from (files.h's recorder), so that resume sees the same
 *     job.yaml       the description as given;  plan.yaml  the layout that runs
 *     run.db         SQLite, without file locks (the lease guards it)
 *     snapshot.db    a copy that the writer publishes now and then, for readers while the run lives
 *     status.json    replaced atomically about once a second
 *     stop           made by `stop RUN`, or by the driver at a signal: the run drains; with the word "now": it ends what runs.
 *                    The rest of its one line is why, like SIGUSR1
 *     gather         where packs are that were written on other nodes, until they are in out/ (src/run/places.h)
 *     launched ended of a launch over ranks: made by rank 0 for the driver, when all are there and when all is over
 *     out/rRRRR-eEEEE.pack  outputs and end records (pack.h), one per rank and launch epoch
 *
 * Durability: a result is handed to the store only when its pack record is on disk; the store commits about each second. What
 * was committed is never lost or doubled (the task index is the primary key); what only the packs hold is taken over on resume.
 *
 * Tiny tasks are recorded by stretches of the task list, a row for each. Of these the packs know nothing: run.db alone says that
 * they are done, so that they run again after a crash of its last second, or when it is lost. */
#ifndef AMORSIZE_STORE_H
#define AMORSIZE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>
#include <amorsize/message.h>
#include <amorsize/reduce.h>
#include <amorsize/sched.h>

/* ---- run directories -------------------------------------------------------------------------------------------------- */

/* Makes NAME.runs/NNN with the next free number below `parent` (atomically: two runs started together get two numbers).
 * \return AMZ_OK with the path (free it); AMZ_EIO, AMZ_ENOMEM with *err. */
int amz_rundir_create(const char *parent, const char *name, struct amz_error *err, char **ret_path);
/* Takes back what amz_rundir_create made and amz_rundir_write wrote for a run that never began (it has no run.db); what else is
 * there stays. Release the lease before. */
void amz_rundir_discard(const char *dir);
/* What a user writes for RUN: a run directory, a NAME.runs directory, or NAME below the current directory: the latest of its
 * runs.
 * \return AMZ_OK with the path (free it); AMZ_ENOENT with *err that lists what there is. */
int amz_rundir_find(const char *run, struct amz_error *err, char **ret_path);
/* Replaces DIR/name atomically (write aside, fsync when `durable`, rename). \return AMZ_OK; AMZ_EIO with *err. */
int amz_rundir_write(const char *dir, const char *name, const void *bytes, size_t n, bool durable, struct amz_error *err);
/* Path of a rank's pack: DIR/out/rRRRR-eEEEE.pack. \return AMZ_OK with the path (free it); AMZ_ENOMEM. */
int amz_rundir_pack_path(const char *dir, uint32_t rank, uint32_t epoch, char **ret_path);

/* ---- lease ------------------------------------------------------------------------------------------------------------ */

struct amz_lease;

struct amz_lease_info {
  char host[256];
  int64_t pid;
  int64_t age_s;     /* since it was last refreshed, by the file system's clock */
  bool alive;        /* proven, or not to be ruled out */
  bool same_host;
  bool seen;         /* its process can be seen from here: `alive` is a fact, not a guess by age */
};

/* Takes the directory for this process. A lease whose process is provably gone (same host and boot: no such pid, or another
 * start time; another boot of the same host; other host: not refreshed for AMZ_LEASE_STALE_S) is taken over.
 * \return AMZ_OK; AMZ_EBUSY with *err naming the holder and what to do; AMZ_EIO. Release with amz_lease_release (accepts
 * NULL). */
#define AMZ_LEASE_STALE_S 120
int amz_lease_take(const char *dir, struct amz_error *err, struct amz_lease **ret);
/* The same for somebody who knows that a holder on another host is dead: it is taken over when not refreshed for
 * AMZ_LEASE_INSIST_S, three times as long as a live holder needs. Never from a process that can be seen to live. */
#define AMZ_LEASE_INSIST_S 15
int amz_lease_take_over(const char *dir, struct amz_error *err, struct amz_lease **ret);
/* \return AMZ_OK; AMZ_EBUSY: somebody else has taken it (stop at once); AMZ_EIO. */
int amz_lease_refresh(struct amz_lease *lease, struct amz_error *err);
void amz_lease_release(struct amz_lease *lease);
/* \return AMZ_OK with *ret; AMZ_ENOENT: nobody holds it; AMZ_EIO. */
int amz_lease_look(const char *dir, struct amz_lease_info *ret, struct amz_error *err);

/* ---- the run's database: one writer ----------------------------------------------------------------------------------- */

struct amz_store; /* has a thread of its own for everything that waits for disks */

struct amz_store_config {
  const char *dir;
  int64_t commit_ns;      /* 0: 1 s */
  uint32_t retries;       /* failures.retries: when rebuilding from packs, a failed attempt <= retries isn't final */
  struct amz_lease *lease; /* refreshed by the store's thread; may be NULL */
  void (*tick)(void *ctx); /* called now and then while packs are taken over, which may take minutes; may be NULL */
  void *tick_ctx;
  /* name of a file in DIR that was written and isn't durable yet: it will be before anything is recorded; NULL: none */
  const char *settle;
  bool keep_stop;         /* DIR/stop may be meant for this launch: the driver, which has begun before, removes older ones */
};

/* One final or retried outcome for the database. */
struct amz_record {
  struct amz_result result; /* `position` holds the task INDEX */
  uint32_t rank;
  uint32_t epoch;
  bool final;
  const char *node;         /* borrowed for the call, as result.error is */
};

#define AMZ_SLOT_SEVERAL UINT32_MAX /* not one alone */

/* A stretch of tasks that all succeeded (struct amz_bulk): one row. */
struct amz_chunk_record {
  uint64_t first, count;   /* task indexes */
  uint32_t attempt, rank;
  uint32_t slot;
  uint32_t epoch;
  int64_t start_ns;        /* CLOCK_REALTIME at the start of the first */
  double wall_s, cpu_s;    /* Σ */
  const void *partials;    /* of just these tasks; borrowed for the call */
  size_t partials_bytes;
  const char *node;        /* borrowed for the call */
};

/* Opens run.db, or makes it when there is none; takes over from the packs every END record that it hasn't (so a missing or
 * damaged one is rebuilt whole, the damaged file kept aside), and begins a new launch epoch. Removes
 * DIR/stop, which was meant for an earlier launch (but see keep_stop). What is taken over is judged as the scheduler does: failed
 * with attempt <= retries is to be tried again, cancelled is no outcome, and an attempt whose output is damaged never was.
 * `tasks` is the job's number of tasks: must be the one that the database was made with.
 * \return AMZ_OK; AMZ_EIO, AMZ_ECORRUPT, AMZ_EINVAL, AMZ_ENOMEM with *err. Release with amz_store_close. */
int amz_store_open(const struct amz_store_config *config, uint64_t tasks, struct amz_error *err, struct amz_store **ret);
/* The store of a rank that isn't the master's: it syncs the rank's pack and tells events, no more; only config->dir is looked at.
 * \return AMZ_OK; AMZ_EIO, AMZ_ENOMEM with *err. Release with amz_store_close. */
int amz_store_open_packs(const struct amz_store_config *config, struct amz_error *err, struct amz_store **ret);
/* Number of this launch, >= 1. */
uint32_t amz_store_epoch(const struct amz_store *s);
/* The index ranges without a final outcome, ascending (malloc'd array); failed ones count as left when `retry_failed`.
 * Call before the first record. */
int amz_store_left(struct amz_store *s, bool retry_failed, struct amz_error *err, struct amz_range **ret, size_t *ret_n);
/* What earlier epochs recorded. Call before the first record. */
struct amz_store_counts {
  uint64_t succeeded, failed, skipped;
};
int amz_store_counts(struct amz_store *s, struct amz_error *err, struct amz_store_counts *ret);

/* Tasks that are recorded as succeeded on that rank in that launch, ascending, those that adjoin as one (malloc'd array); what
 * was queued before counts, and is waited for. \return AMZ_OK; AMZ_EIO, AMZ_ENOMEM with *err. */
int amz_store_recorded_by(struct amz_store *s, uint32_t rank, uint32_t epoch, struct amz_error *err, struct amz_range **ret,
                          size_t *ret_n);

/* Records whose pack isn't in DIR/out: what ranks of other nodes kept there and nobody has gathered; `results`: of all successes,
 * as their results are there. Ascending by epoch and rank.
 * \return AMZ_OK with *ret (free it); AMZ_EIO, AMZ_ENOMEM with *err. Call before the first record. */
struct amz_store_absent {
  uint32_t rank, epoch;
  uint64_t tasks;
  char node[256]; /* "": not known */
};
int amz_store_absent(struct amz_store *s, bool results, struct amz_error *err, struct amz_store_absent **ret, size_t *ret_n);
/* Takes those records back: their tasks are left to do. Should the pack turn up later, it is taken over as if it had never been
 * seen. Call before amz_store_left. */
int amz_store_forget(struct amz_store *s, bool results, const struct amz_store_absent *absent, size_t n, struct amz_error *err);

/* Calls row for what earlier launches recorded, as amz_store_reader_rows (below). Call before the first record. */
struct amz_row_query;
struct amz_task_row;
int amz_store_rows(struct amz_store *s, const struct amz_row_query *query, int (*row)(void *ctx, const struct amz_task_row *row),
                   void *ctx,
                   struct amz_error *err);

/* Says what this run's partials are: once, before the first record that has any.
 * \return AMZ_OK; AMZ_EINVAL: as amz_reduce_check, or an earlier launch of this run reduced otherwise; AMZ_EIO, AMZ_ENOMEM; with
 * *err. */
int amz_store_set_reduce(struct amz_store *s, const struct amz_reduce_kind *kind, struct amz_error *err);

/* Everything below only queues; the thread does it. \return AMZ_OK; AMZ_ENOMEM; AMZ_EIO with *err once the thread has failed.
 * Records must be of this launch's epoch, and no CANCELLED ones (AMZ_EINVAL). A second final outcome of a task is dropped,
 * unless the first is an earlier launch's failure: the later launch was then asked to retry it. */
int amz_store_record(struct amz_store *s, const struct amz_record *records, size_t n, struct amz_error *err);
/* As amz_store_record, for a stretch. When a task of it has an outcome already, all of it is dropped (what is left of it runs
 * again on resume); earlier launches' failures are replaced. Partials must be those of exactly these tasks, and be there if
 * amz_store_set_reduce was called (AMZ_EINVAL). Rows that adjoin and come of one rank and attempt are made one. */
int amz_store_record_chunk(struct amz_store *s, const struct amz_chunk_record *record, struct amz_error *err);
/* Asks for fdatasync of a pack file (opened by the store on first use); told by an event with the same token. */
int amz_store_sync(struct amz_store *s, const char *pack_path, uint64_t token, struct amz_error *err);
/* A pack has been made, which will be synced later: its name in its directory is made to last meanwhile. \return as
 * amz_store_sync. */
int amz_store_expect(struct amz_store *s, const char *pack_path, struct amz_error *err);
/* status.json := text. */
int amz_store_status(struct amz_store *s, const char *json, size_t n, struct amz_error *err);

enum amz_store_event_kind {
  AMZ_STORE_SYNCED = 1, /* token */
  AMZ_STORE_STOP,       /* DIR/stop has appeared; token 1: what runs shall end at once (each told once); why: what it says */
  /* err: nothing more can be kept; the run must drain (told once); AMZ_EBUSY in it: the lease is lost, stop at once */
  AMZ_STORE_FAILED
};
struct amz_store_event {
  enum amz_store_event_kind kind;
  uint64_t token;
  char why[16];
  struct amz_error err;
};
/* \return a descriptor (eventfd) that is readable when amz_store_next has something. */
int amz_store_fd(const struct amz_store *s);
/* \return 1 with *ret; 0: none now. */
int amz_store_next(struct amz_store *s, struct amz_store_event *ret);
/* Commits all, publishes the last snapshot (run.db itself from then on), joins the thread; frees even on failure. Accepts NULL.
 * \return AMZ_OK; AMZ_EIO with *err: what was committed before is safe. */
int amz_store_close(struct amz_store *s, struct amz_error *err);

/* The same, and *ret: what the run's recorded results reduce to, over all its launches (release with amz_reduced_clear); zeroed
 * when it doesn't reduce, or on failure. */
int amz_store_close_reduced(struct amz_store *s, struct amz_reduced *ret, struct amz_error *err);

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

struct amz_store_reader;

/* One row per task that has a final outcome. */
struct amz_task_row {
  uint64_t index;
  enum amz_outcome outcome;
  int32_t exit_code, signal;
  uint32_t attempts;
  const char *node; /* valid until the next row */
  uint32_t rank, slot, epoch;
  double start_s;  /* since the run's first task start */
  double wall_s, cpu_s;
  uint64_t max_rss_bytes, output_bytes;
  const char *error; /* why it failed, in its own words; NULL: it said nothing. Valid until the next row */
  uint64_t pack_offset; /* of its END frame in DIR/out/rRANK-eEPOCH.pack; 0: no pack record (skipped, or of a stretch) */
  uint64_t averaged_over; /* 0: recorded by itself; else one of a stretch of so many tasks: wall_s and cpu_s are their means, start_s that of
                             the stretch, memory isn't known, slot may be AMZ_SLOT_SEVERAL */
};

enum amz_row_sort { AMZ_BY_INDEX, AMZ_BY_WALL, AMZ_BY_START };
struct amz_row_query {
  bool failed_only;
  enum amz_row_sort sort;  /* WALL: longest first */
  uint64_t limit;          /* 0: all */
  bool has_index;          /* only this one */
  uint64_t index;
};

/* Opens the snapshot while the run lives (lease alive), else run.db. *ret_as_of_s: how old what is seen is, 0 for a finished
 * run.
 * \return AMZ_OK; AMZ_EBUSY: a live run that has published nothing yet (the first snapshot comes after about two seconds);
 * AMZ_ENOENT, AMZ_EIO, AMZ_ECORRUPT with *err. Release with amz_store_reader_free (accepts NULL). */
int amz_store_reader_new(const char *dir, struct amz_error *err, struct amz_store_reader **ret, double *ret_as_of_s);
void amz_store_reader_free(struct amz_store_reader *r);
uint64_t amz_store_reader_tasks(const struct amz_store_reader *r);
int amz_store_reader_counts(struct amz_store_reader *r, struct amz_error *err, struct amz_store_counts *ret);
/* What has been recorded so far reduces to: *ret_op AMZ_REDUCE_NONE, *ret zeroed: the run doesn't reduce. Release with
 * amz_reduced_clear. */
int amz_store_reader_reduced(struct amz_store_reader *r, struct amz_error *err, enum amz_reduce *ret_op, struct amz_reduced *ret);
/* Calls row for each (a stretch's tasks one after the other, without holding them in memory); stops when it returns non-zero.
 * \return AMZ_OK; row's value when non-zero; AMZ_EIO; AMZ_EBUSY, as from counts: the run was resumed while its run.db was read:
 * start again. */
int amz_store_reader_rows(struct amz_store_reader *r, const struct amz_row_query *query,
                          int (*row)(void *ctx, const struct amz_task_row *row), void *ctx, struct amz_error *err);

#endif

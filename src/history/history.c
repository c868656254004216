/* The folder of history: DIR/JOB/STAMP-RUN, JOB the digest of the job's key, the whole of which is in each file and compared.
 *
 * Why files and no SQLite, as the runs have: many processes on many hosts write into one home, often on a network file system
 * whose locks are missing or hang; none of them may wait, or damage what the others have. A run writes its own file and never
 * another's, so two that end at the same time are both there. A file of all runs of a job would have to be read, changed and
 * replaced, and the later one would win.
 *
 * STAMP is a time of the day, made larger than all that are there: names sort by when they were added, even when the clock was
 * set back, and what is dropped is what has been there longest. RUN tells which run it was, so that one that goes on after its
 * end replaces what it said before. */
#include <amorsize/history.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <amorsize/alloc.h>
#include <amorsize/digest.h>

#include "../cache/entry.h"
#include "../cache/folder.h"
#include "../store/path.h"
#include "place.h"

#define HEX "0123456789abcdef"
#define DIGITS 16                    /* of STAMP, of RUN, of a job's id */
#define NAME (2 * DIGITS + 2)        /* bytes of a file's name, with its NUL */
#define KEY_MAX ((size_t)64 << 10)
#define FILE_MAX ((size_t)1 << 20)
#define TRIES 5                      /* a folder may be removed by somebody between being made and being used */

/* ---- where -------------------------------------------------------------------------------------------------------------- */

/* As the XDG base directory specification has it: a path that isn't absolute counts as not set. */
static const char *absolute(const struct amz_environment *env, const char *name)
{
  const char *value = env->get(env->ctx, name);

  return value && *value == '/' ? value : NULL;
}

static char *choose_dir(const struct amz_environment *env, bool *ret_set)
{
  const char *own = env->get(env->ctx, "AMORSIZE_HISTORY_DIR"), *xdg = absolute(env, "XDG_STATE_HOME"),
      *home = absolute(env, "HOME");

  *ret_set = (own && *own) || xdg || home;
  if (own && *own)
    return amz_strndup(own, strlen(own));
  if (xdg)
    return amz_path_join(xdg, "amorsize-mpi/history");
  return home ? amz_path_join(home, ".local/state/amorsize-mpi/history") : NULL;
}

int amz_history_open(const struct amz_environment *env, struct amz_error *err, struct amz_history **ret)
{
  struct amz_history *h = amz_new_array(1, sizeof *h);
  bool set = true;

  if (h)
    h->dir = choose_dir(env, &set);
  if (h && h->dir) {
    *ret = h;
    return AMZ_OK;
  }
  free(h);
  if (!set)
    return amz_error_set(err, AMZ_EENV, "no folder for the history: HOME is not set; set AMORSIZE_HISTORY_DIR");
  return amz_error_set(err, AMZ_ENOMEM, "out of memory");
}

void amz_history_free(struct amz_history *h)
{
  if (!h)
    return;
  free(h->dir);
  free(h);
}

const char *amz_history_dir(const struct amz_history *h)
{
  return h->dir;
}

static bool is_hex(const char *text, size_t n)
{
  return strspn(text, HEX) >= n;
}

static int is_job(const char *name)
{
  return strlen(name) == DIGITS && is_hex(name, DIGITS);
}

static int is_run(const char *name)
{
  return strlen(name) == NAME - 1 && is_hex(name, DIGITS) && name[DIGITS] == '-' && is_hex(name + DIGITS + 1, DIGITS);
}

static uint64_t stamp_of(const char *name)
{
  return strtoull(name, NULL, 16); /* ends at the dash */
}

/* ---- reading ------------------------------------------------------------------------------------------------------------ */

/* One file as a row, told on. \return what `run` said; AMZ_OK for one that can't be used; AMZ_EIO with *err; AMZ_ENOMEM. */
struct telling {
  const char *dir, *id, *key; /* key NULL: any */
  int (*run)(void *ctx, const struct amz_history_row *row);
  void *ctx;
};

static int tell(const struct telling *t, const struct amz_entry_view *v)
{
  struct amz_history_row row = {.key = NULL};
  struct amz_history_run run;
  char *key;
  int rc;

  if (strcmp(v->kind, t->id) != 0 || (t->key && (v->n_key != strlen(t->key) || memcmp(v->key, t->key, v->n_key) != 0)))
    return AMZ_OK;
  rc = amz_history_run_parse(v->value, v->n_value, NULL, &run);
  if (rc < 0)
    return rc == AMZ_ENOMEM ? rc : AMZ_OK;
  key = amz_strndup(v->key, v->n_key);
  rc = AMZ_ENOMEM;
  if (key) {
    memcpy(row.id, t->id, sizeof row.id);
    row.key = key;
    row.run = &run;
    rc = t->run(t->ctx, &row);
  }
  free(key);
  amz_history_run_clear(&run);
  return rc;
}

static int tell_file(const struct telling *t, const char *name, struct amz_error *err)
{
  char *path = amz_path_join(t->dir, name);
  struct amz_buf bytes = AMZ_BUF_INIT;
  struct amz_entry_view v;
  int rc = path ? amz_folder_read(path, FILE_MAX, &bytes, err) : AMZ_ENOMEM;

  if (rc == AMZ_OK && (rc = amz_entry_decode(amz_buf_text(&bytes), bytes.len, &v)) == AMZ_OK)
    rc = tell(t, &v);
  amz_buf_clear(&bytes);
  free(path);
  return rc == AMZ_ENOENT || rc == AMZ_ECORRUPT || rc == AMZ_ERANGE ? AMZ_OK : rc;
}

int amz_history_each(const struct amz_history *h, const char *id, const char *key, bool backwards,
                     int (*run)(void *ctx, const struct amz_history_row *row), void *ctx, struct amz_error *err)
{
  char *dir = amz_path_join(h->dir, id);
  struct telling t = {dir, id, key, run, ctx};
  struct amz_buf names = AMZ_BUF_INIT;
  int rc = dir ? amz_folder_names(dir, is_run, &names, err) : AMZ_ENOMEM;
  size_t n = names.len / NAME;

  for (size_t i = 0; rc == AMZ_OK && i < n; i++)
    rc = tell_file(&t, names.data + (backwards ? n - 1 - i : i) * NAME, err);
  amz_buf_clear(&names);
  free(dir);
  return rc == AMZ_ENOMEM ? amz_error_set(err, rc, "out of memory") : rc;
}

int amz_history_list(const struct amz_history *h, int (*row)(void *ctx, const struct amz_history_row *row), void *ctx,
                     struct amz_error *err)
{
  struct amz_buf jobs = AMZ_BUF_INIT;
  int rc = amz_folder_names(h->dir, is_job, &jobs, err);

  for (size_t at = 0; rc == AMZ_OK && at < jobs.len; at += DIGITS + 1)
    rc = amz_history_each(h, jobs.data + at, NULL, false, row, ctx, err);
  amz_buf_clear(&jobs);
  return rc;
}

/* ---- dropping what is old ------------------------------------------------------------------------------------------------- */

/* \return 0; -1 with errno: it is still there. */
static int remove_in(const char *dir, const char *name)
{
  char *path = amz_path_join(dir, name);
  int rc = path ? unlink(path) : -1, saved = path ? errno : ENOMEM;

  free(path);
  errno = saved;
  return rc < 0 && saved == ENOENT ? 0 : rc; /* somebody else was faster */
}

/* Removes the files of a job, and its folder when nothing is left. \return how many files. */
static uint64_t remove_job(const struct amz_history *h, const char *id, int *ret_rc, struct amz_error *err)
{
  char *dir = amz_path_join(h->dir, id);
  struct amz_buf names = AMZ_BUF_INIT;
  uint64_t removed = 0;
  int rc = dir ? amz_folder_names(dir, is_run, &names, err) : AMZ_ENOMEM;

  for (size_t at = 0; rc == AMZ_OK && at < names.len; at += NAME) {
    if (remove_in(dir, names.data + at) < 0)
      rc = amz_error_sys(err, AMZ_EIO, errno, "%s/%s: cannot be removed", dir, names.data + at);
    else
      removed++;
  }
  if (dir)
    (void)rmdir(dir); /* not when somebody has just added a run */
  amz_buf_clear(&names);
  free(dir);
  *ret_rc = rc == AMZ_ENOMEM ? amz_error_set(err, rc, "out of memory") : rc;
  return removed;
}

/* When a job's last run was added; 0: there is none. */
static uint64_t latest_of(const struct amz_history *h, const char *id)
{
  char *dir = amz_path_join(h->dir, id);
  struct amz_buf names = AMZ_BUF_INIT;
  uint64_t stamp = 0;

  if (dir && amz_folder_names(dir, is_run, &names, NULL) == AMZ_OK && names.len > 0)
    stamp = stamp_of(names.data + names.len - NAME);
  amz_buf_clear(&names);
  free(dir);
  return stamp;
}

/* Best effort, as all that is dropped here: what stays is dropped by the next. */
static void drop_jobs(const struct amz_history *h, const char *but)
{
  struct amz_buf jobs = AMZ_BUF_INIT;
  int rc = amz_folder_names(h->dir, is_job, &jobs, NULL), ignored;
  const char *oldest = NULL;
  uint64_t stamp = UINT64_MAX;

  for (size_t at = 0; rc == AMZ_OK && jobs.len > (DIGITS + 1) * (size_t)AMZ_HISTORY_JOBS && at < jobs.len; at += DIGITS + 1) {
    const char *id = jobs.data + at;
    uint64_t of = strcmp(id, but) == 0 ? UINT64_MAX : latest_of(h, id);

    if (of < stamp) {
      stamp = of;
      oldest = id;
    }
  }
  if (oldest)
    (void)remove_job(h, oldest, &ignored, NULL);
  amz_buf_clear(&jobs);
}

/* `names`: those that were there before `added`. */
static void drop_runs(const char *dir, const struct amz_buf *names, const char *added)
{
  size_t n = names->len / NAME, kept = 1;

  for (size_t i = n; i-- > 0;) {
    const char *name = names->data + i * NAME;
    bool same_run = strcmp(name + DIGITS, added + DIGITS) == 0;

    if (!same_run && kept < AMZ_HISTORY_RUNS)
      kept++;
    else if (strcmp(name, added) != 0)
      (void)remove_in(dir, name);
  }
}

/* ---- adding --------------------------------------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
  struct timespec t = {0, 0};

  (void)clock_gettime(CLOCK_REALTIME, &t);
  return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* Later than all that are there, unless somebody's clock has come to its end. */
static void choose_name(const struct amz_buf *names, uint64_t run_id, char ret[NAME])
{
  uint64_t last = names->len ? stamp_of(names->data + names->len - NAME) : 0, stamp = now_ns();

  if (stamp <= last)
    stamp = last < UINT64_MAX ? last + 1 : last;
  (void)snprintf(ret, NAME, "%016" PRIx64 "-%016" PRIx64, stamp, run_id);
}

/* \return AMZ_OK; AMZ_EIO with *err; AMZ_ENOMEM. *ret_new: the folder wasn't there. */
static int write_run(const char *dir, uint64_t run_id, const struct amz_buf *bytes, bool *ret_new, struct amz_error *err)
{
  struct amz_buf names = AMZ_BUF_INIT;
  char name[NAME];
  int rc = amz_folder_names(dir, is_run, &names, err);

  if (rc == AMZ_OK) {
    *ret_new = names.len == 0;
    choose_name(&names, run_id, name);
    rc = amz_folder_make(dir, err);
  }
  if (rc == AMZ_OK)
    rc = amz_folder_write(dir, name, bytes->data, bytes->len, err);
  if (rc == AMZ_OK) {
    drop_runs(dir, &names, name);
    amz_folder_sweep(dir, (int64_t)(now_ns() / UINT64_C(1000000000)));
  }
  amz_buf_clear(&names);
  return rc;
}

static int encode(const struct amz_history_key *key, const struct amz_history_run *run, struct amz_buf *out,
                  struct amz_error *err)
{
  struct amz_cache_entry entry = {.kind = key->id, .key = key->text, .label = run->costs.job, .made_s = run->outcome.ended_s};
  struct amz_buf value = AMZ_BUF_INIT;
  int rc = amz_history_run_json(run, &value);

  if (rc == AMZ_OK) {
    amz_entry_encode(&entry, value.data, value.len, out);
    rc = amz_buf_ok(out);
  }
  amz_buf_clear(&value);
  if (rc < 0)
    return amz_error_set(err, rc, "out of memory");
  return out->len > FILE_MAX || strlen(key->text) > KEY_MAX ? amz_error_set(err, AMZ_EINVAL,
                                                                            "too large for the history") : AMZ_OK;
}

/* Again, when the folder was removed between being made and being used. */
static int write_in_spite(const char *dir, uint64_t run_id, const struct amz_buf *bytes, bool *ret_new, struct amz_error *err)
{
  int rc, tries = 0;

  do
    rc = write_run(dir, run_id, bytes, ret_new, err);
  while (rc == AMZ_EIO && err->sys_errno == ENOENT && ++tries < TRIES);
  return rc;
}

int amz_history_add(const struct amz_history *h, const struct amz_history_key *key, uint64_t run_id,
                    const struct amz_history_run *run,
                    struct amz_error *err)
{
  struct amz_error why = {.code = AMZ_OK};
  struct amz_buf bytes = AMZ_BUF_INIT;
  char *dir = amz_path_join(h->dir, key->id);
  bool is_new = false;
  int rc = dir ? encode(key, run, &bytes, &why) : amz_error_set(&why, AMZ_ENOMEM, "out of memory");

  if (rc == AMZ_OK)
    rc = write_in_spite(dir, run_id, &bytes, &is_new, &why);
  if (rc == AMZ_OK && is_new)
    drop_jobs(h, key->id);
  if (rc < 0 && err)
    *err = why;
  amz_buf_clear(&bytes);
  free(dir);
  return rc;
}

/* ---- removing ------------------------------------------------------------------------------------------------------------- */

int amz_history_remove(const struct amz_history *h, bool (*wanted)(void *ctx, const char *id), void *ctx, uint64_t *ret_removed,
                       struct amz_error *err)
{
  struct amz_buf jobs = AMZ_BUF_INIT;
  int rc = amz_folder_names(h->dir, is_job, &jobs, err);
  uint64_t removed = 0;

  for (size_t at = 0; rc == AMZ_OK && at < jobs.len; at += DIGITS + 1)
    if (!wanted || wanted(ctx, jobs.data + at))
      removed += remove_job(h, jobs.data + at, &rc, err);
  amz_buf_clear(&jobs);
  *ret_removed = removed;
  return rc;
}

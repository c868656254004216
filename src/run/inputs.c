/* Recording and replaying a job's inputs: the description itself and its command-line parts are notes beside the sources'
 * answers. */
#define _GNU_SOURCE
#include "inputs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#include "files.h"

/* ---- notes ------------------------------------------------------------------------------------------------------------ */

static int note_text(struct amz_recorder *rec, const char *key, const char *text)
{
  return text ? amz_recorder_note(rec, key, text, strlen(text) + 1) : AMZ_OK;
}

/* A list as length-prefixed strings, each with its NUL, so that replay can point into the bytes. */
static int note_list(struct amz_recorder *rec, const char *key, const char *const *items, size_t n)
{
  struct amz_buf list = AMZ_BUF_INIT;
  int rc;

  for (size_t i = 0; i < n; i++)
    amz_buf_add_bytes(&list, items[i], strlen(items[i]) + 1);
  rc = amz_buf_ok(&list);
  if (rc == AMZ_OK)
    rc = amz_recorder_note(rec, key, list.data, list.len);
  amz_buf_clear(&list);
  return rc;
}

static int note_sets(struct amz_recorder *rec, const struct amz_set *sets, size_t n)
{
  const char **flat = amz_new_array(3 * n, sizeof *flat);
  int rc;

  if (!flat)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < n; i++) {
    flat[3 * i] = sets[i].option;
    flat[3 * i + 1] = sets[i].path;
    flat[3 * i + 2] = sets[i].value;
  }
  rc = note_list(rec, "sets", flat, 3 * n);
  free(flat);
  return rc;
}

static int note_input(struct amz_recorder *rec, const struct amz_job_input *input)
{
  int rc;

  if ((rc = note_text(rec, "file_name", input->file_name)) < 0 || (rc = note_text(rec, "command", input->command)) < 0 ||
      (rc = note_text(rec, "lines", input->lines)) < 0 || (rc = note_list(rec, "loops", input->loops, input->n_loops)) < 0 ||
      (rc = note_sets(rec, input->sets, input->n_sets)) < 0)
    return rc;
  if (input->plan_text && ((rc = note_text(rec, "plan_name", input->plan_name)) < 0 ||
                           (rc = amz_recorder_note(rec, "plan", input->plan_text, input->plan_len)) < 0))
    return rc;
  return input->yaml_text ? amz_recorder_note(rec, "yaml", input->yaml_text, input->yaml_len) : AMZ_OK;
}

static int note_cwd(struct amz_recorder *rec, struct amz_error *err)
{
  char *cwd = getcwd(NULL, 0);
  int rc;

  if (!cwd)
    return amz_error_sys(err, AMZ_EIO, errno, "cannot tell the current directory");
  rc = note_text(rec, "cwd", cwd);
  free(cwd);
  return rc;
}

int amz_inputs_load(const struct amz_job_input *input, struct amz_diags *diags, struct amz_buf *ret_bytes,
                    struct amz_job **ret_job,
                    struct amz_error *err)
{
  struct amz_disk *disk = NULL;
  struct amz_recorder *rec = NULL;
  struct amz_files files;
  struct amz_job *job = NULL;
  const void *bytes;
  size_t n;
  int rc;

  (void)amz_error_set(err, AMZ_ENOMEM, "out of memory while reading the job description");
  if ((rc = amz_disk_new(&disk)) < 0)
    return rc;
  files = amz_disk_files(disk);
  if ((rc = amz_recorder_new(&files, &rec)) < 0)
    goto out;
  files = amz_recorder_files(rec);
  if ((rc = amz_job_load(input, &files, diags, &job)) < 0 || (rc = note_input(rec, input)) < 0 || (rc = note_cwd(rec, err)) < 0 ||
      (rc = amz_recorder_seal(rec, &bytes, &n)) < 0)
    goto out;
  amz_buf_add(ret_bytes, bytes, n);
  rc = amz_buf_ok(ret_bytes);
out:
  if (rc == AMZ_OK)
    *ret_job = job;
  else
    amz_job_free(job);
  amz_recorder_free(rec);
  amz_disk_free(disk);
  return rc;
}

/* ---- replay ----------------------------------------------------------------------------------------------------------- */

static const char *noted_text(const struct amz_replayer *rep, const char *key)
{
  const void *bytes;
  size_t n;

  if (amz_replayer_note(rep, key, &bytes, &n) < 0 || n == 0 || ((const char *)bytes)[n - 1] != '\0')
    return NULL;
  return bytes;
}

/* \return an array (free it) of *ret_n strings that point into the recording; NULL when out of memory or malformed. */
static const char **noted_list(const struct amz_replayer *rep, const char *key, size_t *ret_n)
{
  const void *bytes = "", *item;
  size_t n = 0, size, cap = 0;
  const char **list = amz_new_array(0, sizeof *list);
  struct amz_cursor c;

  *ret_n = 0;
  if (!list || amz_replayer_note(rep, key, &bytes, &n) < 0)
    return list;
  c = amz_cursor_over(bytes, n);
  while (amz_cursor_left(&c) > 0) {
    amz_cursor_bytes(&c, &item, &size);
    if (c.failed || size == 0 || ((const char *)item)[size - 1] != '\0' ||
        amz_grow((void **)&list, &cap, *ret_n + 1, sizeof *list) < 0) {
      free(list);
      return NULL;
    }
    list[(*ret_n)++] = item;
  }
  return list;
}

/* What was noted of a description, pointing into the recording. */
struct noted {
  struct amz_job_input input;
  const char **loops, **flat;
  struct amz_set *sets;
};

static void noted_clear(struct noted *n)
{
  free(n->sets);
  free(n->flat);
  free(n->loops);
}

/* With further settings behind the noted ones: later ones win. \return AMZ_OK; AMZ_ENOMEM, also for what is malformed. Release
 * with noted_clear in either case. */
static int noted_read(const struct amz_replayer *rep, const struct amz_set *more, size_t n_more, struct noted *ret)
{
  struct amz_job_input *input = &ret->input;
  size_t n_flat = 0, n;
  const void *yaml, *plan;

  memset(ret, 0, sizeof *ret);
  input->file_name = noted_text(rep, "file_name");
  input->command = noted_text(rep, "command");
  input->lines = noted_text(rep, "lines");
  ret->loops = noted_list(rep, "loops", &input->n_loops);
  ret->flat = noted_list(rep, "sets", &n_flat);
  n = n_flat / 3;
  ret->sets = amz_new_array(n + n_more, sizeof *ret->sets);
  if (!ret->loops || !ret->flat || !ret->sets)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < n; i++)
    ret->sets[i] = (struct amz_set){.option = ret->flat[3 * i], .path = ret->flat[3 * i + 1], .value = ret->flat[3 * i + 2]};
  for (size_t i = 0; i < n_more; i++)
    ret->sets[n + i] = more[i];
  input->loops = ret->loops;
  input->sets = ret->sets;
  input->n_sets = n + n_more;
  if (amz_replayer_note(rep, "yaml", &yaml, &input->yaml_len) == AMZ_OK)
    input->yaml_text = yaml;
  input->plan_name = noted_text(rep, "plan_name");
  if (input->plan_name && amz_replayer_note(rep, "plan", &plan, &input->plan_len) == AMZ_OK)
    input->plan_text = plan;
  return AMZ_OK;
}

static int load_again(struct amz_replayer *rep, struct amz_diags *diags, struct amz_job **ret_job)
{
  struct amz_files files = amz_replayer_files(rep);
  struct noted noted;
  int rc = noted_read(rep, NULL, 0, &noted);

  if (rc == AMZ_OK)
    rc = amz_job_load(&noted.input, &files, diags, ret_job);
  noted_clear(&noted);
  return rc;
}

int amz_inputs_replay(const void *bytes, size_t n, struct amz_diags *diags, struct amz_buf *ret_cwd, struct amz_job **ret_job,
                      struct amz_error *err)
{
  struct amz_replayer *rep;
  const char *cwd;
  int rc = amz_replayer_new(bytes, n, err, &rep);

  if (rc < 0)
    return rc;
  cwd = noted_text(rep, "cwd");
  rc = cwd ? load_again(rep, diags, ret_job) : AMZ_ECORRUPT;
  if (rc < 0)
    (void)amz_error_set(err, rc,
                        "the recorded inputs of this run don't make a job any more (%s); was it begun by another version?",
                        amz_err_name(rc));
  else
    amz_buf_adds(ret_cwd, cwd);
  amz_replayer_free(rep);
  return rc;
}

/* Loads what was noted with further settings, through a recorder around the replayer. */
static int record_again(struct amz_replayer *rep, const struct amz_set *more, size_t n_more, struct amz_diags *diags,
                        struct amz_buf *ret_bytes)
{
  struct amz_files files = amz_replayer_files(rep);
  struct amz_recorder *rec = NULL;
  struct amz_job *job = NULL;
  struct noted noted;
  const void *bytes;
  size_t n;
  int rc = noted_read(rep, more, n_more, &noted);

  if (rc < 0 || (rc = amz_recorder_new(&files, &rec)) < 0)
    goto out;
  files = amz_recorder_files(rec);
  if ((rc = amz_job_load(&noted.input, &files, diags, &job)) < 0 || (rc = note_input(rec, &noted.input)) < 0 ||
      (rc = note_text(rec, "cwd", noted_text(rep, "cwd"))) < 0 || (rc = amz_recorder_seal(rec, &bytes, &n)) < 0)
    goto out;
  amz_buf_add(ret_bytes, bytes, n);
  rc = amz_buf_ok(ret_bytes);
out:
  amz_job_free(job);
  amz_recorder_free(rec);
  noted_clear(&noted);
  return rc;
}

int amz_inputs_amend(const void *bytes, size_t n, const struct amz_set *more, size_t n_more, struct amz_diags *diags,
                     struct amz_buf *ret_bytes, struct amz_error *err)
{
  struct amz_replayer *rep;
  int rc = amz_replayer_new(bytes, n, err, &rep);

  if (rc < 0)
    return rc;
  rc = record_again(rep, more, n_more, diags, ret_bytes);
  if (rc < 0)
    (void)amz_error_set(err, rc, "the recorded inputs of this run don't go with the new settings (%s)", amz_err_name(rc));
  amz_replayer_free(rep);
  return rc;
}

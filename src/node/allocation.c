/* The allocation: where the nodes are named, tried in order, and everything else that is known of them and of the job.
 *
 * A source in the environment that can't be used is a warning and the next is tried; the user's own hostfile must be right. */
#include <amorsize/allocation.h>

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/units.h>

#include "allocation_private.h"

#define FILE_MAX_BYTES (UINT64_C(64) << 20)

/* Reads hosts from a variable's value. \return AMZ_OK; AMZ_EINVAL: unusable, noted; AMZ_ENOMEM. */
typedef int take_hosts(const struct amz_allocation_reader *r, const char *variable, const char *value, struct amz_hosts *h);

static int take_hostlist(const struct amz_allocation_reader *r, const char *variable, const char *value, struct amz_hosts *h)
{
  struct amz_error why;
  int rc = amz_hostlist_expand(value, h, &why);

  if (rc == AMZ_OK || rc == AMZ_ENOMEM)
    return rc;
  amz_doubt(r->diags, variable, value, why.text);
  return AMZ_EINVAL;
}

static int take_file(const struct amz_allocation_reader *r, const char *variable, const char *value, struct amz_hosts *h)
{
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_error why = {.text = ""};
  int rc = r->files->read(r->files->ctx, value, FILE_MAX_BYTES, &text, &why);

  if (rc < 0 && rc != AMZ_ENOMEM) {
    amz_doubt(r->diags, variable, value, why.text[0] ? why.text : amz_err_name(rc));
    rc = AMZ_EINVAL;
  } else if (rc == AMZ_OK) {
    rc = amz_hostfile_parse(value, amz_buf_text(&text), text.len, AMZ_WARNING, r->diags, h);
    if (rc == AMZ_EINVAL)
      amz_doubt(r->diags, variable, value, "the file is malformed");
  }
  amz_buf_clear(&text);
  return rc;
}

/* The next word of a text of words set apart by blanks. \return its length, 0 at the end. */
static size_t next_word(const char **at)
{
  *at += strspn(*at, " \t\n");
  return strcspn(*at, " \t\n");
}

/* Adds a host of LSF's with its slots. \return AMZ_OK; AMZ_EINVAL, noted; AMZ_ENOMEM. */
static int add_lsf_host(const struct amz_allocation_reader *r, const char *variable, const char *value, struct amz_hosts *h,
                        const char *name, size_t n, uint64_t slots)
{
  size_t position;
  int rc = amz_hosts_add(h, name, n, &position);

  if (rc == AMZ_OK)
    h->items[position].slots += slots;
  if (rc == AMZ_OK && h->items[position].slots <= AMZ_NODE_SLOTS_MAX)
    return AMZ_OK;
  if (rc == AMZ_ENOMEM)
    return rc;
  amz_doubt(r->diags, variable, value, rc == AMZ_EINVAL ? "what can't be a host name is in it" : "too many hosts or slots");
  return AMZ_EINVAL;
}

/* LSB_HOSTS: a name for each slot. */
static int take_words(const struct amz_allocation_reader *r, const char *variable, const char *value, struct amz_hosts *h)
{
  const char *at = value;
  size_t n;
  int rc = AMZ_OK;

  for (; rc == AMZ_OK && (n = next_word(&at)) > 0; at += n)
    rc = add_lsf_host(r, variable, value, h, at, n, 1);
  return rc;
}

/* LSB_MCPU_HOSTS: "hostA 4 hostB 2". */
static int take_pairs(const struct amz_allocation_reader *r, const char *variable, const char *value, struct amz_hosts *h)
{
  const char *at = value;
  size_t n, n_count;
  int rc = AMZ_OK;

  for (; rc == AMZ_OK && (n = next_word(&at)) > 0; at += n_count) {
    const char *name = at;
    char digits[16] = "";
    uint64_t slots = 0;

    at += n;
    n_count = next_word(&at);
    if (n_count < sizeof digits)
      memcpy(digits, at, n_count);
    if (amz_parse_u64(digits, &slots) < 0 || slots == 0 || slots > AMZ_NODE_SLOTS_MAX) {
      amz_doubt(r->diags, variable, value, "a number of slots is expected behind each host");
      return AMZ_EINVAL;
    }
    rc = add_lsf_host(r, variable, value, h, name, n, slots);
  }
  return rc;
}

static const struct hosts_source {
  enum amz_batch batch;
  const char *variable;
  take_hosts *take;
} sources[] = {
  {AMZ_BATCH_SLURM, "SLURM_JOB_NODELIST", take_hostlist},
  {AMZ_BATCH_SLURM, "SLURM_NODELIST", take_hostlist},
  {AMZ_BATCH_PBS, "PBS_NODEFILE", take_file},
  {AMZ_BATCH_LSF, "LSB_DJOB_HOSTFILE", take_file}, /* complete; the variables have a length limit in LSF */
  {AMZ_BATCH_LSF, "LSB_MCPU_HOSTS", take_pairs},
  {AMZ_BATCH_LSF, "LSB_HOSTS", take_words},
};

/* \return AMZ_OK, also when nothing names nodes (then h is empty); AMZ_ENOMEM. */
static int hosts_from_environment(const struct amz_allocation_reader *r, struct amz_allocation *a, struct amz_hosts *h)
{
  for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
    const char *value = amz_environment_value(r->env, sources[i].variable);
    int rc;

    if (!value)
      continue;
    amz_hosts_reset(h);
    rc = sources[i].take(r, sources[i].variable, value, h);
    if (rc == AMZ_ENOMEM)
      return rc;
    if (rc == AMZ_OK && h->count > 0) {
      a->nodes_from = sources[i].batch;
      a->nodes_source = sources[i].variable;
      a->slots_source = sources[i].batch == AMZ_BATCH_SLURM ? NULL : sources[i].variable;
      return AMZ_OK;
    }
  }
  amz_hosts_reset(h);
  return AMZ_OK;
}

static int hosts_from_file(const struct amz_allocation_reader *r, const char *path, struct amz_allocation *a, struct amz_hosts *h)
{
  struct amz_buf text = AMZ_BUF_INIT;
  int rc = r->files->read(r->files->ctx, path, FILE_MAX_BYTES, &text, r->err);

  if (rc == AMZ_OK)
    rc = amz_hostfile_parse(path, amz_buf_text(&text), text.len, AMZ_ERROR, r->diags, h);
  amz_buf_clear(&text);
  if (rc < 0)
    return rc;
  a->path = amz_strndup(path, strlen(path));
  if (!a->path)
    return AMZ_ENOMEM;
  a->nodes_from = AMZ_BATCH_HOSTFILE;
  a->nodes_source = a->slots_source = a->path;
  return AMZ_OK;
}

/* A host that the user's file has once and without a number leaves the number open; batch systems mean 1. */
static uint32_t slots_of(const struct amz_host *host, enum amz_batch from)
{
  bool open = from == AMZ_BATCH_HOSTFILE && host->mentions == 1 && !host->counted;

  return open ? 0 : (uint32_t)host->slots;
}

static bool some_slots_are_said(const struct amz_allocation *a)
{
  for (size_t i = 0; i < a->n_nodes; i++)
    if (a->nodes[i].slots > 0)
      return true;
  return false;
}

/* Turns the list into nodes, which take over the names. */
static int make_nodes(struct amz_allocation *a, struct amz_hosts *h)
{
  if (h->count == 0)
    return AMZ_OK;
  a->nodes = amz_new_array(h->count, sizeof *a->nodes);
  a->names = amz_buf_detach(&h->names);
  if (!a->nodes || !a->names)
    return AMZ_ENOMEM;
  a->n_nodes = h->count;
  for (size_t i = 0; i < h->count; i++) {
    a->nodes[i].name = a->names + h->items[i].name;
    a->nodes[i].slots = slots_of(&h->items[i], a->nodes_from);
    a->nodes[i].max_slots = h->items[i].max_slots;
  }
  if (!some_slots_are_said(a))
    a->slots_source = NULL; /* a hostfile of names alone */
  return AMZ_OK;
}

static int read_all(const struct amz_allocation_reader *r, const char *hostfile, struct amz_allocation *a, struct amz_hosts *h)
{
  int rc = amz_allocation_read_job(r, a);

  if (rc == AMZ_OK)
    rc = hostfile ? hosts_from_file(r, hostfile, a, h) : hosts_from_environment(r, a, h);
  if (rc == AMZ_OK)
    rc = make_nodes(a, h);
  if (rc == AMZ_OK && a->nodes_from == AMZ_BATCH_SLURM)
    rc = amz_allocation_read_slurm(r, a);
  if (rc == AMZ_OK)
    rc = amz_gpus_read(r->env, r->files, r->diags, &a->gpus);
  return rc;
}

int amz_allocation_read(const struct amz_environment *env, const struct amz_files *files, const char *hostfile,
                        struct amz_diags *diags, struct amz_error *err, struct amz_allocation *ret)
{
  struct amz_allocation_reader r = {env, files, diags, err};
  struct amz_allocation a = {.batch = AMZ_BATCH_NONE};
  struct amz_hosts h = AMZ_HOSTS_INIT;
  int rc = read_all(&r, hostfile, &a, &h);

  if (rc == AMZ_EINVAL)
    (void)amz_error_set(err, rc, "%s is no usable hostfile", hostfile ? hostfile : "the environment");
  if (rc == AMZ_ENOMEM)
    (void)amz_error_set(err, rc, "out of memory for the list of nodes");
  if (rc == AMZ_OK) {
    *ret = a;
    a = (struct amz_allocation){.batch = AMZ_BATCH_NONE};
  }
  amz_allocation_clear(&a);
  amz_hosts_clear(&h);
  return rc;
}

void amz_allocation_clear(struct amz_allocation *a)
{
  if (!a)
    return;
  free(a->nodes);
  free(a->names);
  free(a->path);
  free(a->job_id);
  amz_gpus_clear(&a->gpus);
  *a = (struct amz_allocation){.batch = AMZ_BATCH_NONE};
}

/* GPUs by the variables that programs obey, and each slot's share of them. */
#include <amorsize/gpus.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#include "allocation_private.h"

#define ID_MAX 128

static const char cuda[] = "CUDA_VISIBLE_DEVICES", rocr[] = "ROCR_VISIBLE_DEVICES";

/* To CUDA, -1 ends the list. */
static bool is_end(const char *at)
{
  return strncmp(at, "-1", 2) == 0 && (at[2] == ',' || at[2] == '\0');
}

/* An empty variable is a statement here (no GPU), unlike one that isn't set. Slurm writes NoDevFiles where nothing was asked
 * for. */
static bool says_none(const char *value)
{
  return strcmp(value, "") == 0 || strcmp(value, "NoDevFiles") == 0 || strcmp(value, "none") == 0 || is_end(value);
}

static int add_id(struct amz_gpus *gpus, const char *id, size_t n)
{
  for (uint32_t i = 0; i < gpus->count; i++)
    if (strlen(gpus->ids[i]) == n && memcmp(gpus->ids[i], id, n) == 0)
      return AMZ_EINVAL; /* twice the same: two slots would share it */
  gpus->ids[gpus->count] = amz_strndup(id, n);
  if (!gpus->ids[gpus->count])
    return AMZ_ENOMEM;
  gpus->count++;
  return AMZ_OK;
}

static void forget_ids(struct amz_gpus *gpus)
{
  for (uint32_t i = 0; i < gpus->count; i++)
    free(gpus->ids[i]);
  gpus->count = 0;
}

/* "0,1" or "GPU-6f2a,MIG-77". \return AMZ_OK; AMZ_EINVAL: malformed; AMZ_ENOMEM. */
static int take_ids(const char *value, struct amz_gpus *gpus)
{
  for (const char *at = value;; at++) {
    size_t n = strspn(at, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_/:.");
    int rc;

    if (is_end(at))
      return AMZ_OK;
    if (n == 0 || n > ID_MAX || gpus->count == AMZ_GPUS_MAX || (at[n] != ',' && at[n] != '\0'))
      return AMZ_EINVAL;
    if ((rc = add_id(gpus, at, n)) < 0)
      return rc;
    at += n;
    if (*at == '\0')
      return AMZ_OK;
  }
}

/* \return 1 when the variable says which GPUs there are (none, perhaps), 0 when it doesn't, AMZ_ENOMEM. */
static int take_list(const struct amz_environment *env, struct amz_diags *diags, const char *variable, struct amz_gpus *gpus)
{
  const char *value = env->get(env->ctx, variable);
  int rc;

  if (!value)
    return 0;
  gpus->source = variable;
  if (says_none(value))
    return 1;
  rc = take_ids(value, gpus);
  if (rc == AMZ_OK)
    return 1;
  forget_ids(gpus);
  gpus->source = NULL;
  if (rc == AMZ_EINVAL)
    amz_doubt(diags, variable, value, "a list of GPUs like 0,1 is expected, none of them twice");
  return rc == AMZ_ENOMEM ? rc : 0;
}

/* A number alone: programs count from 0 then. */
static int take_number(const struct amz_environment *env, struct amz_diags *diags, struct amz_gpus *gpus)
{
  static const char variable[] = "SLURM_GPUS_ON_NODE";
  uint64_t n;
  int rc = AMZ_OK;

  if (!amz_variable_number(env, diags, variable, 0, AMZ_GPUS_MAX, &n))
    return AMZ_OK;
  gpus->source = variable;
  for (uint64_t i = 0; rc == AMZ_OK && i < n; i++) {
    char id[24];
    int len = snprintf(id, sizeof id, "%llu", (unsigned long long)i);

    rc = add_id(gpus, id, len > 0 ? (size_t)len : 0);
  }
  return rc;
}

/* AMD's runtime looks at ROCR_VISIBLE_DEVICES first, and counts CUDA_VISIBLE_DEVICES among what that leaves. */
static int read_ids(const struct amz_environment *env, struct amz_diags *diags, struct amz_gpus *gpus)
{
  const char *first = gpus->amd ? rocr : cuda, *second = gpus->amd ? cuda : rocr;
  int rc = take_list(env, diags, first, gpus);

  if (rc == 0)
    rc = take_list(env, diags, second, gpus);
  return rc == 0 ? take_number(env, diags, gpus) : rc < 0 ? rc : AMZ_OK;
}

/* A task gets the variables that we have; without any (a number alone), both, as Slurm itself does by default. On AMD's nodes
 * ROCR_VISIBLE_DEVICES does it and the other is only corrected where there is one. */
static void choose_variables(const struct amz_environment *env, struct amz_gpus *gpus)
{
  gpus->set_cuda = env->get(env->ctx, cuda) != NULL;
  gpus->set_rocr = gpus->amd || env->get(env->ctx, rocr) != NULL;
  if (!gpus->set_cuda && !gpus->set_rocr)
    gpus->set_cuda = gpus->set_rocr = true;
}

/* The device of AMD's compute driver. */
static bool is_amd(const struct amz_files *files)
{
  uint64_t bytes;

  return files && files->size(files->ctx, "/dev/kfd", &bytes, NULL) == AMZ_OK;
}

int amz_gpus_read(const struct amz_environment *env, const struct amz_files *files, struct amz_diags *diags, struct amz_gpus *ret)
{
  struct amz_gpus gpus = {.amd = is_amd(files)};
  int rc;

  gpus.ids = amz_new_array(AMZ_GPUS_MAX, sizeof *gpus.ids);
  if (!gpus.ids)
    return AMZ_ENOMEM;
  choose_variables(env, &gpus);
  rc = read_ids(env, diags, &gpus);
  if (rc < 0)
    amz_gpus_clear(&gpus);
  else
    *ret = gpus;
  return rc;
}

void amz_gpus_clear(struct amz_gpus *gpus)
{
  if (!gpus)
    return;
  forget_ids(gpus);
  free(gpus->ids);
  free(gpus->domains);
  free(gpus->unit_domains);
  *gpus = (struct amz_gpus){.count = 0};
}

uint32_t amz_gpus_slots(const struct amz_gpus *gpus, uint32_t per_slot)
{
  return per_slot == 0 ? UINT32_MAX : gpus->count / per_slot;
}

/* `relative`: numbers from 0, what the other variable has left. */
static void add_pair(const struct amz_gpus *gpus, const char *variable, bool relative, const uint32_t *positions, uint32_t n,
                     struct amz_buf *out)
{
  amz_buf_adds(out, variable);
  for (uint32_t i = 0; i < n; i++) {
    amz_buf_addc(out, i == 0 ? '=' : ',');
    if (relative)
      amz_buf_addf(out, "%u", (unsigned)i);
    else
      amz_buf_adds(out, gpus->ids[positions[i]]);
  }
  amz_buf_addc(out, '\0');
}

int amz_gpus_add_env(const struct amz_gpus *gpus, const uint32_t *positions, uint32_t n, struct amz_buf *out)
{
  for (uint32_t i = 0; i < n; i++)
    if (positions[i] >= gpus->count)
      return AMZ_ERANGE;
  if (n == 0)
    return AMZ_OK;
  if (gpus->set_cuda)
    add_pair(gpus, cuda, gpus->amd, positions, n, out);
  if (gpus->set_rocr)
    add_pair(gpus, rocr, false, positions, n, out);
  return amz_buf_ok(out);
}

/* What the batch system says of the job as a whole. */
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/units.h>

#include "allocation_private.h"

/* The variables by which a batch system is known, ids first. */
static const struct mark {
  enum amz_batch batch;
  const char *variable;
  bool is_id;
} marks[] = {
  {AMZ_BATCH_SLURM, "SLURM_JOB_ID", true},
  {AMZ_BATCH_SLURM, "SLURM_JOBID", true},
  {AMZ_BATCH_PBS, "PBS_JOBID", true},
  {AMZ_BATCH_LSF, "LSB_JOBID", true},
  {AMZ_BATCH_SLURM, "SLURM_JOB_NODELIST", false},
  {AMZ_BATCH_PBS, "PBS_NODEFILE", false},
  {AMZ_BATCH_LSF, "LSB_MCPU_HOSTS", false},
};

#define ID_MAX 255

/* Ids end up in commands and names: what they can't be made of doesn't pass. Slurm's are numbers; 1234[7].server is one of
 * PBS. */
static bool is_job_id(enum amz_batch batch, const char *text)
{
  const char *allowed =
      batch == AMZ_BATCH_SLURM ? "0123456789" : "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-[]";
  size_t n = strspn(text, allowed);

  return text[n] == '\0' && n <= ID_MAX && *text != '-';
}

/* Which system, and the id. */
static int read_id(const struct amz_allocation_reader *r, struct amz_allocation *a)
{
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
    const char *value = amz_environment_value(r->env, marks[i].variable);

    if (!value || (a->batch != AMZ_BATCH_NONE && a->batch != marks[i].batch))
      continue;
    if (marks[i].is_id && !is_job_id(marks[i].batch, value)) {
      amz_doubt(r->diags, marks[i].variable, value, "not a job's id");
      continue;
    }
    a->batch = marks[i].batch;
    if (!marks[i].is_id || a->job_id)
      continue;
    a->job_id = amz_strndup(value, strlen(value));
    a->job_id_source = marks[i].variable;
    if (!a->job_id)
      return AMZ_ENOMEM;
  }
  return AMZ_OK;
}

static void read_slurm_job(const struct amz_allocation_reader *r, struct amz_allocation *a)
{
  static const char end[] = "SLURM_JOB_END_TIME", restarts[] = "SLURM_RESTART_COUNT", per_task[] = "SLURM_CPUS_PER_TASK";
  uint64_t v;

  if (amz_variable_number(r->env, r->diags, end, 1, UINT32_MAX, &v)) { /* until 2106; "no limit" may be a larger number */
    a->end_s = (int64_t)v;
    a->end_source = end;
  }
  if (amz_variable_number(r->env, r->diags, restarts, 0, UINT32_MAX, &v)) {
    a->restarts = (uint32_t)v;
    a->restarts_source = restarts;
  }
  if (amz_variable_number(r->env, r->diags, per_task, 1, AMZ_NODE_SLOTS_MAX, &v)) {
    a->cores_per_task = (uint32_t)v;
    a->cores_per_task_source = per_task;
  }
}

/* LSF says whether, not how often. */
static void read_lsf_job(const struct amz_allocation_reader *r, struct amz_allocation *a)
{
  static const char restart[] = "LSB_RESTART";
  const char *value = amz_environment_value(r->env, restart);

  if (!value)
    return;
  a->restarts = strcmp(value, "Y") == 0 ? 1 : 0;
  a->restarts_source = restart;
}

int amz_allocation_read_job(const struct amz_allocation_reader *r, struct amz_allocation *a)
{
  int rc = read_id(r, a);

  if (rc < 0)
    return rc;
  if (a->batch == AMZ_BATCH_SLURM)
    read_slurm_job(r, a);
  else if (a->batch == AMZ_BATCH_LSF)
    read_lsf_job(r, a);
  return AMZ_OK;
}

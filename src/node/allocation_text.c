/* The allocation in words: each number with where it comes from. */
#include <amorsize/allocation.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <amorsize/units.h>

static const char *const batch_names[] = {
    [AMZ_BATCH_NONE] = "none", [AMZ_BATCH_HOSTFILE] = "hostfile", [AMZ_BATCH_SLURM] = "Slurm",
    [AMZ_BATCH_PBS] = "PBS",   [AMZ_BATCH_LSF] = "LSF",
};

/* "name: value (source)"; nothing when nobody said it. */
static void add_line(struct amz_buf *out, const char *name, const char *value, const char *source)
{
  if (!source)
    return;
  amz_buf_addf(out, "%s: %s (", name, value);
  amz_buf_add_printable(out, source, strlen(source), SIZE_MAX);
  amz_buf_adds(out, ")\n");
}

static void add_number(struct amz_buf *out, const char *name, uint64_t value, const char *source)
{
  char text[32];

  (void)snprintf(text, sizeof text, "%" PRIu64, value);
  add_line(out, name, text, source);
}

static void add_totals(const struct amz_allocation *a, struct amz_buf *out)
{
  uint64_t cores = 0, bytes = 0;
  char text[64];

  for (size_t i = 0; i < a->n_nodes; i++) {
    cores += a->nodes[i].cores;
    if (__builtin_add_overflow(bytes, a->nodes[i].memory_bytes, &bytes))
      bytes = UINT64_MAX;
  }
  add_number(out, "nodes", a->n_nodes, a->nodes_source);
  if (amz_allocation_slots(a, 0) > 0)
    add_number(out, "slots", amz_allocation_slots(a, 0), a->slots_source);
  add_number(out, "cores", cores, a->cores_source);
  add_line(out, "memory", amz_format_bytes(bytes, text, sizeof text), a->memory_source);
}

static void add_end(const struct amz_allocation *a, struct amz_buf *out)
{
  time_t end = (time_t)a->end_s;
  char text[64] = "";
  struct tm parts;

  if (a->end_source && gmtime_r(&end, &parts) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) > 0)
    add_line(out, "end", text, a->end_source);
}

void amz_allocation_describe(const struct amz_allocation *a, struct amz_buf *out)
{
  amz_buf_addf(out, "batch system: %s\n", batch_names[a->batch]);
  if (a->job_id)
    add_line(out, "job", a->job_id, a->job_id_source);
  add_totals(a, out);
  add_number(out, "cores per task", a->cores_per_task, a->cores_per_task_source);
  add_number(out, "GPUs here", a->gpus.count, a->gpus.source);
  add_end(a, out);
  add_number(out, "restarts", a->restarts, a->restarts_source);
}

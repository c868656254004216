/* resources.threads and resources.memory as columns: what a task takes belongs to a value of a name, like a weight (weight.c).
 *
 * All values are read once, while the job is loaded: a scheduler asks for every task, perhaps more than once. A value that
 * doesn't do is no finding: its task says so when its turn comes, and the others run. */
#include <string.h>

#include <amorsize/units.h>

#include "job_impl.h"

#define VALUES_MAX (UINT64_C(1) << 27) /* 1 GiB of sizes */
#define THREADS_MAX 65536u

/* Gives `read` the text of each value; "" for one that no text can be. */
static int read_all(const struct amz_source *source, void (*read)(struct amz_job *job, uint64_t i, const char *text),
                    struct amz_job *job)
{
  struct amz_buf text = AMZ_BUF_INIT;
  uint64_t count = amz_source_count(source);
  int rc = AMZ_OK;

  for (uint64_t i = 0; i < count && rc == AMZ_OK; i++) {
    amz_buf_reset(&text);
    amz_source_value(source, i, &text);
    rc = amz_buf_ok(&text);
    if (rc == AMZ_OK)
      read(job, i, strlen(amz_buf_text(&text)) == text.len ? amz_buf_text(&text) : "");
  }
  amz_buf_clear(&text);
  return rc;
}

static void read_threads(struct amz_job *job, uint64_t i, const char *text)
{
  uint64_t threads;
  bool good = amz_parse_u64(text, &threads) == AMZ_OK && threads >= 1 && threads <= THREADS_MAX;

  job->threads_of[i] = good ? (uint32_t)threads : AMZ_NO_THREADS;
}

static void read_memory(struct amz_job *job, uint64_t i, const char *text)
{
  uint64_t bytes;
  bool good = amz_parse_bytes(text, &bytes) == AMZ_OK && bytes < AMZ_NO_BYTES;

  job->memory_of[i] = good ? bytes : AMZ_NO_BYTES;
}

/* The source of a column's values; NULL: there is no such column, its values were refused with a finding, or there are too
 * many. */
static const struct amz_source *values_of(struct amz_loader *l, size_t column, const char *path)
{
  const struct amz_job *job = l->job;
  const struct amz_source *source = column == AMZ_NO_NAME ? NULL : job->columns[column].source;

  if (!source || amz_source_count(source) <= VALUES_MAX)
    return source;
  amz_yaml_error(l->reader.diags, amz_yaml_at(l->root, path), "%s: \"%s\" has more than %llu values", path, job->names[column],
                 (unsigned long long)VALUES_MAX);
  return NULL;
}

int amz_loader_needs(struct amz_loader *l)
{
  struct amz_job *job = l->job;
  const struct amz_source *threads = values_of(l, job->threads_column, "resources.threads");
  const struct amz_source *memory = values_of(l, job->memory_column, "resources.memory");
  int rc = AMZ_OK;

  if (threads) {
    job->threads_of = amz_arena_array(&job->arena, (size_t)amz_source_count(threads), sizeof *job->threads_of);
    rc = job->threads_of ? read_all(threads, read_threads, job) : AMZ_ENOMEM;
  }
  if (rc == AMZ_OK && memory) {
    job->memory_of = amz_arena_array(&job->arena, (size_t)amz_source_count(memory), sizeof *job->memory_of);
    rc = job->memory_of ? read_all(memory, read_memory, job) : AMZ_ENOMEM;
  }
  return rc;
}

/* ---- asking ---- */

bool amz_job_has_needs(const struct amz_job *job)
{
  return job->threads_of || job->memory_of;
}

/* Which value of a column a task has. *same shrinks to how many tasks from it on have the same. */
static uint64_t value_of(const struct amz_job *job, size_t column, uint64_t index, uint64_t *same)
{
  const struct amz_axis *axis = &job->axes[job->columns[column].axis];
  uint64_t left = axis->stride - index % axis->stride;

  *same = left < *same ? left : *same;
  return index / axis->stride % axis->count;
}

uint32_t amz_job_threads_of(const struct amz_job *job, uint64_t index, uint64_t *same)
{
  return job->threads_of[value_of(job, job->threads_column, index, same)];
}

uint64_t amz_job_memory_of(const struct amz_job *job, uint64_t index, uint64_t *same)
{
  return job->memory_of[value_of(job, job->memory_column, index, same)];
}

/* One whose value doesn't do won't start; it takes next to nothing. */
static uint32_t threads_or_one(uint32_t threads)
{
  return threads == AMZ_NO_THREADS ? 1 : threads;
}

static uint64_t bytes_or_none(uint64_t bytes)
{
  return bytes == AMZ_NO_BYTES ? 0 : bytes;
}

struct amz_task_need amz_job_need(const struct amz_job *job, uint64_t index, uint64_t *ret_same)
{
  struct amz_task_need need = {0, 0};

  *ret_same = UINT64_MAX;
  if (job->threads_of)
    need.threads = threads_or_one(amz_job_threads_of(job, index, ret_same));
  if (job->memory_of)
    need.memory_bytes = bytes_or_none(amz_job_memory_of(job, index, ret_same));
  return need;
}

static uint64_t values_count(const struct amz_job *job, size_t column)
{
  return amz_source_count(job->columns[column].source);
}

void amz_job_need_range(const struct amz_job *job, struct amz_task_need *ret_least, struct amz_task_need *ret_most)
{
  struct amz_task_need least = {UINT32_MAX, UINT64_MAX}, most = {0, 0};

  for (uint64_t i = 0; job->threads_of && i < values_count(job, job->threads_column); i++) {
    uint32_t threads = threads_or_one(job->threads_of[i]);

    least.threads = threads < least.threads ? threads : least.threads;
    most.threads = threads > most.threads ? threads : most.threads;
  }
  for (uint64_t i = 0; job->memory_of && i < values_count(job, job->memory_column); i++) {
    uint64_t bytes = bytes_or_none(job->memory_of[i]);

    least.memory_bytes = bytes < least.memory_bytes ? bytes : least.memory_bytes;
    most.memory_bytes = bytes > most.memory_bytes ? bytes : most.memory_bytes;
  }
  *ret_least = (struct amz_task_need){job->threads_of ? least.threads : 0, job->memory_of ? least.memory_bytes : 0};
  *ret_most = most;
}

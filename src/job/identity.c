/* What makes two jobs the same kind of work, as text: templates, the class of sizes, settings that matter. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/diag.h>
#include <amorsize/digest.h>
#include <amorsize/rng.h>

#include "job_impl.h"

#define SHOWN 512u    /* bytes of a text; of a longer one the digest tells the rest */
#define LINES 16u     /* ready lines that are looked at */
#define WEIGHTS 1001u /* of so many tasks the median is taken */
#define SEED 1u       /* the same tasks each time */

static void add_text(struct amz_buf *out, const char *name, const char *text, size_t n)
{
  amz_buf_addf(out, "%s ", name);
  amz_buf_add_printable(out, text, n, SHOWN);
  if (n > SHOWN)
    amz_buf_addf(out, " %zu %016" PRIx64, n, amz_digest_add(AMZ_DIGEST_EMPTY, text, n));
  amz_buf_addc(out, '\n');
}

/* ---- templates ---------------------------------------------------------------------------------------------------------- */

static void add_template(struct amz_buf *out, const char *name, const struct amz_template *t)
{
  struct amz_buf text = AMZ_BUF_INIT;

  if (!t)
    return;
  amz_template_print(t, &text);
  add_text(out, name, amz_buf_text(&text), text.len);
  out->failed = out->failed || text.failed;
  amz_buf_clear(&text);
}

/* Words, each followed by a newline, as one would type them. */
static void add_words(struct amz_buf *out, const char *name, const struct amz_buf *words)
{
  struct amz_buf text = AMZ_BUF_INIT;
  const char *at = amz_buf_text(words);

  while (*at) {
    size_t n = strcspn(at, "\n");

    if (text.len)
      amz_buf_addc(&text, ' ');
    amz_shell_quote(at, n, &text);
    at += n + (at[n] == '\n');
  }
  add_text(out, name, amz_buf_text(&text), text.len);
  out->failed = out->failed || text.failed;
  amz_buf_clear(&text);
}

static void add_command(struct amz_buf *out, const struct amz_command_template *c)
{
  struct amz_buf text = AMZ_BUF_INIT;

  amz_command_print(c, &text);
  if (amz_command_needs_shell(c))
    add_text(out, "shell", amz_buf_text(&text), text.len ? text.len - 1 : 0);
  else
    add_words(out, "words", &text);
  out->failed = out->failed || text.failed;
  amz_buf_clear(&text);
}

/* Words of a task, each followed by a newline; text for a shell is taken apart at blanks. */
static int split_task(const struct amz_job *job, uint64_t index, struct amz_task *task, struct amz_buf *out,
                      struct amz_error *err)
{
  static const struct amz_place place = {.threads = 1};
  int rc = amz_task_fill(job, index, &place, task, err);

  if (rc < 0)
    return rc;
  for (size_t i = task->shell ? 2 : 0; i < task->argc; i++)
    for (const char *word = task->argv[i]; *word;) {
      size_t n = task->shell ? strcspn(word, " \t") : strlen(word);

      amz_buf_add(out, word, n);
      amz_buf_addc(out, '\n');
      word += n + strspn(word + n, task->shell ? " \t" : "");
    }
  return amz_buf_ok(out);
}

/* Words that differ become {}, as a template would have it. Neither text ends without a newline. */
static void keep_common(struct amz_buf *shape, const struct amz_buf *line)
{
  const char *a = amz_buf_text(shape), *b = amz_buf_text(line);
  struct amz_buf both = AMZ_BUF_INIT;

  while (*a && *b) {
    size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");

    if (n == m && memcmp(a, b, n) == 0)
      amz_buf_add(&both, a, n);
    else
      amz_buf_adds(&both, "{}");
    amz_buf_addc(&both, '\n');
    a += n + (a[n] == '\n');
    b += m + (b[m] == '\n');
  }
  if (*a || *b)
    amz_buf_adds(&both, "…\n");
  amz_buf_clear(shape);
  *shape = both;
}

static int add_lines(const struct amz_job *job, struct amz_buf *out, struct amz_error *err)
{
  struct amz_buf shape = AMZ_BUF_INIT, line = AMZ_BUF_INIT;
  struct amz_task task;
  int rc = AMZ_OK;

  amz_task_init(&task);
  for (uint64_t i = 0; rc == AMZ_OK && i < LINES && i < job->tasks; i++) {
    uint64_t index = job->tasks <= LINES ? i : job->tasks / LINES * i;

    amz_buf_reset(&line);
    rc = split_task(job, index, &task, i == 0 ? &shape : &line, err);
    if (rc == AMZ_OK && i > 0)
      keep_common(&shape, &line);
  }
  add_words(out, "lines", &shape);
  out->failed = out->failed || shape.failed || line.failed;
  amz_buf_clear(&shape);
  amz_buf_clear(&line);
  amz_task_clear(&task);
  return rc;
}

static int add_tasks(const struct amz_job *job, struct amz_buf *out, struct amz_error *err)
{
  static const char *const kinds[] = {[AMZ_TASK_COMMAND] = "command", [AMZ_TASK_STREAM] = "stream", [AMZ_TASK_PLUGIN] = "plugin"};
  int rc = AMZ_OK;

  amz_buf_addf(out, "tasks %s\n", kinds[job->kind]);
  if (job->lines)
    rc = add_lines(job, out, err);
  else if (job->command)
    add_command(out, job->command);
  add_template(out, "line", job->line);
  if (job->kind == AMZ_TASK_PLUGIN) {
    add_text(out, "plugin", job->plugin.path, strlen(job->plugin.path));
    add_text(out, "args", job->plugin.args ? job->plugin.args : "", job->plugin.args ? strlen(job->plugin.args) : 0);
  }
  add_template(out, "workdir", job->workdir);
  add_template(out, "stdin", job->stdin_path);
  for (size_t i = 0; i < job->n_env; i++) {
    add_text(out, "env", job->env[i].key, strlen(job->env[i].key));
    add_template(out, "value", job->env[i].value);
  }
  return rc;
}

/* ---- sizes -------------------------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

/* Of all tasks, or of some that are drawn: strides might hit the same value of a product again and again. */
static double median_weight(const struct amz_job *job, double room[WEIGHTS])
{
  size_t n = job->tasks < WEIGHTS ? (size_t)job->tasks : WEIGHTS;
  struct amz_rng rng;
  uint64_t same;

  amz_rng_seed(&rng, SEED);
  for (size_t i = 0; i < n; i++)
    room[i] = amz_job_weight(job, job->tasks <= WEIGHTS ? i : amz_rng_below(&rng, job->tasks), &same);
  qsort(room, n, sizeof *room, ascending);
  return room[n / 2];
}

static int add_size(const struct amz_job *job, struct amz_buf *out)
{
  double *room, median;

  if (!amz_job_is_weighted(job) || job->tasks == 0) {
    amz_buf_adds(out, "size unknown\n");
    return AMZ_OK;
  }
  room = amz_new_array(WEIGHTS, sizeof *room);
  if (!room)
    return AMZ_ENOMEM;
  median = median_weight(job, room);
  free(room);
  if (median > 0)
    amz_buf_addf(out, "size 2^%.0f\n", floor(log2(median)));
  else
    amz_buf_adds(out, "size 0\n");
  return AMZ_OK;
}

/* ---- settings ----------------------------------------------------------------------------------------------------------- */

static void add_count(struct amz_buf *out, const char *name, uint32_t n, const char *column)
{
  if (column)
    add_text(out, name, column, strlen(column));
  else if (n == AMZ_AUTO)
    amz_buf_addf(out, "%s auto\n", name);
  else
    amz_buf_addf(out, "%s %" PRIu32 "\n", name, n);
}

/* Where tasks take as many threads as they are given, it is the planner that chooses, and observations say how many they had. */
static uint32_t threads_of(const struct amz_settings *s)
{
  return s->resources.threads == AMZ_AUTO ||
      s->plan.threads_per_task == AMZ_AUTO ? s->resources.threads : s->plan.threads_per_task;
}

static void add_settings(const struct amz_job *job, struct amz_buf *out)
{
  static const char *const presets[] = {[AMZ_PRESET_DEFAULT] = "default", [AMZ_PRESET_THROUGHPUT] = "throughput",
    [AMZ_PRESET_MEMORY] = "memory",
    [AMZ_PRESET_LATENCY] = "latency", [AMZ_PRESET_IO] = "io"};
  const struct amz_settings *s = &job->settings;

  amz_buf_addf(out, "preset %s\n", presets[s->preset]);
  add_count(out, "threads", threads_of(s), s->resources.threads_column);
  if (s->resources.memory_column)
    add_text(out, "memory", s->resources.memory_column, strlen(s->resources.memory_column));
  else
    amz_buf_addf(out, "memory %" PRIu64 "%s\n", s->resources.memory_bytes, s->plan.memory_ignore ? " ignored" : "");
  amz_buf_addf(out, "gpus %" PRIu32 "\n", s->resources.gpus);
  amz_buf_addf(out, "policy %s\n", s->chunks.policy);
  amz_buf_addf(out, "chunks %" PRId64 " %" PRId64 " %" PRId64 "\n", s->chunks.target_ns, s->chunks.min_ns, s->chunks.max_ns);
  if (job->kind == AMZ_TASK_STREAM)
    amz_buf_addf(out, "window %" PRIu32 "\n", job->stream.window);
}

int amz_job_identity(const struct amz_job *job, struct amz_buf *out, struct amz_error *err)
{
  int rc = add_tasks(job, out, err);

  if (rc == AMZ_OK)
    rc = add_size(job, out);
  add_settings(job, out);
  if (rc == AMZ_OK)
    rc = amz_buf_ok(out);
  return rc == AMZ_ENOMEM ? amz_error_set(err, rc, "out of memory") : rc;
}

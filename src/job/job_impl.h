/* What a loaded job is, shared by the files of this room that build it and that compute its tasks. */
#ifndef AMZ_JOB_IMPL_H
#define AMZ_JOB_IMPL_H

#include <amorsize/job.h>

#include "arena.h"
#include "block.h"
#include "schema.h"
#include "settings.h"
#include "source.h"
#include "template.h"

/* One name: its values, and which digit of the task's index chooses among them. Names of one axis go together (zip, a table's
 * columns). */
struct amz_column {
  struct amz_source *source;
  size_t axis;
  const struct amz_yaml *key; /* where it is named, for "not used"; NULL: needs no use. Gone after loading. */
};

/* Task i takes value i / stride % count of each name on the axis. The first axis is the slowest. */
struct amz_axis {
  uint64_t count, stride;
};

struct amz_env {
  const char *key;
  struct amz_template *value;
};

#define AMZ_NO_NAME SIZE_MAX
#define AMZ_NO_THREADS 0u
#define AMZ_NO_BYTES UINT64_MAX

struct amz_job {
  struct amz_arena arena; /* of all that has no destructor */
  struct amz_settings settings;
  struct amz_stage stage;
  const char *name;
  enum amz_task_kind kind;
  uint64_t tasks;
  const char **names; /* of the columns, in their order */
  struct amz_column *columns;
  size_t n_columns, columns_cap;
  struct amz_axis *axes;
  size_t n_axes, axes_cap;
  struct amz_source *lines;            /* ready task lines, or NULL */
  struct amz_command_template *command; /* or NULL */
  struct amz_stream stream;
  struct amz_plugin plugin;
  struct amz_template *line;           /* of a stream, or NULL */
  struct amz_template *workdir, *stdin_path, *creates;
  struct amz_env *env;
  size_t n_env;
  bool own_omp; /* the user sets OMP_NUM_THREADS */
  size_t threads_column, memory_column; /* index of a name, or AMZ_NO_NAME */
  uint32_t *threads_of;  /* of the column's values, AMZ_NO_THREADS: it doesn't do; NULL: no column */
  uint64_t *memory_of;   /* likewise, AMZ_NO_BYTES */
  size_t weight_column;  /* index of a name, or AMZ_NO_NAME */
  double *weights;       /* of its values; in the arena */
  uint64_t ok_exit[4];
};

/* A job while it is being loaded. */
struct amz_loader {
  struct amz_reader reader; /* findings; the job's arena */
  struct amz_arena tree;    /* of the YAML, released after loading */
  const struct amz_job_input *input;
  const struct amz_files *files;
  struct amz_job *job;
  struct amz_yaml *root; /* a map */
  struct amz_block block;
  struct amz_foreseen foreseen; /* by a given plan */
};

/* given.c: lays a given plan over the tree. \return as amz_loader_merge; findings don't end it. */
int amz_loader_apply_plan(struct amz_loader *l);
/* input.c: puts a value at a dotted path of the tree, making maps on the way. \return AMZ_OK; AMZ_ENOMEM. */
int amz_loader_put(struct amz_loader *l, const char *file, const char *path, struct amz_yaml *value);
/* input.c: the texts and the command line as one tree, l->root. \return AMZ_OK; AMZ_EINVAL: findings say why there is none;
 * AMZ_ENOMEM. */
int amz_loader_merge(struct amz_loader *l);

/* columns.c: the sources and the number of tasks. \return AMZ_OK whatever the findings; AMZ_ENOMEM. */
int amz_loader_columns(struct amz_loader *l);

/* compile.c: the templates. \return AMZ_OK whatever the findings; AMZ_ENOMEM. */
int amz_loader_compile(struct amz_loader *l);

/* The index of a name that a key gives instead of a number; AMZ_NO_NAME with a finding when there is no such name. */
size_t amz_loader_find_name(struct amz_loader *l, const struct amz_yaml *node, const char *path, const char *name, size_t n);

/* weight.c: tasks.weight, once names and sources are known. \return AMZ_OK whatever the findings; AMZ_ENOMEM. */
int amz_loader_weigh(struct amz_loader *l) AMZ_MUST_CHECK;

/* need.c: resources.threads and resources.memory, likewise. \return AMZ_OK whatever the findings; AMZ_ENOMEM. */
int amz_loader_needs(struct amz_loader *l) AMZ_MUST_CHECK;
/* The number that a task's value is, when there are threads_of or memory_of; *same shrinks to how many tasks have that value. */
uint32_t amz_job_threads_of(const struct amz_job *job, uint64_t index, uint64_t *same);
uint64_t amz_job_memory_of(const struct amz_job *job, uint64_t index, uint64_t *same);

/* task.c: the value of a name for a task; and a place with the job's scratch where it has none of its own. */
void amz_job_column_value(const struct amz_job *job, uint64_t index, size_t name, struct amz_buf *out);
struct amz_place amz_job_place(const struct amz_job *job, const struct amz_place *place);

/* name.c: text as a file name of at most 100 bytes, in the arena; `fallback` when nothing of it remains. \return NULL when out of
 * memory. */
const char *amz_job_safe_name(struct amz_arena *arena, const char *text, size_t n, const char *fallback);

/* \return whether [A-Za-z_][A-Za-z0-9_-]{0,63}. */
bool amz_job_is_name(const char *text);
/* \return whether templates give the name a meaning of their own. */
bool amz_job_is_builtin(const char *text);

#endif

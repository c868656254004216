/* A memory-bound task: a[i] = b[i] + s·c[i] over arrays that no cache holds. More slots than the memory bus can feed don't help,
 * which is what it is for. Each slot has arrays of its own, first touched by the slot's thread, so that they lie in its memory
 * domain.
 *
 * Arguments: MiB per array (default 64). The task's value `scale`, when the job description has that name, is s. */
#include <amorsize/plugin.h>

#include <stdio.h>
#include <stdlib.h>

struct state {
  size_t n;
  double *a, *b, *c;
};

static void close_triad(void *state)
{
  struct state *s = state;

  free(s->a);
  free(s->b);
  free(s->c);
  free(s);
}

static int open_triad(const struct amz_plugin_open *how, void **ret_state)
{
  struct state *s = calloc(1, sizeof *s);
  unsigned long mib = *how->args ? strtoul(how->args, NULL, 10) : 64;

  if (!s || mib == 0 || mib > 65536) {
    (void)snprintf(how->error, how->error_size, "args: expected MiB per array, 1 to 65536, got \"%s\"", how->args);
    free(s);
    return 1;
  }
  s->n = mib << 17;
  s->a = malloc(s->n * sizeof *s->a);
  s->b = malloc(s->n * sizeof *s->b);
  s->c = malloc(s->n * sizeof *s->c);
  if (!s->a || !s->b || !s->c) {
    (void)snprintf(how->error, how->error_size, "no memory for 3 arrays of %lu MiB", mib);
    close_triad(s);
    return 1;
  }
  for (size_t i = 0; i < s->n; i++) {
    s->a[i] = 0;
    s->b[i] = 1;
    s->c[i] = 2;
  }
  *ret_state = s;
  return 0;
}

static int run_triad(void *state, const struct amz_plugin_task *task, void *result)
{
  const struct state *s = state;
  const char *text = amz_plugin_value(task, "scale");
  double scale = text ? strtod(text, NULL) : 3;

  for (size_t i = 0; i < s->n; i++)
    s->a[i] = s->b[i] + scale * s->c[i];
  *(double *)result = s->a[task->index % s->n];
  return 0;
}

const struct amz_plugin_v1 amz_plugin_v1 = {
  .abi = AMZ_PLUGIN_ABI, .size = sizeof amz_plugin_v1, .name = "triad", .flags = AMZ_PLUGIN_THREAD_SAFE,
  .result_type = AMZ_PLUGIN_F64, .open = open_triad, .run = run_triad, .close = close_triad,
};

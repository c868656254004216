/* Rows of the Mandelbrot set: a task is a row, and its result how many of its points seem to be in the set. Rows through the
 * middle take far longer than those at the edge: a case for chunks that adapt.
 *
 * Arguments: WIDTH HEIGHT ITERATIONS (default 1024 1024 1000). */
#include <amorsize/plugin.h>

#include <stdio.h>
#include <stdlib.h>

struct state {
  unsigned width, height, iterations;
};

static int open_rows(const struct amz_plugin_open *how, void **ret_state)
{
  struct state *s = malloc(sizeof *s);

  if (!s)
    return 1;
  *s = (struct state){1024, 1024, 1000};
  if (*how->args && sscanf(how->args, "%u %u %u", &s->width, &s->height, &s->iterations) != 3) {
    (void)snprintf(how->error, how->error_size, "args: expected WIDTH HEIGHT ITERATIONS, got \"%s\"", how->args);
    free(s);
    return 1;
  }
  *ret_state = s;
  return 0;
}

static int is_inside(double cx, double cy, unsigned iterations)
{
  double x = 0, y = 0;

  for (unsigned i = 0; i < iterations; i++) {
    double xx = x * x, yy = y * y;

    if (xx + yy > 4)
      return 0;
    y = 2 * x * y + cy;
    x = xx - yy + cx;
  }
  return 1;
}

static int run_row(void *state, const struct amz_plugin_task *task, void *result)
{
  const struct state *s = state;
  double y = -1.25 + 2.5 * ((double)(task->index % s->height) + 0.5) / s->height;
  uint64_t inside = 0;

  for (unsigned i = 0; i < s->width; i++)
    inside += (uint64_t)is_inside(-2 + 2.5 * ((double)i + 0.5) / s->width, y, s->iterations);
  *(uint64_t *)result = inside;
  return 0;
}

const struct amz_plugin_v1 amz_plugin_v1 = {
  .abi = AMZ_PLUGIN_ABI, .size = sizeof amz_plugin_v1, .name = "mandelbrot", .flags = AMZ_PLUGIN_THREAD_SAFE,
  .result_type = AMZ_PLUGIN_U64, .open = open_rows, .run = run_row, .close = free,
};

/* Templates for anything but commands: paths, environment values, lines for a co-process. */
#include "template.h"

#include <stdlib.h>

#include "parts.h"

struct amz_template {
  struct amz_parts parts;
};

int amz_template_compile(const char *text, const char *const *names, size_t n_names, struct amz_error *err, size_t *ret_at,
                         struct amz_template **ret)
{
  struct amz_template *t = calloc(1, sizeof *t);
  int rc;

  if (!t)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory for a template");
  rc = amz_parts_read(&t->parts, text, false, names, n_names, err, ret_at);
  if (rc < 0) {
    amz_template_free(t);
    return rc;
  }
  *ret = t;
  return AMZ_OK;
}

void amz_template_free(struct amz_template *t)
{
  if (!t)
    return;
  amz_parts_clear(&t->parts);
  free(t);
}

void amz_template_fill(const struct amz_template *t, const struct amz_values *values, struct amz_buf *out)
{
  amz_parts_fill(&t->parts, values, out);
}

bool amz_template_uses(const struct amz_template *t, const char *name)
{
  return amz_parts_use(&t->parts, name);
}

void amz_template_print(const struct amz_template *t, struct amz_buf *out)
{
  amz_parts_print(&t->parts, out);
}

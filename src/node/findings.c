/* A profile's findings as a list. There are few, so that room is made one by one. */
#include "findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

int amz_findings_add(struct amz_node *node, enum amz_finding_level level, const char *advice, const char *format, ...)
{
  struct amz_finding *grown, f = {.level = level};
  char text[1024];
  va_list args;
  int n;

  va_start(args, format);
  n = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  grown = realloc(node->findings, (node->n_findings + 1) * sizeof *grown);
  if (!grown)
    return AMZ_ENOMEM;
  node->findings = grown;
  f.text = amz_strndup(text, n > 0 ? strlen(text) : 0);
  f.advice = amz_strndup(advice, strlen(advice));
  if (!f.text || !f.advice) {
    free(f.text);
    free(f.advice);
    return AMZ_ENOMEM;
  }
  node->findings[node->n_findings++] = f;
  return AMZ_OK;
}

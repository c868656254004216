/* Names: of a job, made safe as a file name; of columns, as placeholders take them. */
#include <string.h>

#include "job_impl.h"

enum { JOB_NAME_MAX = 100, COLUMN_NAME_MAX = 64 };

static bool is_alnum(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

const char *amz_job_safe_name(struct amz_arena *arena, const char *text, size_t n, const char *fallback)
{
  char *name;

  if (n == 0)
    return amz_arena_strndup(arena, fallback, strlen(fallback));
  name = amz_arena_strndup(arena, text, n < JOB_NAME_MAX ? n : JOB_NAME_MAX);
  for (char *c = name; c && *c; c++)
    if (!is_alnum(*c) && *c != '_' && *c != '-' && *c != '.')
      *c = '_';
  if (name && (*name == '-' || *name == '.')) /* neither an option nor hidden */
    *name = '_';
  return name;
}

bool amz_job_is_name(const char *text)
{
  size_t n = 0;

  if (!is_alnum(*text) && *text != '_')
    return false;
  if (*text >= '0' && *text <= '9')
    return false;
  while (is_alnum(text[n]) || text[n] == '_' || text[n] == '-')
    n++;
  return text[n] == '\0' && n <= COLUMN_NAME_MAX;
}

bool amz_job_is_builtin(const char *text)
{
  static const char *const names[] = {"index", "threads", "rank", "slot", "job", "scratch"};

  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], text) == 0)
      return true;
  return false;
}

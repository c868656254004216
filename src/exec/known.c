/* The cache of places of programs. */
#include "known.h"

#include <stdlib.h>
#include <string.h>

static unsigned place_of(const char *name)
{
  unsigned h = 5381;

  for (; *name; name++)
    h = h * 33 + (unsigned char)*name;
  return h % AMZ_KNOWN_PLACES;
}

const char *amz_known_find(const struct amz_known *k, const char *name, const char *path)
{
  unsigned i = place_of(name);

  if (!k->places[i].name || strcmp(k->places[i].name, name) != 0 || strcmp(k->places[i].path, path) != 0)
    return NULL;
  return k->places[i].program;
}

static void forget(struct amz_known *k, unsigned i)
{
  free(k->places[i].name);
  free(k->places[i].path);
  free(k->places[i].program);
  k->places[i].name = k->places[i].path = k->places[i].program = NULL;
}

void amz_known_add(struct amz_known *k, const char *name, const char *path, const char *program)
{
  unsigned i = place_of(name);

  if (program[0] != '/')
    return;
  forget(k, i);
  k->places[i].name = strdup(name);
  k->places[i].path = strdup(path);
  k->places[i].program = strdup(program);
  if (!k->places[i].name || !k->places[i].path || !k->places[i].program)
    forget(k, i);
}

void amz_known_clear(struct amz_known *k)
{
  for (unsigned i = 0; i < AMZ_KNOWN_PLACES; i++)
    forget(k, i);
}

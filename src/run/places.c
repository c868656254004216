/* DIR/gather: read, changed in memory, replaced as a whole. */
#include "places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/buf.h>
#include <amorsize/store.h>

#include "files.h"

#define NAME "gather"
#define MOST_BYTES (64u << 20)

void amz_places_clear(struct amz_places *p)
{
  for (size_t i = 0; i < p->n; i++) {
    free(p->items[i].node);
    free(p->items[i].path);
  }
  free(p->items);
  memset(p, 0, sizeof *p);
}

int amz_places_add(struct amz_places *p, const char *node, const char *path)
{
  struct amz_pack_place place;

  if (!*node || !*path || strpbrk(node, " \n") || strchr(path, '\n'))
    return AMZ_EINVAL;
  for (size_t i = 0; i < p->n; i++)
    if (strcmp(p->items[i].node, node) == 0 && strcmp(p->items[i].path, path) == 0)
      return AMZ_OK;
  if (amz_grow((void **)&p->items, &p->cap, p->n + 1, sizeof *p->items) < 0)
    return AMZ_ENOMEM;
  place = (struct amz_pack_place){amz_strndup(node, strlen(node)), amz_strndup(path, strlen(path))};
  if (!place.node || !place.path) {
    free(place.node);
    free(place.path);
    return AMZ_ENOMEM;
  }
  p->items[p->n++] = place;
  return AMZ_OK;
}

void amz_places_remove(struct amz_places *p, size_t at)
{
  free(p->items[at].node);
  free(p->items[at].path);
  memmove(&p->items[at], &p->items[at + 1], (p->n - at - 1) * sizeof *p->items);
  p->n--;
}

const char *amz_places_find(const struct amz_places *p, const char *node)
{
  for (size_t i = 0; i < p->n; i++)
    if (strcmp(p->items[i].node, node) == 0)
      return p->items[i].path;
  return NULL;
}

/* ---- the file ---------------------------------------------------------------------------------------------------------- */

static int read_key(struct amz_places *p, const char *value)
{
  if (strlen(value) != AMZ_NODEDIR_KEY - 1 || strspn(value, "0123456789abcdef") != AMZ_NODEDIR_KEY - 1)
    return AMZ_ECORRUPT;
  memcpy(p->key, value, AMZ_NODEDIR_KEY);
  return AMZ_OK;
}

static int read_at(struct amz_places *p, char *value)
{
  char *path = strchr(value, ' ');
  int rc;

  if (!path)
    return AMZ_ECORRUPT;
  *path++ = '\0';
  if (*path != '/')
    return AMZ_ECORRUPT;
  rc = amz_places_add(p, value, path);
  return rc == AMZ_EINVAL ? AMZ_ECORRUPT : rc;
}

static int read_line(struct amz_places *p, char *line)
{
  if (strncmp(line, "key ", 4) == 0)
    return read_key(p, line + 4);
  return strncmp(line, "at ", 3) == 0 ? read_at(p, line + 3) : AMZ_ECORRUPT;
}

static int read_lines(struct amz_places *p, char *text)
{
  int rc = AMZ_OK;

  while (rc == AMZ_OK && *text) {
    char *end = strchr(text, '\n');

    if (!end)
      return AMZ_ECORRUPT;
    *end = '\0';
    rc = read_line(p, text);
    text = end + 1;
  }
  return rc == AMZ_OK && !*p->key ? AMZ_ECORRUPT : rc;
}

int amz_places_read(const char *dir, struct amz_places *ret, struct amz_error *err)
{
  struct amz_buf path = AMZ_BUF_INIT, text = AMZ_BUF_INIT;
  int rc;

  memset(ret, 0, sizeof *ret);
  amz_buf_addf(&path, "%s/" NAME, dir);
  rc = amz_buf_ok(&path);
  if (rc == AMZ_OK)
    rc = amz_disk_read_file(path.data, MOST_BYTES, &text, err);
  if (rc == AMZ_OK) {
    amz_buf_addc(&text, '\0');
    rc = amz_buf_ok(&text) < 0 ? AMZ_ENOMEM : read_lines(ret, text.data);
    if (rc < 0)
      rc = amz_error_set(err, rc, "%s: %s", path.data,
                         rc == AMZ_ENOMEM ? "out of memory" : "damaged: it says where outputs lie on other nodes");
  }
  amz_buf_clear(&path);
  amz_buf_clear(&text);
  if (rc < 0)
    amz_places_clear(ret);
  return rc == AMZ_ENOENT ? AMZ_OK : rc;
}

int amz_places_write(const char *dir, const struct amz_places *p, struct amz_error *err)
{
  struct amz_buf text = AMZ_BUF_INIT;
  int rc;

  if (!*p->key)
    return AMZ_OK;
  amz_buf_addf(&text, "key %s\n", p->key);
  for (size_t i = 0; i < p->n; i++)
    amz_buf_addf(&text, "at %s %s\n", p->items[i].node, p->items[i].path);
  rc = amz_buf_ok(&text);
  rc = rc < 0 ? amz_error_set(err, rc, "out of memory") : amz_rundir_write(dir, NAME, text.data, text.len, true, err);
  amz_buf_clear(&text);
  return rc;
}

/* Hostfiles: those of Open MPI and MPICH, which users write, and the plain lists that PBS and LSF make.
 *
 * All findings of a file are told at once. The text needs no NUL at its end and may hold any bytes. */
#include <string.h>

#include <amorsize/units.h>

#include "allocation_private.h"

struct line {
  const char *path;
  size_t number;
  const char *text, *at, *end;
  enum amz_severity severity;
  struct amz_diags *diags;
};

static bool is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r';
}

static int find(const struct line *l, const char *at, const char *what)
{
  amz_diags_add(l->diags, l->severity, l->path, l->number, (size_t)(at - l->text) + 1, "%s", what);
  return AMZ_EINVAL;
}

static void skip_blanks(struct line *l)
{
  while (l->at < l->end && is_blank(*l->at))
    l->at++;
}

/* The next word: up to a blank, and up to `stop`. */
static size_t take_word(struct line *l, char stop, const char **ret)
{
  skip_blanks(l);
  *ret = l->at;
  while (l->at < l->end && !is_blank(*l->at) && *l->at != stop)
    l->at++;
  return (size_t)(l->at - *ret);
}

/* A number of slots. \return 0 when it is none, which is noted. */
static uint32_t slots_of(const struct line *l, const char *word, size_t n)
{
  char digits[16] = "";
  uint64_t v = 0;

  if (n < sizeof digits)
    memcpy(digits, word, n);
  if (amz_parse_u64(digits, &v) < 0 || v == 0 || v > AMZ_NODE_SLOTS_MAX) {
    (void)find(l, word, "a number of slots from 1 to 1048576 is expected");
    return 0;
  }
  return (uint32_t)v;
}

static bool is_word(const char *word, size_t n, const char *name)
{
  return strlen(name) == n && memcmp(word, name, n) == 0;
}

/* "slots=4", with blanks around the sign if one likes (Open MPI allows them). */
static int take_setting(struct line *l, uint32_t *slots, uint32_t *max_slots)
{
  const char *key, *value;
  size_t n_key = take_word(l, '=', &key), n_value;
  uint32_t v;

  skip_blanks(l);
  if (l->at == l->end || *l->at != '=')
    return find(l, key, "a setting like slots=4 is expected behind the host");
  l->at++;
  n_value = take_word(l, ' ', &value);
  if (!is_word(key, n_key, "slots") && !is_word(key, n_key, "max_slots") && !is_word(key, n_key, "max-slots")) {
    amz_diags_add(l->diags, AMZ_WARNING, l->path, l->number, (size_t)(key - l->text) + 1,
                  "this setting has no effect here; slots and max_slots have");
    return AMZ_OK;
  }
  v = slots_of(l, value, n_value);
  *(key[0] == 's' ? slots : max_slots) = v;
  return v ? AMZ_OK : AMZ_EINVAL;
}

static int note_slots(struct line *l, struct amz_host *host, uint32_t slots, uint32_t max_slots)
{
  if (slots == 0 && max_slots > 0)
    slots = max_slots;
  if (max_slots > 0 && slots > max_slots)
    return find(l, l->text, "more slots than max_slots");
  host->counted = host->counted || slots > 0;
  host->slots += slots ? slots : 1;
  if (max_slots > 0)
    host->max_slots = max_slots;
  if (host->slots > AMZ_NODE_SLOTS_MAX)
    return find(l, l->text, "the slots of this host add up to more than 1048576");
  return AMZ_OK;
}

/* One line without its comment. */
static int take_line(struct line *l, struct amz_hosts *h)
{
  uint32_t slots = 0, max_slots = 0;
  const char *word, *colon;
  size_t n = take_word(l, ' ', &word), at;
  int rc;

  if (n == 0)
    return AMZ_OK;
  colon = memchr(word, ':', n);
  if (colon && !memchr(colon + 1, ':', n - (size_t)(colon + 1 - word))) { /* one colon: a count; more: an IPv6 address */
    slots = slots_of(l, colon + 1, n - (size_t)(colon + 1 - word));
    if (slots == 0)
      return AMZ_EINVAL;
    n = (size_t)(colon - word);
  }
  for (skip_blanks(l); l->at < l->end; skip_blanks(l))
    if ((rc = take_setting(l, &slots, &max_slots)) < 0)
      return rc;
  rc = amz_hosts_add(h, word, n, &at);
  if (rc == AMZ_EINVAL)
    return find(l, word, "no host name (user@host belongs into ~/.ssh/config)");
  if (rc == AMZ_ERANGE)
    return find(l, word, "too many hosts");
  return rc < 0 ? rc : note_slots(l, &h->items[at], slots, max_slots);
}

int amz_hostfile_parse(const char *path, const char *text, size_t n, enum amz_severity severity, struct amz_diags *diags,
                       struct amz_hosts *h)
{
  const char *end = text + n;
  struct line l = {.path = path, .severity = severity, .diags = diags};
  int worst = AMZ_OK;

  while (text < end) {
    const char *newline = memchr(text, '\n', (size_t)(end - text)), *stop = newline ? newline : end;
    const char *comment = memchr(text, '#', (size_t)(stop - text));
    int rc;

    l.number++;
    l.text = l.at = text;
    l.end = comment ? comment : stop;
    rc = take_line(&l, h);
    if (rc == AMZ_ENOMEM)
      return rc;
    if (rc < 0)
      worst = rc;
    text = stop + (newline ? 1 : 0);
  }
  if (worst == AMZ_OK && h->count == 0) {
    amz_diags_add(diags, severity, path, 0, 0, "no host in it");
    worst = AMZ_EINVAL;
  }
  return worst;
}

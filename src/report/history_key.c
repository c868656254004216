/* What a job is known by, in words. The key is made for comparing (job/identity.c, history/key.c): lines of a word and what it
 * says. What is as it is without anybody saying so is left out here; JSON has the key as it stands. Lines that aren't understood
 * are shown as they are. */
#include "history_key.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include <amorsize/diag.h>
#include <amorsize/units.h>

#include "words.h"

#define SHOWN 300u

/* What is left of a line, word by word. */
struct line {
  const char *at;
  size_t n;
};

static struct line take_word(struct line *l)
{
  const char *blank = memchr(l->at, ' ', l->n);
  struct line word = {l->at, blank ? (size_t)(blank - l->at) : l->n};
  size_t used = word.n + (blank != NULL);

  l->at += used;
  l->n -= used;
  return word;
}

static struct line take_last(struct line *l)
{
  size_t from = l->n;

  while (from > 0 && l->at[from - 1] != ' ')
    from--;
  l->n = from > 0 ? from - 1 : 0;
  return (struct line){l->at + from, (size_t)(strcspn(l->at + from, " \n"))};
}

static bool is(const struct line *word, const char *text)
{
  return word->n == strlen(text) && memcmp(word->at, text, word->n) == 0;
}

static bool read_number(const struct line *word, uint64_t *ret)
{
  uint64_t value = 0;

  for (size_t i = 0; i < word->n; i++) {
    if (word->at[i] < '0' || word->at[i] > '9' || value > (UINT64_MAX - 9) / 10)
      return false;
    value = value * 10 + (uint64_t)(word->at[i] - '0');
  }
  *ret = value;
  return word->n > 0;
}

static void add(struct amz_buf *out, const char *name, const struct line *l)
{
  amz_buf_addf(out, "%s: ", name);
  amz_buf_add_printable(out, l->at, l->n, SHOWN);
}

/* ---- lines that need other words ------------------------------------------------------------------------------------------- */

/* Each writes nothing for what nobody said. \return false: it isn't understood. */
static bool add_nothing(struct line l, struct amz_buf *out)
{
  (void)l;
  (void)out;
  return true;
}

static bool add_preset(struct line l, struct amz_buf *out)
{
  if (!is(&l, "default"))
    add(out, "preset", &l);
  return true;
}

static bool add_size(struct line l, struct amz_buf *out)
{
  struct line power = {l.at + 2, l.n > 2 ? l.n - 2 : 0};
  uint64_t bits;
  char text[32];

  if (is(&l, "unknown"))
    return true;
  if (l.n < 2 || memcmp(l.at, "2^", 2) != 0 || !read_number(&power, &bits) || bits > 63)
    return false;
  amz_buf_addf(out, "weight: %s or more, less than twice that, in the median",
               amz_format_count(UINT64_C(1) << bits, text, sizeof text));
  return true;
}

static bool add_memory(struct line l, struct amz_buf *out)
{
  struct line all = l, word = take_word(&l);
  uint64_t bytes;
  char text[32];

  if (!read_number(&word, &bytes)) /* a column's name */
    add(out, "memory", &all);
  else if (bytes || l.n)
    amz_buf_addf(out, "memory: %s%s", bytes ? amz_format_bytes(bytes, text, sizeof text) : "not said", l.n ? ", ignored" : "");
  return true;
}

static bool add_gpus(struct line l, struct amz_buf *out)
{
  if (!is(&l, "0"))
    add(out, "GPUs", &l);
  return true;
}

static bool add_chunks(struct line l, struct amz_buf *out)
{
  char texts[3][32];
  uint64_t ns;

  for (int i = 0; i < 3; i++) {
    struct line word = take_word(&l);

    if (!read_number(&word, &ns) || ns > INT64_MAX)
      return false;
    (void)amz_format_duration((int64_t)ns, texts[i], sizeof texts[i]);
  }
  amz_buf_addf(out, "chunks: of %s, %s to %s", texts[0], texts[1], texts[2]);
  return true;
}

static bool add_program(struct line l, struct amz_buf *out)
{
  struct line digest = take_last(&l), size = take_last(&l);
  uint64_t bytes;
  char text[32];

  if (l.n == 0 || !read_number(&size, &bytes))
    return false;
  add(out, "program", &l);
  amz_buf_addf(out, ", %s, content ", amz_format_bytes(bytes, text, sizeof text));
  amz_buf_add_printable(out, digest.at, digest.n, SHOWN);
  return true;
}

/* "cores 2 units 4" → "2 cores, 4 units". */
static bool add_pairs(const char *name, struct line l, struct amz_buf *out)
{
  amz_buf_addf(out, "%s: ", name);
  for (bool first = true; l.n > 0; first = false) {
    struct line what = take_word(&l), many = is(&what, "digest") || is(&what, "by") ? (struct line){l.at, 0} : take_word(&l);

    amz_buf_adds(out, first ? "" : ", ");
    if (many.n) {
      amz_buf_add_printable(out, many.at, many.n, SHOWN);
      amz_buf_addc(out, ' ');
    }
    amz_buf_add_printable(out, what.at, what.n, SHOWN);
    if (many.n)
      continue;
    amz_buf_addc(out, ' '); /* the rest belongs to it */
    amz_buf_add_printable(out, l.at, l.n, SHOWN);
    break;
  }
  return true;
}

static bool add_topology(struct line l, struct amz_buf *out)
{
  return add_pairs("topology", l, out);
}

static bool add_allowed(struct line l, struct amz_buf *out)
{
  return add_pairs("allowed", l, out);
}

static const struct {
  const char *word;
  bool (*add)(struct line l, struct amz_buf *out);
} lines[] = {
  {"history", add_nothing}, {"preset", add_preset},   {"size", add_size},       {"memory", add_memory},   {"gpus", add_gpus},
  {"chunks", add_chunks},   {"program", add_program}, {"topology", add_topology}, {"allowed", add_allowed},
};

/* ---- all of it ------------------------------------------------------------------------------------------------------------- */

static void add_line(struct line l, struct amz_buf *out)
{
  struct line whole = l, word = take_word(&l);

  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    if (is(&word, lines[i].word)) {
      if (!lines[i].add(l, out))
        amz_buf_add_printable(out, whole.at, whole.n, SHOWN);
      return;
    }
  amz_buf_add_printable(out, word.at, word.n, SHOWN);
  amz_buf_adds(out, ": ");
  amz_buf_add_printable(out, l.at, l.n, SHOWN);
}

void amz_history_key_add(const char *key, struct amz_buf *out)
{
  const char *name = "known by";
  struct amz_buf said = AMZ_BUF_INIT;

  for (size_t n; *key; key += n + (key[n] == '\n')) {
    n = strcspn(key, "\n");
    amz_buf_reset(&said);
    add_line((struct line){key, n}, &said);
    if (said.len == 0)
      continue;
    amz_word_name(name, out);
    amz_buf_add(out, said.data, said.len);
    amz_buf_addc(out, '\n');
    name = "";
  }
  out->failed = out->failed || said.failed;
  amz_buf_clear(&said);
}

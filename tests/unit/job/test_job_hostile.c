/* Descriptions that mean harm: each is refused with one clear finding, within bounds; and mutations of a good one never crash. */
#include <stdlib.h>
#include <string.h>

#include <amorsize/rng.h>

#include "../../support/tap.h"
#include "example.h"
#include "job_support.h"

static void repeat(struct amz_buf *b, const char *text, size_t times)
{
  for (size_t i = 0; i < times; i++)
    amz_buf_adds(b, text);
}

/* Loads a text that is refused by `findings`. */
static void refused(const char *what, const struct amz_buf *text, const char *findings)
{
  const struct amz_job_input input = {.file_name = "job.yaml", .yaml_text = amz_buf_text(text), .yaml_len = text->len};
  struct loaded l;

  load(&input, &l);
  ASSERT_ROW_TEXT(what, amz_buf_text(&l.findings), findings);
  ASSERT_ROW_I64(what, l.rc, AMZ_EINVAL);
  loaded_clear(&l);
}

static void deep_nesting_is_refused(void)
{
  static const struct {
    const char *what, *level, *findings;
  } rows[] = {
    {"flow lists", "[", "job.yaml:1:33: nested more than 32 levels deep\n"},
    {"flow maps", "{a: ", "job.yaml:1:129: nested more than 32 levels deep\n"},
    {"block lists", "- ", "job.yaml:1:65: nested more than 32 levels deep\n"},
    {"block maps", "? ", "job.yaml:1:65: nested more than 32 levels deep\n"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_buf text = AMZ_BUF_INIT;

    repeat(&text, rows[i].level, 10000);
    refused(rows[i].what, &text, rows[i].findings);
    amz_buf_clear(&text);
  }
}

static void indentation_of_2000_levels_is_refused(void)
{
  struct amz_buf text = AMZ_BUF_INIT;

  for (size_t i = 0; i < 2000; i++) {
    repeat(&text, " ", i);
    amz_buf_adds(&text, "a:\n");
  }
  refused("block maps by indentation", &text, "job.yaml:33:33: nested more than 32 levels deep\n");
  amz_buf_clear(&text);
}

static void alias_bombs_are_refused(void)
{
  struct amz_buf text = AMZ_BUF_INIT;

  amz_buf_adds(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
  for (int i = 1; i < 20; i++) {
    amz_buf_addf(&text, "a%d: &a%d [", i, i);
    for (int j = 0; j < 10; j++)
      amz_buf_addf(&text, "*a%d,", i - 1);
    amz_buf_adds(&text, "]\n");
  }
  /* a0 to a4 weigh 11, 111, … 111111: 123455 with the root, and 11 keys or so; eight times 111111 on top pass 10^6 */
  refused("lists of lists", &text,
          "job.yaml:6:38: too many values, aliases written out: long lists belong in files of their own (lines, csv)\n");
  amz_buf_reset(&text);
  amz_buf_adds(&text, "a: &a ");
  repeat(&text, "y", 1000000);
  amz_buf_adds(&text, "\nslurm: {extra: [");
  repeat(&text, "*a,", 10000);
  amz_buf_adds(&text, "]}\n");
  /* 31251 a time (10^6 / 32 + 1), on top of 31251 and the few values around: 30 more fit, the 31st does not */
  refused("a long text again and again", &text,
          "job.yaml:2:107: too many values, aliases written out: long lists belong in files of their own (lines, csv)\n");
  amz_buf_clear(&text);
}

static void too_much_of_anything_is_refused(void)
{
  static const struct {
    const char *what, *before, *unit, *after;
    size_t times;
    const char *findings;
  } rows[] = {
    {"one letter, too often", "", "aaaaaaaaaaaaaaaa", "", (size_t)(AMZ_JOB_TEXT_MAX / 16) + 1,
     "job.yaml: larger than 16 MiB: long lists belong in files of their own (lines, csv)\n"},
    {"a mebibyte of one letter", "", "aaaaaaaaaaaaaaaa", "\n", 65536,
     "job.yaml:1:1: expected keys like \"tasks:\", got \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…\"\n"},
    {"anchors", "[", "&a x,", "]", 1001, "job.yaml:1:5002: more than 1000 anchors\n"},
    {"NUL bytes", "", "\x01", "", 1000, "job.yaml:1:1: not a text file: it holds a byte 0x01\n"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_buf text = AMZ_BUF_INIT;

    amz_buf_adds(&text, rows[i].before);
    repeat(&text, rows[i].unit, rows[i].times);
    amz_buf_adds(&text, rows[i].after);
    refused(rows[i].what, &text, rows[i].findings);
    amz_buf_clear(&text);
  }
}

static void many_keys_are_refused(void)
{
  struct amz_buf text = AMZ_BUF_INIT;

  for (int i = 0; i < 501; i++)
    amz_buf_addf(&text, "k%d: 1\n", i);
  refused("keys", &text, "job.yaml:502:1: a mapping of more than 500 keys\n");
  amz_buf_clear(&text);
}

static void bytes_that_are_no_text_are_refused(void)
{
  static const struct {
    const char *what, *bytes;
    size_t n;
    const char *findings;
  } rows[] = {
    {"NUL in the second line", "a: 1\nb\0c", 8, "job.yaml:2:2: not a text file: it holds a byte 0x00\n"},
    {"an ELF file", "\x7f" "ELF\x02\x01", 6, "job.yaml:1:1: not a text file: it holds a byte 0x7f\n"},
    {"UTF-16", "\xff\xfe" "a\0", 4, "job.yaml:1:4: not a text file: it holds a byte 0x00\n"},
    {"Latin-1", "job: gr\xfcn\n", 10, "job.yaml:1:8: not text in UTF-8\n"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_buf text = AMZ_BUF_INIT;

    amz_buf_add(&text, rows[i].bytes, rows[i].n);
    refused(rows[i].what, &text, rows[i].findings);
    amz_buf_clear(&text);
  }
}

/* One random change of n bytes of text. \return the new length. */
static size_t mutate(struct amz_rng *rng, char *text, size_t n, size_t cap)
{
  static const char spice[] = "{}[]:,-#&*!|>'\"%@`?\n\t \\0~<=$()";
  size_t at = (size_t)amz_rng_below(rng, n), other = (size_t)amz_rng_below(rng, n), len;

  switch (amz_rng_below(rng, 5)) {
  case 0:
    text[at] = spice[amz_rng_below(rng, sizeof spice - 1)];
    return n;
  case 1:
    text[at] = (char)amz_rng_below(rng, 256);
    return n;
  case 2: /* drop a piece */
    len = (size_t)amz_rng_below(rng, n - at < 40 ? n - at : 40);
    memmove(text + at, text + at + len, n - at - len);
    return n - len;
  case 3: /* a piece again somewhere else */
    len = (size_t)amz_rng_below(rng, n - other < 40 ? n - other : 40);
    if (n + len > cap || at + len > n)
      return n;
    memmove(text + at + len, text + at, n - at);
    memmove(text + at, text + other, len);
    return n + len;
  default: /* truncated, now and then */
    return amz_rng_below(rng, 8) == 0 ? at + 1 : n;
  }
}

/* Whatever comes of a mutation: a job whose tasks can be filled, or a finding. */
static void survives(const char *text, size_t n)
{
  const struct amz_job_input input = {.file_name = "job.yaml", .yaml_text = text, .yaml_len = n};
  static const struct amz_place place = {0, 0, 1, NULL};
  struct amz_error err;
  struct amz_task task;
  struct loaded l;

  load(&input, &l);
  CU_ASSERT((l.rc == AMZ_OK && l.job && l.errors == 0) || (l.rc == AMZ_EINVAL && !l.job && l.errors > 0));
  if (l.job) {
    amz_task_init(&task);
    (void)amz_task_fill(l.job, amz_job_tasks(l.job) - 1, &place, &task, &err);
    amz_task_clear(&task);
  }
  loaded_clear(&l);
}

static void mutations_never_crash(void)
{
  enum { ROUNDS = 3000, CAP = 4096 };
  struct amz_rng rng;

  amz_rng_seed(&rng, 20240607);
  for (int i = 0; i < ROUNDS; i++) {
    char *text = malloc(CAP); /* of its own, so that a sanitizer sees a read past its end */
    size_t n = sizeof example - 1, changes = 1 + (size_t)amz_rng_below(&rng, 6);

    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    memcpy(text, example, n);
    for (size_t j = 0; j < changes && n > 1; j++)
      n = mutate(&rng, text, n, CAP);
    survives(text, n);
    free(text);
  }
}

static void every_truncation_is_survived(void)
{
  for (size_t n = 0; n < sizeof example; n++) {
    char *text = malloc(n ? n : 1);

    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    memcpy(text, example, n);
    survives(text, n < sizeof example - 1 ? n : sizeof example - 1);
    free(text);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"deep nesting is refused", deep_nesting_is_refused},
    {"indentation of 2000 levels is refused", indentation_of_2000_levels_is_refused},
    {"alias bombs are refused", alias_bombs_are_refused},
    {"too much of anything is refused", too_much_of_anything_is_refused},
    {"many keys are refused", many_keys_are_refused},
    {"bytes that are no text are refused", bytes_that_are_no_text_are_refused},
    {"every truncation is survived", every_truncation_is_survived},
    {"mutations never crash", mutations_never_crash},
    {NULL, NULL},
  };

  return amz_test_main("job hostile", tests, 0);
}

/* Lists, matches of patterns, and the lines of a file. */
#include <stdlib.h>
#include <string.h>

#include "../../../src/job/source.h"
#include "../../support/tap.h"
#include "fake_files.h"

/* All values, each followed by '|'. */
static const char *joined(const struct amz_source *s, struct amz_buf *out)
{
  amz_buf_reset(out);
  for (uint64_t i = 0; i < amz_source_count(s); i++) {
    amz_source_value(s, i, out);
    amz_buf_addc(out, '|');
  }
  return amz_buf_text(out);
}

static void lists(void)
{
  static const char *const values[] = {"a", "", "two words", "\xff\xfe", "-x"};
  struct amz_buf out = AMZ_BUF_INIT;
  struct amz_source *s = NULL;

  CU_ASSERT_FATAL(amz_source_list(values, 5, NULL, &s) == AMZ_OK);
  ASSERT_U64(amz_source_count(s), 5);
  ASSERT_TEXT(joined(s, &out), "a||two words|\xff\xfe|-x|");
  amz_source_free(s);
  CU_ASSERT_FATAL(amz_source_list(NULL, 0, NULL, &s) == AMZ_OK);
  ASSERT_U64(amz_source_count(s), 0);
  amz_source_free(s);
  amz_source_free(NULL);
  amz_buf_clear(&out);
}

static void globs(void)
{
  struct fake_file f = {"", "A b\0a\nc\0\xe9t\xe9\0", 12};
  struct amz_files files = fake_files(&f);
  struct amz_buf out = AMZ_BUF_INIT;
  struct amz_source *s = NULL;
  struct amz_error err = {0, 0, ""};

  CU_ASSERT_FATAL(amz_source_glob(&files, "*", &err, &s) == AMZ_OK);
  ASSERT_U64(amz_source_count(s), 3);
  ASSERT_TEXT(joined(s, &out), "A b|a\nc|\xe9t\xe9|");
  amz_source_free(s);
  f.n = 0;
  CU_ASSERT_FATAL(amz_source_glob(&files, "*", &err, &s) == AMZ_OK);
  ASSERT_U64(amz_source_count(s), 0);
  amz_source_free(s);
  ASSERT_I64(amz_source_glob(&files, "[", &err, &s), AMZ_EINVAL);
  ASSERT_TEXT(err.text, "bad pattern");
  amz_buf_clear(&out);
}

static void lines(void)
{
  static const struct {
    const char *what, *text;
    bool commands;
    const char *expected;
  } rows[] = {
    {"plain", "a\nb\n", false, "a|b|"},
    {"last without its end", "a\nb", false, "a|b|"},
    {"DOS ends", "a\r\nb\r\n", false, "a|b|"},
    {"a carriage return elsewhere stays", "a\rb\nc\r", false, "a\rb|c\r|"},
    {"blank lines stay", "\na\n\n \nb\n", false, "|a|| |b|"},
    {"but not at the end", "a\n\n \t\r\n\n", false, "a|"},
    {"blanks of a line stay", " a \nb  ", false, " a |b  |"},
    {"comments are values", "# a\n", false, "# a|"},
    {"empty file", "", false, ""},
    {"nothing but blank lines", "\n\n  \n", false, ""},
    {"commands", "echo 1\n\n# no\n  # no\n  echo 2 # yes\n\t\n", true, "echo 1|  echo 2 # yes|"},
    {"commands, DOS, no end", "x\r\n\r\ny", true, "x|y|"},
    {"no commands", "# a\n\n", true, ""},
    {"any bytes", "\xff\xfe\n\x01\n", true, "\xff\xfe|\x01|"},
  };
  struct amz_buf out = AMZ_BUF_INIT;

  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    struct fake_file f = {"f", rows[r].text, strlen(rows[r].text)};
    struct amz_files files = fake_files(&f);
    struct amz_source *s = NULL;

    ASSERT_ROW_I64(rows[r].what, amz_source_lines(&files, "f", rows[r].commands, NULL, &s), AMZ_OK);
    if (s)
      ASSERT_ROW_TEXT(rows[r].what, joined(s, &out), rows[r].expected);
    amz_source_free(s);
  }
  amz_buf_clear(&out);
}

static void long_lines_are_not_split(void)
{
  size_t n = (size_t)3 << 20;
  struct amz_buf text = AMZ_BUF_INIT, out = AMZ_BUF_INIT;
  char *space = amz_buf_add_space(&text, n);
  struct amz_source *s = NULL;
  struct fake_file f;
  struct amz_files files;

  CU_ASSERT_FATAL(space != NULL);
  memset(space, 'x', n);
  amz_buf_adds(&text, "\nshort\n");
  f = (struct fake_file){"f", text.data, text.len};
  files = fake_files(&f);
  CU_ASSERT_FATAL(amz_source_lines(&files, "f", true, NULL, &s) == AMZ_OK);
  ASSERT_U64(amz_source_count(s), 2);
  amz_source_value(s, 0, &out);
  ASSERT_U64(out.len, n);
  CU_ASSERT(memcmp(out.data, text.data, n) == 0);
  amz_buf_reset(&out);
  amz_source_value(s, 1, &out);
  ASSERT_TEXT(amz_buf_text(&out), "short");
  amz_source_free(s);
  amz_buf_clear(&text);
  amz_buf_clear(&out);
}

static void many_lines(void)
{
  struct amz_buf text = AMZ_BUF_INIT, out = AMZ_BUF_INIT;
  struct amz_source *s = NULL;
  struct fake_file f;
  struct amz_files files;

  for (int i = 0; i < 100000; i++)
    amz_buf_addf(&text, "%d\n", i);
  f = (struct fake_file){"f", text.data, text.len};
  files = fake_files(&f);
  CU_ASSERT_FATAL(amz_source_lines(&files, "f", false, NULL, &s) == AMZ_OK);
  ASSERT_U64(amz_source_count(s), 100000);
  amz_source_value(s, 98765, &out);
  ASSERT_TEXT(amz_buf_text(&out), "98765");
  amz_source_free(s);
  amz_buf_clear(&text);
  amz_buf_clear(&out);
}

static void refusals(void)
{
  struct fake_file f = {"f", "a\nb\0c\n", 6};
  struct amz_files files = fake_files(&f);
  struct amz_error err = {0, 0, ""};
  struct amz_source *s = NULL;

  ASSERT_I64(amz_source_lines(&files, "f", false, &err, &s), AMZ_EINVAL);
  ASSERT_TEXT(err.text, "f:2: a NUL byte: this is no text file");
  ASSERT_I64(amz_source_lines(&files, "g", false, &err, &s), AMZ_ENOENT);
  ASSERT_TEXT(err.text, "no file g");
  CU_ASSERT_PTR_NULL(s);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"lists", lists}, {"globs", globs}, {"lines", lines}, {"long lines are not split", long_lines_are_not_split},
    {"many lines", many_lines}, {"refusals", refusals}, {NULL, NULL}};

  return amz_test_main("job: lists, globs and lines", tests, 0);
}

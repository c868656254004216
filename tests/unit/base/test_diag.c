/* Findings: order, bound, safety on a terminal, near words. */
#include <string.h>

#include <amorsize/diag.h>

#include "../../support/tap.h"

static void shown_in_order_of_position(void)
{
  struct amz_diags d;
  struct amz_buf out = AMZ_BUF_INIT;

  amz_diags_init(&d);
  amz_diags_add(&d, AMZ_ERROR, "job.yaml", 12, 9, "b");
  amz_diags_add(&d, AMZ_WARNING, "job.yaml", 3, 1, "a");
  amz_diags_add(&d, AMZ_ERROR, "--set", 0, 0, "c");
  amz_diags_print(&d, &out);
  ASSERT_TEXT(amz_buf_text(&out), "job.yaml:3:1: warning: a\njob.yaml:12:9: b\n--set: c\n");
  ASSERT_U64(d.errors, 2);
  ASSERT_U64(d.warnings, 1);
  amz_buf_clear(&out);
  amz_diags_clear(&d);
}

static void bounded(void)
{
  struct amz_diags d;
  struct amz_buf out = AMZ_BUF_INIT;

  amz_diags_init(&d);
  for (size_t i = 0; i < AMZ_DIAGS_MAX + 5; i++)
    amz_diags_add(&d, AMZ_ERROR, "f", 1, 1, "x");
  ASSERT_U64(d.count, AMZ_DIAGS_MAX);
  amz_diags_print(&d, &out);
  CU_ASSERT_PTR_NOT_NULL(strstr(amz_buf_text(&out), "… and 5 more\n"));
  amz_buf_clear(&out);
  amz_diags_clear(&d);
}

static void text_is_made_safe(void)
{
  static const struct {
    const char *in;
    size_t n;
    const char *expected;
  } rows[] = {
    {"plain", 5, "plain"}, {"a\033[2Jb\n", 7, "a\\x1b[2Jb\\x0a"}, {"gr\xc3\xbcn", 5, "grün"}, {"\xff\xfe", 2, "\\xff\\xfe"},
    {"\xc0\xaf", 2, "\\xc0\\xaf"}, {"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"}, {"\xc2\x9b", 2, "\\xc2\\x9b"}, {"a\0b", 3, "a\\x00b"},
    {"\xe2\x82", 2, "\\xe2\\x82"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_buf b = AMZ_BUF_INIT;

    amz_buf_add_printable(&b, rows[i].in, rows[i].n, SIZE_MAX);
    ASSERT_ROW_TEXT(rows[i].expected, amz_buf_text(&b), rows[i].expected);
    amz_buf_clear(&b);
  }
}

static void near_words(void)
{
  static const char *const names[] = {"target", "threads", "policy", "min", "max"};

  ASSERT_TEXT(amz_nearest("treads", names, 5), "threads");
  ASSERT_TEXT(amz_nearest("polciy", names, 5), "policy");
  ASSERT_TEXT(amz_nearest("mn", names, 5), "min");
  CU_ASSERT_PTR_NULL(amz_nearest("zebra", names, 5));
  CU_ASSERT_PTR_NULL(amz_nearest("", names, 0));
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"shown in order of position", shown_in_order_of_position}, {"bounded", bounded}, {"text is made safe", text_is_made_safe},
    {"near words", near_words}, {NULL, NULL},
  };

  return amz_test_main("diag", tests, 0);
}

/* Tables, after the rules and examples of RFC 4180, section 2. */
#include <stdlib.h>
#include <string.h>

#include "../../../src/job/source.h"
#include "../../support/tap.h"
#include "fake_files.h"

static int load(const char *text, size_t n, struct amz_error *err, struct amz_buf *out)
{
  struct fake_file f = {"t.csv", text, n};
  struct amz_files files = fake_files(&f);
  const char **names = NULL;
  struct amz_source **columns = NULL;
  size_t count = 0;
  int rc = amz_source_csv(&files, "t.csv", err, &names, &columns, &count);

  amz_buf_reset(out);
  if (rc < 0)
    return rc;
  for (size_t i = 0; i < count; i++)
    amz_buf_addf(out, "<%s>", names[i]);
  for (uint64_t row = 0; row < amz_source_count(columns[0]); row++) {
    amz_buf_addc(out, '/');
    for (size_t i = 0; i < count; i++) {
      amz_buf_addc(out, '<');
      amz_source_value(columns[i], row, out);
      amz_buf_addc(out, '>');
    }
  }
  for (size_t i = 0; i < count; i++)
    amz_source_free(columns[i]);
  free(names);
  free(columns);
  return AMZ_OK;
}

static void tables(void)
{
  static const struct {
    const char *what, *text, *expected;
  } rows[] = {
    {"rule 1: CRLF", "h1,h2\r\naaa,bbb\r\nzzz,yyy\r\n", "<h1><h2>/<aaa><bbb>/<zzz><yyy>"},
    {"rule 2: last line end may lack", "h1,h2\r\naaa,bbb", "<h1><h2>/<aaa><bbb>"},
    {"LF", "h1,h2\naaa,bbb\n", "<h1><h2>/<aaa><bbb>"},
    {"rule 4: blanks belong to fields", "a , b\n 1,2 \n", "<a >< b>/< 1><2 >"},
    {"rule 5: quoted fields", "\"a\",\"b\"\n\"1\",2\n", "<a><b>/<1><2>"},
    {"rule 6: comma, quote and line breaks in quotes", "a,b\n\"x,y\",\"l1\r\nl2\nl3\"\n", "<a><b>/<x,y><l1\r\nl2\nl3>"},
    {"rule 7: doubled quotes", "a,b\n\"say \"\"hi\"\"\",\"\"\"\"\n", "<a><b>/<say \"hi\"><\">"},
    {"empty fields", "a,b,c\n,,\n\"\",x,\n", "<a><b><c>/<><><>/<><x><>"},
    {"empty last field at the end of text", "a,b\n1,", "<a><b>/<1><>"},
    {"header alone", "a,b\n", "<a><b>"},
    {"header alone without its end", "a", "<a>"},
    {"an empty line is an empty field of one column", "a\n\n1\n", "<a>/<>/<1>"},
    {"byte order mark", "\xef\xbb\xbf" "a,b\n1,2\n", "<a><b>/<1><2>"},
    {"byte order mark before a quote", "\xef\xbb\xbf\"a\"\n1\n", "<a>/<1>"},
    {"other bytes pass", "a\n\xff\x01\t;\n", "<a>/<\xff\x01\t;>"},
    {"a quoted name", "\"a,\"\"b\"\n1\n", "<a,\"b>/<1>"},
    {"end of text behind a quote", "a\n\"1\"", "<a>/<1>"},
  };
  struct amz_buf out = AMZ_BUF_INIT;

  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    struct amz_error err = {0, 0, ""};

    ASSERT_ROW_I64(rows[r].what, load(rows[r].text, strlen(rows[r].text), &err, &out), AMZ_OK);
    ASSERT_ROW_TEXT(rows[r].what, amz_buf_text(&out), rows[r].expected);
  }
  amz_buf_clear(&out);
}

static void refusals(void)
{
  static const struct {
    const char *text, *words;
  } rows[] = {
    {"", "t.csv: the table is empty: a header with the column names is needed"},
    {"\xef\xbb\xbf", "t.csv: the table is empty: a header with the column names is needed"},
    {"a,b\n1\n", "t.csv:2: 1 field where the header has 2"},
    {"a,b\n1,2\n1,2,3\n", "t.csv:3: 3 fields where the header has 2"},
    {"a,b\n1,2\n\n", "t.csv:3: 1 field where the header has 2"},
    {"a,b\n\"1\n2\",3\n4\n", "t.csv:4: 1 field where the header has 2"},
    {"a,,c\n", "t.csv:1: column 2 has no name"},
    {"\na\n", "t.csv:1: column 1 has no name"},
    {"a,\n", "t.csv:1: column 2 has no name"},
    {"a,b,a\n", "t.csv:1: columns 1 and 3 are both called \"a\""},
    {"a,\"a\"\n", "t.csv:1: columns 1 and 2 are both called \"a\""},
    {"a\nx\"y\n", "t.csv:2:2: a quote inside a plain field; put the whole field in quotes and double this one"},
    {"a,b\n1,\"x\"y\n", "t.csv:2:6: text behind a closing quote"},
    {"a\n\"x\" \n", "t.csv:2:4: text behind a closing quote"},
    {"a,b\n1,2\n3,\"x\ny\n", "t.csv:3:3: this quote is never closed"},
    {"a\n\"x\"\"", "t.csv:2:1: this quote is never closed"},
    {"a\n1\r2\n", "t.csv:2:2: a carriage return without its line feed; put the field in quotes"},
    {"\"a", "t.csv:1:1: this quote is never closed"},
    {"\xef\xbb\xbf" "a,\"b", "t.csv:1:3: this quote is never closed"},
  };
  struct amz_buf out = AMZ_BUF_INIT;

  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    struct amz_error err = {0, 0, ""};

    ASSERT_ROW_I64(rows[r].words, load(rows[r].text, strlen(rows[r].text), &err, &out), AMZ_EINVAL);
    ASSERT_TEXT(err.text, rows[r].words);
  }
  amz_buf_clear(&out);
}

static void a_nul_byte_is_refused(void)
{
  struct amz_buf out = AMZ_BUF_INIT;
  struct amz_error err = {0, 0, ""};

  ASSERT_I64(load("a,b\n1,\0\n", 8, &err, &out), AMZ_EINVAL);
  ASSERT_TEXT(err.text, "t.csv:2:3: a NUL byte: this is no text file");
  amz_buf_clear(&out);
}

/* Columns may go in any order: the table lives as long as one does. */
static void columns_share_the_table(void)
{
  struct fake_file f = {"t.csv", "a,b\n1,2\n", 8};
  struct amz_files files = fake_files(&f);
  const char **names = NULL;
  struct amz_source **columns = NULL;
  struct amz_buf out = AMZ_BUF_INIT;
  size_t n = 0;

  CU_ASSERT_FATAL(amz_source_csv(&files, "t.csv", NULL, &names, &columns, &n) == AMZ_OK);
  amz_source_free(columns[0]);
  amz_source_value(columns[1], 0, &out);
  ASSERT_TEXT(amz_buf_text(&out), "2");
  ASSERT_TEXT(names[1], "b");
  amz_source_free(columns[1]);
  free(names);
  free(columns);
  amz_buf_clear(&out);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"tables", tables}, {"refusals", refusals}, {"a NUL byte is refused", a_nul_byte_is_refused},
    {"columns share the table", columns_share_the_table}, {NULL, NULL}};

  return amz_test_main("job: tables", tests, 0);
}

/* Shell quoting (POSIX.1-2017, XCU 2.2): between single quotes nothing is special but the single quote; between double quotes
 * $ ` " and \ are, and a backslash takes that away. Bytes are never interpreted as characters: any encoding passes. */
#include "quote.h"

#include <stdbool.h>
#include <string.h>

#include "template.h"

static void add_double(const char *text, size_t n, struct amz_buf *out)
{
  size_t from = 0;

  for (size_t i = 0; i < n; i++) {
    if (!memchr("$`\"\\", text[i], 4))
      continue;
    amz_buf_add(out, text + from, i - from);
    amz_buf_addc(out, '\\');
    from = i;
  }
  amz_buf_add(out, text + from, n - from);
}

static void add_single(const char *text, size_t n, struct amz_buf *out)
{
  size_t from = 0;

  for (size_t i = 0; i < n; i++) {
    if (text[i] != '\'')
      continue;
    amz_buf_add(out, text + from, i - from);
    amz_buf_adds(out, "'\\''");
    from = i + 1;
  }
  amz_buf_add(out, text + from, n - from);
}

void amz_quote_add(enum amz_quoting quoting, const char *text, size_t n, struct amz_buf *out)
{
  switch (quoting) {
  case AMZ_QUOTE_BARE:
    amz_buf_addc(out, '\'');
    add_single(text, n, out);
    amz_buf_addc(out, '\'');
    break;
  case AMZ_QUOTE_DOUBLE: add_double(text, n, out); break;
  case AMZ_QUOTE_SINGLE: add_single(text, n, out); break;
  case AMZ_QUOTE_NONE: amz_buf_add(out, text, n); break;
  }
}

static bool is_plain(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c != '\0' && strchr("_@%+:,./-", c));
}

/* Whether sh reads the text as one word as it stands. An '=' is safe behind a leading dash only: elsewhere the word could be an
 * assignment. */
static bool is_plain_word(const char *text, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (!is_plain(text[i]) && !(text[i] == '=' && text[0] == '-'))
      return false;
  return n > 0;
}

void amz_shell_quote(const char *text, size_t n, struct amz_buf *out)
{
  amz_quote_add(is_plain_word(text, n) ? AMZ_QUOTE_NONE : AMZ_QUOTE_BARE, text, n, out);
}

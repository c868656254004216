/* The byte buffer and its cursor. */
#include <stdlib.h>
#include <string.h>

#include <amorsize/buf.h>

#include "../../support/tap.h"

static void grows_and_stays_terminated(void)
{
  struct amz_buf b = AMZ_BUF_INIT;

  ASSERT_TEXT(amz_buf_text(&b), "");
  for (int i = 0; i < 1000; i++)
    amz_buf_addf(&b, "%d,", i);
  CU_ASSERT(amz_buf_ok(&b) == AMZ_OK);
  ASSERT_U64(b.len, 3890);
  ASSERT_U64(strlen(b.data), b.len);
  amz_buf_consume(&b, 3886);
  ASSERT_TEXT(amz_buf_text(&b), "999,");
  amz_buf_consume(&b, 100);
  ASSERT_TEXT(amz_buf_text(&b), "");
  amz_buf_clear(&b);
}

static void failure_is_sticky(void)
{
  struct amz_buf b = AMZ_BUF_INIT;

  amz_buf_adds(&b, "kept");
  CU_ASSERT_PTR_NULL(amz_buf_add_space(&b, SIZE_MAX));
  amz_buf_adds(&b, "dropped");
  CU_ASSERT(amz_buf_ok(&b) == AMZ_ENOMEM);
  CU_ASSERT_PTR_NULL(amz_buf_detach(&b));
  ASSERT_U64(b.len, 0);
}

static void detach_of_nothing_is_an_empty_string(void)
{
  struct amz_buf b = AMZ_BUF_INIT;
  char *text = amz_buf_detach(&b);

  ASSERT_TEXT(text, "");
  free(text);
}

static void encodings_are_little_endian_and_come_back(void)
{
  static const unsigned char expected[] = {7, 4, 3, 2, 1, 8, 7, 6, 5, 4, 3, 2, 1, 2, 0, 0, 0, 'h', 'i'};
  struct amz_buf b = AMZ_BUF_INIT;
  struct amz_cursor c;
  const void *bytes;
  size_t n;

  amz_buf_add_u8(&b, 7);
  amz_buf_add_u32(&b, 0x01020304);
  amz_buf_add_u64(&b, 0x0102030405060708);
  amz_buf_add_bytes(&b, "hi", 2);
  ASSERT_U64(b.len, sizeof expected);
  CU_ASSERT(memcmp(b.data, expected, sizeof expected) == 0);
  amz_buf_add_i64(&b, INT64_MIN);
  amz_buf_add_f64(&b, -0.1);
  c = amz_cursor_over(b.data, b.len);
  ASSERT_U64(amz_cursor_u8(&c), 7);
  ASSERT_U64(amz_cursor_u32(&c), 0x01020304);
  ASSERT_U64(amz_cursor_u64(&c), 0x0102030405060708);
  amz_cursor_bytes(&c, &bytes, &n);
  CU_ASSERT(n == 2 && memcmp(bytes, "hi", 2) == 0);
  ASSERT_I64(amz_cursor_i64(&c), INT64_MIN);
  CU_ASSERT(amz_cursor_f64(&c) == -0.1);
  CU_ASSERT(!c.failed);
  ASSERT_U64(amz_cursor_left(&c), 0);
  amz_buf_clear(&b);
}

static void reading_past_the_end_fails_and_gives_zeros(void)
{
  static const unsigned char lying_length[] = {255, 255, 255, 255, 1};
  struct amz_cursor c = amz_cursor_over(lying_length, sizeof lying_length);
  const void *bytes;
  size_t n;

  amz_cursor_bytes(&c, &bytes, &n);
  CU_ASSERT(c.failed);
  ASSERT_U64(n, 0);
  ASSERT_U64(amz_cursor_u64(&c), 0);
  ASSERT_U64(amz_cursor_left(&c), 0);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"grows and stays terminated", grows_and_stays_terminated},
    {"failure is sticky", failure_is_sticky},
    {"detach of nothing is an empty string", detach_of_nothing_is_an_empty_string},
    {"encodings are little-endian and come back", encodings_are_little_endian_and_come_back},
    {"reading past the end fails and gives zeros", reading_past_the_end_fails_and_gives_zeros},
    {NULL, NULL},
  };

  return amz_test_main("buf", tests, 0);
}

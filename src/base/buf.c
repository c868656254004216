/* The growable byte buffer and the cursor that reads what it wrote. */
#include <amorsize/buf.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

void amz_buf_init(struct amz_buf *b)
{
  *b = (struct amz_buf)AMZ_BUF_INIT;
}

void amz_buf_clear(struct amz_buf *b)
{
  free(b->data);
  amz_buf_init(b);
}

void amz_buf_reset(struct amz_buf *b)
{
  b->len = 0;
  b->failed = false;
  if (b->data)
    b->data[0] = '\0';
}

char *amz_buf_add_space(struct amz_buf *b, size_t n)
{
  char *at;

  if (b->failed)
    return NULL;
  if (n > SIZE_MAX - b->len - 1 || amz_grow((void **)&b->data, &b->cap, b->len + n + 1, 1) < 0) {
    b->failed = true;
    return NULL;
  }
  at = b->data + b->len;
  b->len += n;
  b->data[b->len] = '\0';
  return at;
}

void amz_buf_add(struct amz_buf *b, const void *bytes, size_t n)
{
  char *at = amz_buf_add_space(b, n);

  if (at && n)
    memcpy(at, bytes, n);
}

void amz_buf_addc(struct amz_buf *b, char c)
{
  amz_buf_add(b, &c, 1);
}

void amz_buf_adds(struct amz_buf *b, const char *text)
{
  amz_buf_add(b, text, strlen(text));
}

void amz_buf_addf(struct amz_buf *b, const char *format, ...)
{
  va_list ap, again;
  int n;
  char *at;

  va_start(ap, format);
  va_copy(again, ap);
  n = vsnprintf(NULL, 0, format, ap);
  va_end(ap);
  if (n < 0) {
    b->failed = true;
  } else {
    at = amz_buf_add_space(b, (size_t)n);
    if (at)
      (void)vsnprintf(at, (size_t)n + 1, format, again);
  }
  va_end(again);
}

void amz_buf_consume(struct amz_buf *b, size_t n)
{
  if (!b->data)
    return;
  if (n > b->len)
    n = b->len;
  memmove(b->data, b->data + n, b->len - n + 1);
  b->len -= n;
}

static void add_little_endian(struct amz_buf *b, uint64_t v, size_t n)
{
  unsigned char bytes[8];

  for (size_t i = 0; i < n; i++)
    bytes[i] = (unsigned char)(v >> (8 * i));
  amz_buf_add(b, bytes, n);
}

void amz_buf_add_u8(struct amz_buf *b, uint8_t v)
{
  add_little_endian(b, v, 1);
}

void amz_buf_add_u32(struct amz_buf *b, uint32_t v)
{
  add_little_endian(b, v, 4);
}

void amz_buf_add_u64(struct amz_buf *b, uint64_t v)
{
  add_little_endian(b, v, 8);
}

void amz_buf_add_i64(struct amz_buf *b, int64_t v)
{
  add_little_endian(b, (uint64_t)v, 8);
}

void amz_buf_add_f64(struct amz_buf *b, double v)
{
  uint64_t bits;

  memcpy(&bits, &v, sizeof bits);
  add_little_endian(b, bits, 8);
}

void amz_buf_add_bytes(struct amz_buf *b, const void *bytes, size_t n)
{
  if (n > UINT32_MAX) {
    b->failed = true;
    return;
  }
  amz_buf_add_u32(b, (uint32_t)n);
  amz_buf_add(b, bytes, n);
}

const char *amz_buf_text(const struct amz_buf *b)
{
  return b->data ? b->data : "";
}

int amz_buf_ok(const struct amz_buf *b)
{
  return b->failed ? AMZ_ENOMEM : AMZ_OK;
}

char *amz_buf_detach(struct amz_buf *b)
{
  char *data;

  if (!b->failed)
    (void)amz_buf_add_space(b, 0);
  if (b->failed) {
    amz_buf_clear(b);
    return NULL;
  }
  data = b->data;
  amz_buf_init(b);
  return data;
}

struct amz_cursor amz_cursor_over(const void *bytes, size_t n)
{
  return (struct amz_cursor){bytes, n, 0, false};
}

size_t amz_cursor_left(const struct amz_cursor *c)
{
  return c->failed ? 0 : c->len - c->pos;
}

static uint64_t read_little_endian(struct amz_cursor *c, size_t n)
{
  uint64_t v = 0;

  if (amz_cursor_left(c) < n) {
    c->failed = true;
    return 0;
  }
  for (size_t i = 0; i < n; i++)
    v |= (uint64_t)c->data[c->pos + i] << (8 * i);
  c->pos += n;
  return v;
}

uint8_t amz_cursor_u8(struct amz_cursor *c)
{
  return (uint8_t)read_little_endian(c, 1);
}

uint32_t amz_cursor_u32(struct amz_cursor *c)
{
  return (uint32_t)read_little_endian(c, 4);
}

uint64_t amz_cursor_u64(struct amz_cursor *c)
{
  return read_little_endian(c, 8);
}

int64_t amz_cursor_i64(struct amz_cursor *c)
{
  return (int64_t)read_little_endian(c, 8);
}

double amz_cursor_f64(struct amz_cursor *c)
{
  uint64_t bits = read_little_endian(c, 8);
  double v;

  memcpy(&v, &bits, sizeof v);
  return v;
}

void amz_cursor_bytes(struct amz_cursor *c, const void **ret_bytes, size_t *ret_n)
{
  size_t n = amz_cursor_u32(c);

  *ret_bytes = "";
  *ret_n = 0;
  if (amz_cursor_left(c) < n) {
    c->failed = true;
    return;
  }
  if (c->failed)
    return;
  *ret_bytes = c->data + c->pos;
  *ret_n = n;
  c->pos += n;
}

/* A growable byte buffer, always NUL-terminated, for text and for wire formats.
 *
 * Appending never fails loudly: an allocation failure sets `failed` and later calls do nothing, so that a
 * long sequence of appends needs one check at its end (amz_buf_ok). */
#ifndef AMORSIZE_BUF_H
#define AMORSIZE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>

struct amz_buf {
  char *data; /* never NULL after the first successful append; NUL at data[len] */
  size_t len;
  size_t cap;
  bool failed;
};

#define AMZ_BUF_INIT {NULL, 0, 0, false}

void amz_buf_init(struct amz_buf *b);
/* Releases the memory; the buffer is as after init. */
void amz_buf_clear(struct amz_buf *b);
/* Forgets the content and a failure, keeps the memory. */
void amz_buf_reset(struct amz_buf *b);

void amz_buf_add(struct amz_buf *b, const void *bytes, size_t n);
void amz_buf_addc(struct amz_buf *b, char c);
void amz_buf_adds(struct amz_buf *b, const char *text);
void amz_buf_addf(struct amz_buf *b, const char *format, ...) AMZ_PRINTF(2, 3);
/* Appends n bytes for the caller to fill.
 * \return where they begin, valid until the next append; NULL when out of memory. */
char *amz_buf_add_space(struct amz_buf *b, size_t n);
/* Drops the first n bytes (all when n is larger). */
void amz_buf_consume(struct amz_buf *b, size_t n);

/* Fixed little-endian encodings, for files and messages. */
void amz_buf_add_u8(struct amz_buf *b, uint8_t v);
void amz_buf_add_u32(struct amz_buf *b, uint32_t v);
void amz_buf_add_u64(struct amz_buf *b, uint64_t v);
void amz_buf_add_i64(struct amz_buf *b, int64_t v);
void amz_buf_add_f64(struct amz_buf *b, double v);
/* A u32 length and the bytes. */
void amz_buf_add_bytes(struct amz_buf *b, const void *bytes, size_t n);

/* \return the content as a string ("" when nothing was added); owned by the buffer. */
const char *amz_buf_text(const struct amz_buf *b);
/* \return AMZ_OK, or AMZ_ENOMEM when some append had failed. */
int amz_buf_ok(const struct amz_buf *b) AMZ_MUST_CHECK;
/* Takes the content out, to be released with free(); the buffer is as after init.
 * \return NULL when some append had failed. */
char *amz_buf_detach(struct amz_buf *b) AMZ_MUST_CHECK;

/* The reading side: a cursor over bytes it does not own. Reading past the end sets `failed` and gives zeros,
 * so that a decoder checks once at its end. */
struct amz_cursor {
  const unsigned char *data;
  size_t len;
  size_t pos;
  bool failed;
};

struct amz_cursor amz_cursor_over(const void *bytes, size_t n);
uint8_t amz_cursor_u8(struct amz_cursor *c);
uint32_t amz_cursor_u32(struct amz_cursor *c);
uint64_t amz_cursor_u64(struct amz_cursor *c);
int64_t amz_cursor_i64(struct amz_cursor *c);
double amz_cursor_f64(struct amz_cursor *c);
/* A u32 length and that many bytes: *ret_bytes points into the cursor's data (not NUL-terminated). */
void amz_cursor_bytes(struct amz_cursor *c, const void **ret_bytes, size_t *ret_n);
/* \return how many bytes are left. */
size_t amz_cursor_left(const struct amz_cursor *c);

#endif

/* Letters: a mark, a version, the kind, then fields in fixed encodings. They come from other processes, so lengths are
 * checked. */
#include "letters.h"

#include <string.h>

#include <amorsize/alloc.h>

#define MARK 0x4eu
#define VERSION 1u

void amz_letter_begin(struct amz_buf *out, enum amz_letter kind)
{
  amz_buf_add_u8(out, MARK);
  amz_buf_add_u8(out, VERSION);
  amz_buf_add_u8(out, (uint8_t)kind);
}

enum amz_letter amz_letter_kind(const void *bytes, size_t n, struct amz_cursor *ret)
{
  uint8_t kind;

  *ret = amz_cursor_over(bytes, n);
  if (amz_cursor_u8(ret) != MARK || amz_cursor_u8(ret) != VERSION)
    return 0;
  kind = amz_cursor_u8(ret);
  return ret->failed || kind > AMZ_LETTER_OVER ? 0 : (enum amz_letter)kind;
}

static void add_units(const struct amz_units *units, struct amz_buf *out)
{
  amz_buf_add_u32(out, units->n);
  for (uint32_t i = 0; i < units->n; i++)
    amz_buf_add_u32(out, units->items[i]);
}

static int take_units(struct amz_cursor *c, struct amz_units *ret)
{
  uint32_t n = amz_cursor_u32(c), *items;

  if (c->failed || n > amz_cursor_left(c) / 4)
    return AMZ_ECORRUPT;
  items = amz_new_array(n, sizeof *items);
  if (!items)
    return AMZ_ENOMEM;
  for (uint32_t i = 0; i < n; i++)
    items[i] = amz_cursor_u32(c);
  *ret = (struct amz_units){items, n};
  return AMZ_OK;
}

/* A NULL is told apart from "": with its NUL, "" is one byte long. */
static void add_text(const char *text, struct amz_buf *out)
{
  amz_buf_add_bytes(out, text ? text : "", text ? strlen(text) + 1 : 0);
}

static const char *take_text(struct amz_cursor *c)
{
  const void *bytes;
  size_t n;

  amz_cursor_bytes(c, &bytes, &n);
  if (n > 0 && ((const char *)bytes)[n - 1] != '\0')
    c->failed = true;
  return n > 0 && !c->failed ? bytes : NULL;
}

void amz_hello_encode(const struct amz_hello *hello, struct amz_buf *out)
{
  amz_letter_begin(out, AMZ_LETTER_HELLO);
  add_text(hello->node, out);
  add_units(&hello->units, out);
}

int amz_hello_decode(struct amz_cursor *c, struct amz_hello *ret)
{
  const char *node = take_text(c);

  if (!node || strlen(node) >= sizeof ret->node)
    return AMZ_ECORRUPT;
  memcpy(ret->node, node, strlen(node) + 1);
  return take_units(c, &ret->units);
}

void amz_survey_order_encode(const struct amz_survey_order *o, struct amz_buf *out)
{
  amz_letter_begin(out, AMZ_LETTER_ORDER);
  amz_buf_add_u8(out, o->measure);
  amz_buf_add_u8(out, o->fast);
  amz_buf_add_u8(out, o->effort == AMZ_EFFORT_PRECISE);
  add_text(o->topology, out);
  add_text(o->root, out);
  add_units(&o->units, out);
}

int amz_survey_order_decode(struct amz_cursor *c, struct amz_survey_order *ret)
{
  ret->measure = amz_cursor_u8(c) != 0;
  ret->fast = amz_cursor_u8(c) != 0;
  ret->effort = amz_cursor_u8(c) ? AMZ_EFFORT_PRECISE : AMZ_EFFORT_DEFAULT;
  ret->topology = take_text(c);
  ret->root = take_text(c);
  return take_units(c, &ret->units);
}

void amz_survey_result_encode(const struct amz_survey_result *r, struct amz_buf *out)
{
  amz_letter_begin(out, AMZ_LETTER_RESULT);
  amz_buf_add_u32(out, (uint32_t)-r->rc);
  add_text(r->text ? r->text : "", out);
  amz_buf_add(out, r->json, r->n_json); /* the rest: may be longer than 32 bits count */
}

int amz_survey_result_decode(struct amz_cursor *c, struct amz_survey_result *ret)
{
  ret->rc = -(int)(amz_cursor_u32(c) & 0xffff);
  ret->text = take_text(c);
  ret->json = (const char *)c->data + c->pos;
  ret->n_json = amz_cursor_left(c);
  return c->failed || !ret->text ? AMZ_ECORRUPT : AMZ_OK;
}

/* Rank 0's questions about what lies on other nodes, and waiting for the answers. */
#define _GNU_SOURCE
#include "gather_source.h"

#include <amorsize/nodedir.h>

#include "clock.h"
#include "meeting.h"

#define SECOND INT64_C(1000000000)
#define SILENT_NS (60 * SECOND) /* for reading a megabyte; a rank gives us longer */

void amz_gather_question(struct amz_gather_source *s, enum amz_ask what)
{
  amz_word_begin(AMZ_WORD_ASK, &s->word);
  amz_buf_add_u8(&s->word, (uint8_t)what);
}

int amz_gather_ask(struct amz_gather_source *s, struct amz_error *err)
{
  const struct amz_rank_link *link = s->l->link;
  int rc = amz_buf_ok(&s->word);

  if (rc == AMZ_OK)
    rc = s->own ? amz_giver_answer(s->own, s->word.data, s->word.len) : link->net->send(link->mpi, s->rank, s->word.data,
        s->word.len);
  if (rc == AMZ_ECLOSED)
    return amz_error_set(err, AMZ_EENV, "rank %u is gone", s->rank);
  return rc < 0 ? amz_error_set(err, rc, "cannot ask for outputs: %s", amz_err_name(rc)) : AMZ_OK;
}

/* \return AMZ_OK: it is the answer; 1: something else; AMZ_ECLOSED: a signal that a rank was sent. */
static int sort(struct amz_gather_source *s, const struct amz_mpi_message *got)
{
  if ((s->signal = amz_word_signal(got)) > 0)
    return AMZ_ECLOSED;
  return got->source == s->rank && amz_word_is(got, AMZ_WORD_GIVE) ? AMZ_OK : 1;
}

static int await_answer(struct amz_gather_source *s, struct amz_mpi_message *ret, struct amz_error *err)
{
  const struct amz_rank_link *link = s->l->link;
  int64_t now_ns = amz_clock_monotonic_ns(), deadline_ns = now_ns + SILENT_NS;
  int rc = 1, heard;

  while (rc == 1) {
    amz_launch_tick(s->l);
    heard = amz_words_wait(link, now_ns + SECOND, ret, &s->signal, err);
    now_ns = amz_clock_monotonic_ns();
    if (heard == AMZ_HEARD_MESSAGE)
      rc = sort(s, ret);
    else if (heard == AMZ_HEARD_SIGNAL)
      rc = AMZ_ECLOSED;
    else if (heard < 0)
      rc = heard;
    if (rc == 1 && now_ns >= deadline_ns) {
      link->net->forget(link->mpi, s->rank);
      rc = amz_error_set(err, AMZ_EENV, "rank %u has not answered for %d s", s->rank, (int)(SILENT_NS / SECOND));
    }
  }
  return rc;
}

int amz_gather_hear(struct amz_gather_source *s, enum amz_give expected, struct amz_cursor *ret, struct amz_error *err)
{
  struct amz_mpi_message got = {0};
  int rc = AMZ_OK;
  uint8_t what;

  if (s->own)
    got = (struct amz_mpi_message){s->rank, s->own->word.data, s->own->word.len};
  else
    rc = await_answer(s, &got, err);
  if (rc < 0)
    return rc;
  *ret = amz_cursor_over(got.bytes, got.n);
  ret->pos = 2;
  what = amz_cursor_u8(ret);
  if (what == AMZ_GIVE_TROUBLE)
    return amz_error_set(err, AMZ_EENV, "%.*s", (int)amz_cursor_left(ret), (const char *)ret->data + ret->pos);
  return what == (uint8_t)expected ? AMZ_OK : amz_error_set(err, AMZ_EENV, "rank %u gives no sensible answer", s->rank);
}

int amz_gather_ask_piece(struct amz_gather_source *s, uint32_t file, uint64_t offset, uint32_t n, struct amz_error *err)
{
  amz_gather_question(s, AMZ_ASK_READ);
  amz_buf_add_u32(&s->word, file);
  amz_buf_add_u64(&s->word, offset);
  amz_buf_add_u32(&s->word, n);
  return amz_gather_ask(s, err);
}

int amz_gather_hear_piece(struct amz_gather_source *s, uint32_t file, uint64_t offset, const char **ret, size_t *ret_n,
                          struct amz_error *err)
{
  struct amz_cursor c;
  uint32_t sum;
  bool right;
  int rc = amz_gather_hear(s, AMZ_GIVE_PIECE, &c, err);

  if (rc < 0)
    return rc;
  right = amz_cursor_u32(&c) == file && amz_cursor_u64(&c) == offset;
  sum = amz_cursor_u32(&c);
  *ret_n = amz_cursor_left(&c);
  *ret = (const char *)c.data + c.pos;
  if (c.failed || !right || *ret_n == 0 || amz_incoming_sum(*ret, *ret_n) != sum)
    return amz_error_set(err, AMZ_EENV, "a piece of %s arrived damaged", s->names[file]);
  return AMZ_OK;
}

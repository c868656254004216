/* Words between ranks: their two first bytes, sending, and waiting for them without being deaf to signals. */
#define _GNU_SOURCE
#include "words.h"

#include <errno.h>
#include <signal.h>

#include "clock.h"
#include "signals.h"

void amz_word_begin(enum amz_word word, struct amz_buf *out)
{
  amz_buf_reset(out);
  amz_buf_add_u8(out, (uint8_t)word);
  amz_buf_add_u8(out, AMZ_WORDS_VERSION);
}

bool amz_word_is(const struct amz_mpi_message *got, enum amz_word word)
{
  const unsigned char *bytes = got->bytes;

  return got->n >= 2 && bytes[0] == (unsigned char)word && bytes[1] == AMZ_WORDS_VERSION;
}

int amz_word_send(const struct amz_rank_link *link, uint32_t rank, const struct amz_buf *word, struct amz_error *err)
{
  int rc = amz_buf_ok(word);

  if (rc == AMZ_OK)
    rc = link->net->send(link->mpi, rank, word->data, word->len);
  return rc == AMZ_OK || rc == AMZ_ECLOSED ? AMZ_OK : amz_error_set(err, rc, "cannot send to rank %u: %s", rank,
                                                                    amz_err_name(rc));
}

int amz_word_send_signal(const struct amz_net *net, struct amz_mpi *mpi, int number)
{
  struct amz_buf word = AMZ_BUF_INIT;
  int rc;

  amz_word_begin(AMZ_WORD_SIGNAL, &word);
  amz_buf_add_u32(&word, (uint32_t)number);
  rc = amz_buf_ok(&word);
  if (rc == AMZ_OK)
    (void)net->send(mpi, 0, word.data, word.len); /* it may be gone: then there is nobody to obey */
  amz_buf_clear(&word);
  return rc;
}

int amz_word_signal(const struct amz_mpi_message *got)
{
  struct amz_cursor c = amz_cursor_over(got->bytes, got->n);
  uint32_t number;

  if (!amz_word_is(got, AMZ_WORD_SIGNAL))
    return 0;
  c.pos = 2;
  number = amz_cursor_u32(&c);
  return c.failed || number > NSIG ? 0 : (int)number;
}

int amz_words_wait(const struct amz_rank_link *link, int64_t deadline_ns, struct amz_mpi_message *ret, int *ret_signal,
                   struct amz_error *err)
{
  struct pollfd fd = {.fd = link->signals->fd, .events = POLLIN};
  int rc, number;

  while ((rc = link->net->next(link->mpi, ret, err)) == 0) {
    if ((number = amz_signals_next(link->signals)) > 0) {
      *ret_signal = number;
      return AMZ_HEARD_SIGNAL;
    }
    if (amz_clock_monotonic_ns() >= deadline_ns)
      return AMZ_HEARD_NOTHING;
    rc = link->net->wait(link->mpi, &fd, 1, deadline_ns, AMZ_MPI_DUE, err);
    if (rc < 0)
      return rc;
  }
  return rc < 0 ? rc : AMZ_HEARD_MESSAGE;
}

bool amz_process_is_gone(int64_t pid)
{
  return pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

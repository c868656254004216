/* Letters over the transport. */
#include "post.h"

#include <poll.h>

#include "../run/clock.h"

int amz_post_send(const struct amz_post *post, uint32_t rank, struct amz_buf *bytes, struct amz_error *err)
{
  int rc = amz_buf_ok(bytes);

  if (rc == AMZ_OK)
    rc = post->net->send(post->mpi, rank, bytes->data, bytes->len);
  amz_buf_clear(bytes);
  return rc < 0 ? amz_error_set(err, rc, "cannot send to rank %u: %s", rank, amz_err_name(rc)) : AMZ_OK;
}

int amz_post_tell(const struct amz_post *post, uint32_t rank, enum amz_letter kind, struct amz_error *err)
{
  struct amz_buf bytes = AMZ_BUF_INIT;

  amz_letter_begin(&bytes, kind);
  return amz_post_send(post, rank, &bytes, err);
}

bool amz_post_stopped(void *ctx)
{
  struct amz_post *post = ctx;

  if (!post->signal)
    post->signal = amz_signals_next(post->signals);
  return post->signal != 0;
}

int amz_post_next(struct amz_post *post, int64_t deadline_ns, struct amz_mpi_message *ret, struct amz_error *err)
{
  int rc;

  while ((rc = post->net->next(post->mpi, ret, err)) == 0) {
    struct pollfd fd = {.fd = post->signals->fd, .events = POLLIN};

    if (amz_post_stopped(post))
      return amz_error_set(err, AMZ_ECLOSED, "ended by %s", amz_signal_name(post->signal));
    if (amz_clock_monotonic_ns() >= deadline_ns)
      return 0;
    rc = post->net->wait(post->mpi, &fd, 1, deadline_ns, AMZ_MPI_PATIENT, err);
    if (rc < 0)
      return rc;
  }
  return rc;
}

/* The writer of pack files. It needs a descriptor, base and zlib's crc32, nothing else: the spawn helper links it.
 *
 * Invariants: [0, offset) holds whole frames alone. Every write names its place, so that what a failed one left behind is cut
 * off, or, where even cutting fails, overwritten by the next. Sequence numbers count END frames without gaps. */
#include <amorsize/pack.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "pack_format.h"

#define KEEP_HELD (256u * 1024) /* memory for gathered frames that is kept for the next ones */

/* Drops the first n bytes of what is still to be written. */
static void iov_advance(struct iovec **iov, int *count, size_t n)
{
  while (*count > 0 && n >= (*iov)->iov_len) {
    n -= (*iov)->iov_len;
    (*iov)++;
    (*count)--;
  }
  if (*count > 0) {
    (*iov)->iov_base = (char *)(*iov)->iov_base + n;
    (*iov)->iov_len -= n;
  }
}

static int write_all(int fd, struct iovec *iov, int count, uint64_t offset)
{
  iov_advance(&iov, &count, 0);
  while (count > 0) {
    ssize_t n = pwritev(fd, iov, count, (off_t)offset);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      if (n == 0)
        errno = ENOSPC;
      return AMZ_EIO;
    }
    offset += (uint64_t)n;
    iov_advance(&iov, &count, (size_t)n);
  }
  return AMZ_OK;
}

/* Writes at `offset`, the end of the file: all or nothing. errno is kept from the failing write. */
static int write_or_cut(const struct amz_pack_writer *w, struct iovec *iov, int count, uint64_t offset)
{
  int saved;

  if (write_all(w->fd, iov, count, offset) == AMZ_OK)
    return AMZ_OK;
  saved = errno;
  /* If this fails too, the next append overwrites, and readers find their way past the rest. */
  if (ftruncate(w->fd, (off_t)offset) < 0)
    errno = saved;
  errno = saved;
  return AMZ_EIO;
}

static int gather(struct amz_pack_writer *w, const struct iovec *iov, int count)
{
  for (int i = 0; i < count; i++)
    amz_buf_add(&w->held, iov[i].iov_base, iov[i].iov_len);
  if (amz_buf_ok(&w->held) == AMZ_OK)
    return AMZ_OK;
  errno = ENOMEM;
  return AMZ_EIO;
}

/* Appends at w->offset: all or nothing. */
static int append(struct amz_pack_writer *w, struct iovec *iov, int count, size_t bytes)
{
  int rc = w->holding ? gather(w, iov, count) : write_or_cut(w, iov, count, w->offset);

  if (rc == AMZ_OK)
    w->offset += bytes;
  return rc;
}

void amz_pack_hold(struct amz_pack_writer *w)
{
  if (w->holding)
    return;
  w->holding = true;
  w->held_from = w->offset;
  w->held_seq = w->next_seq;
}

int amz_pack_flush(struct amz_pack_writer *w)
{
  struct iovec iov = {w->held.data, w->held.len};
  int rc = amz_buf_ok(&w->held);

  if (!w->holding)
    return AMZ_OK;
  w->holding = false;
  if (rc < 0)
    errno = ENOMEM;
  else if (w->held.len)
    rc = write_or_cut(w, &iov, 1, w->held_from);
  if (rc < 0) {
    w->offset = w->held_from;
    w->next_seq = w->held_seq;
  }
  if (rc < 0 || w->held.cap > KEEP_HELD)
    amz_buf_clear(&w->held);
  else
    amz_buf_reset(&w->held);
  return rc < 0 ? AMZ_EIO : AMZ_OK;
}

int amz_pack_create(const char *path, uint32_t rank, uint32_t epoch, struct amz_error *err, struct amz_pack_writer *ret)
{
  unsigned char header[AMZ_PACK_HEADER_BYTES];
  struct iovec iov = {header, sizeof header};
  struct amz_pack_writer w = {.fd = -1, .offset = 0, .next_seq = 1, .seed = amz_pack_seed(rank, epoch)};
  char node[AMZ_PACK_NODE_BYTES + 1] = "";
  int saved;

  if (gethostname(node, sizeof node - 1) < 0)
    node[0] = '\0'; /* unknown */
  amz_pack_header_fill(header, rank, epoch, node);
  w.fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (w.fd < 0)
    return amz_error_sys(err, AMZ_EIO, errno, "%s: cannot make the pack file", path);
  if (append(&w, &iov, 1, sizeof header) < 0) {
    saved = errno;
    (void)unlink(path);
    (void)close(w.fd);
    return amz_error_sys(err, AMZ_EIO, saved, "%s: cannot write the pack file", path);
  }
  *ret = w;
  return AMZ_OK;
}

static void fill_data_head(const struct amz_pack_writer *w, uint64_t offset, uint64_t index, uint32_t attempt, int stream,
                           const void *bytes, size_t n, uint64_t link, unsigned char head[AMZ_PACK_DATA_HEAD])
{
  amz_put_u32(head, AMZ_PACK_DATA_MAGIC);
  amz_put_u32(head + 8, (uint32_t)n);
  amz_put_u32(head + 12, (uint32_t)crc32(0, bytes, (uInt)n));
  amz_put_u64(head + 16, index);
  amz_put_u32(head + 24, attempt);
  amz_put_u32(head + 28, (uint32_t)stream);
  amz_put_u64(head + 32, link);
  amz_put_u32(head + 4, amz_pack_frame_crc(w->seed, offset, head, AMZ_PACK_DATA_HEAD));
}

static void fill_end(const struct amz_pack_writer *w, uint64_t offset, const struct amz_pack_end *end, uint64_t link,
                     unsigned char at[AMZ_PACK_END_BYTES])
{
  const struct amz_result *r = &end->result;

  amz_put_u32(at, AMZ_PACK_END_MAGIC);
  amz_put_u64(at + 8, r->position);
  amz_put_u64(at + 16, r->seq);
  amz_put_u32(at + 24, r->attempt);
  amz_put_u32(at + 28, (uint32_t)r->outcome);
  amz_put_u32(at + 32, (uint32_t)r->exit_code);
  amz_put_u32(at + 36, (uint32_t)r->signal);
  amz_put_u32(at + 40, r->slot);
  amz_put_u32(at + 44, 0);
  amz_put_u64(at + 48, (uint64_t)r->start_ns);
  amz_put_u64(at + 56, (uint64_t)r->wall_ns);
  amz_put_u64(at + 64, (uint64_t)r->cpu_ns);
  amz_put_u64(at + 72, r->max_rss_bytes);
  amz_put_u64(at + 80, end->stdout_bytes);
  amz_put_u64(at + 88, end->stderr_bytes);
  amz_put_u64(at + 96, link);
  amz_put_u32(at + 4, amz_pack_frame_crc(w->seed, offset, at, AMZ_PACK_END_BYTES));
}

static struct iovec iov_of(const void *bytes, size_t n)
{
  union {
    const void *in;
    void *out;
  } u = {bytes}; /* writev doesn't write there, but its struct can't say so */

  return (struct iovec){u.out, n};
}

int amz_pack_data(struct amz_pack_writer *w, uint64_t index, uint32_t attempt, int stream, const void *bytes, size_t n,
                  uint64_t *link)
{
  unsigned char head[AMZ_PACK_DATA_HEAD];
  struct iovec iov[2];
  uint64_t at = w->offset;

  if (n == 0)
    return AMZ_OK;
  if (n > AMZ_PACK_DATA_MAX || (stream != 1 && stream != 2)) {
    errno = EINVAL;
    return AMZ_EINVAL;
  }
  fill_data_head(w, at, index, attempt, stream, bytes, n, *link, head);
  iov[0] = iov_of(head, sizeof head);
  iov[1] = iov_of(bytes, n);
  if (append(w, iov, 2, sizeof head + n) < 0)
    return AMZ_EIO;
  *link = at;
  return AMZ_OK;
}

int amz_pack_finish(struct amz_pack_writer *w, struct amz_pack_end *end, const struct amz_pack_tail *tail, uint64_t *link)
{
  unsigned char heads[2][AMZ_PACK_DATA_HEAD], last[AMZ_PACK_END_BYTES];
  struct iovec iov[5];
  struct amz_result *r = &end->result;
  uint64_t at = w->offset, chain = *link;
  int count = 0;

  if (tail && (tail->n[0] > AMZ_PACK_DATA_MAX || tail->n[1] > AMZ_PACK_DATA_MAX)) {
    errno = EINVAL;
    return AMZ_EINVAL;
  }
  for (int i = 0; tail && i < 2; i++) {
    if (tail->n[i] == 0)
      continue;
    fill_data_head(w, at, r->position, r->attempt, i + 1, tail->bytes[i], tail->n[i], chain, heads[i]);
    iov[count++] = iov_of(heads[i], sizeof heads[i]);
    iov[count++] = iov_of(tail->bytes[i], tail->n[i]);
    chain = at;
    at += sizeof heads[i] + tail->n[i];
  }
  r->seq = w->next_seq;
  r->pack_offset = at;
  fill_end(w, at, end, chain, last);
  iov[count++] = iov_of(last, sizeof last);
  if (append(w, iov, count, (size_t)(at - w->offset) + sizeof last) < 0)
    return AMZ_EIO;
  w->next_seq++;
  *link = chain;
  return AMZ_OK;
}

void amz_pack_close(struct amz_pack_writer *w)
{
  if (w->fd >= 0)
    (void)close(w->fd);
  w->fd = -1;
  amz_buf_clear(&w->held);
}

/* The file of results by index.
 *
 * Invariant: whoever makes it writes the same header and the same size, so that makers at the same time don't harm each other; a
 * file with any other header is never touched. */
#include <amorsize/results.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/alloc.h>
#include <amorsize/buf.h>

#include "path.h"

#define MAGIC "\x93NUMPY\x01\x00" /* and a NUL: version 1.0 */
#define MAGIC_BYTES 8u
#define TEXT_AT 10u
#define NAME_MAX_BYTES 200
#define VERSION 1
#define APART ".results"

struct amz_results {
  int fd;
  uint64_t tasks, bytes;
  char *path;
};

uint64_t amz_results_bytes(const struct amz_results_format *format)
{
  return (uint64_t)(format->type == AMZ_VALUE_BYTES ? 1 : 8) * format->width;
}

static bool is_pack_name(const char *name)
{
  size_t n = strlen(name);

  return n >= 5 && strcmp(name + n - 5, ".pack") == 0;
}

int amz_results_path(const char *run_dir, const char *name, struct amz_error *err, char **ret)
{
  const char *file = name ? name : AMZ_RESULTS_NAME;
  struct amz_buf path = AMZ_BUF_INIT;

  if (*file == '\0' || file[strlen(file) - 1] == '/' || is_pack_name(file))
    return amz_error_set(err, AMZ_EINVAL, "output.results: \"%s\" can't be the name of the results' file", file);
  if (*file == '/')
    amz_buf_adds(&path, file);
  else
    amz_buf_addf(&path, "%s/out/%s", run_dir, file);
  *ret = amz_buf_detach(&path);
  return *ret ? AMZ_OK : amz_error_set(err, AMZ_ENOMEM, "out of memory");
}

int amz_results_apart_path(const char *pack_path, char **ret)
{
  size_t n = strlen(pack_path), cut = is_pack_name(pack_path) ? 5 : 0;
  struct amz_buf path = AMZ_BUF_INIT;

  amz_buf_addf(&path, "%.*s" APART, (int)(n - cut), pack_path);
  *ret = amz_buf_detach(&path);
  return *ret ? AMZ_OK : AMZ_ENOMEM;
}

int amz_results_apart_name(const char *file, uint32_t *ret_rank, uint32_t *ret_epoch)
{
  int used = 0;

  return sscanf(file, "r%9" SCNu32 "-e%9" SCNu32 APART "%n", ret_rank, ret_epoch, &used) == 2 && used > 0 && file[used] == '\0';
}

/* ---- header ----------------------------------------------------------------------------------------------------------- */

static void add_name(struct amz_buf *out, const char *what, const char *name)
{
  if (!name || !*name)
    return;
  amz_buf_addf(out, "; %s ", what);
  for (size_t i = 0; name[i] && i < NAME_MAX_BYTES; i++)
    amz_buf_addc(out, name[i] > ' ' && name[i] <= '~' ? name[i] : name[i] == ' ' ? ' ' : '?');
}

static void add_descr(struct amz_buf *out, const struct amz_results_format *f)
{
  static const char *const kinds[] = {[AMZ_VALUE_F64] = "f8", [AMZ_VALUE_I64] = "i8", [AMZ_VALUE_U64] = "u8"};
  const uint16_t probe = 1;
  bool little = *(const unsigned char *)&probe == 1;

  if (f->type == AMZ_VALUE_BYTES)
    amz_buf_addf(out, "|V%" PRIu32, f->width);
  else
    amz_buf_addf(out, "%c%s", little ? '<' : '>', kinds[f->type]);
}

/* \return AMZ_OK with AMZ_RESULTS_HEADER bytes in *out; AMZ_ENOMEM. */
static int fill_header(const struct amz_results_format *f, struct amz_buf *out)
{
  const size_t text_bytes = AMZ_RESULTS_HEADER - TEXT_AT;

  amz_buf_add(out, MAGIC, MAGIC_BYTES);
  amz_buf_add_u8(out, (uint8_t)(text_bytes & 0xff));
  amz_buf_add_u8(out, (uint8_t)(text_bytes >> 8));
  amz_buf_adds(out, "{'descr': '");
  add_descr(out, f);
  amz_buf_addf(out, "', 'fortran_order': False, 'shape': (%" PRIu64 ",", f->tasks);
  if (f->type != AMZ_VALUE_BYTES && f->width > 1)
    amz_buf_addf(out, " %" PRIu32, f->width);
  amz_buf_addf(out, "), } # amorsize-mpi results %d", VERSION);
  add_name(out, "job", f->job);
  add_name(out, "plug-in", f->plugin);
  add_name(out, "run", f->run);
  while (!out->failed && out->len < AMZ_RESULTS_HEADER - 1)
    amz_buf_addc(out, ' ');
  amz_buf_addc(out, '\n');
  return amz_buf_ok(out);
}

/* ---- opening ---------------------------------------------------------------------------------------------------------- */

/* \return how many bytes there are at the file's begin, up to n; -1 with errno. */
static ssize_t read_begin(const char *path, char *into, size_t n)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  size_t got = 0;
  ssize_t more = 1;

  if (fd < 0)
    return -1;
  while (got < n && more > 0) {
    more = pread(fd, into + got, n - got, (off_t)got);
    if (more < 0 && errno == EINTR)
      more = 1;
    else if (more > 0)
      got += (size_t)more;
  }
  (void)close(fd);
  return more < 0 ? -1 : (ssize_t)got;
}

static bool is_blank(const char *bytes, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (bytes[i])
      return false;
  return true;
}

/* \return 1: it has our header; 0: none yet (empty, or a maker hasn't come to it); < 0 with *err. */
static int look_at_header(const char *path, const struct amz_buf *header, struct amz_error *err)
{
  char there[AMZ_RESULTS_HEADER];
  ssize_t n = read_begin(path, there, sizeof there);

  if (n < 0)
    return amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be read", path);
  if ((size_t)n == sizeof there && memcmp(there, header->data, sizeof there) == 0)
    return 1;
  if (is_blank(there, (size_t)n))
    return 0;
  return amz_error_set(err, AMZ_EBUSY,
                       "%s: is there already, and not as this run's results: take it away, or give output.results another name",
                       path);
}

static int write_at(const struct amz_results *r, const char *bytes, uint64_t n, uint64_t offset, struct amz_error *err)
{
  while (n > 0) {
    size_t most = n < (UINT64_C(1) << 30) ? (size_t)n : (size_t)1 << 30;
    ssize_t done = pwrite(r->fd, bytes, most, (off_t)offset);

    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0)
      return amz_error_sys(err, AMZ_EIO, done < 0 ? errno : ENOSPC, "%s: results cannot be written", r->path);
    bytes += done;
    offset += (uint64_t)done;
    n -= (uint64_t)done;
  }
  return AMZ_OK;
}

static int sync_name(const char *path, struct amz_error *err)
{
  const char *slash = strrchr(path, '/');
  char *dir = slash && slash > path ? amz_strndup(path, (size_t)(slash - path)) : amz_strndup(slash ? "/" : ".", 1);
  int rc = AMZ_OK;

  if (!dir)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  if (amz_sync_dir(dir) < 0)
    rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be synced", dir);
  free(dir);
  return rc;
}

/* Gives the file its size and its header, and makes both last. */
static int make(const struct amz_results *r, const struct amz_buf *header, struct amz_error *err)
{
  int rc;

  if (ftruncate(r->fd, (off_t)(AMZ_RESULTS_HEADER + r->tasks * r->bytes)) < 0)
    return amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be given the size of all results", r->path);
  if ((rc = write_at(r, header->data, header->len, 0, err)) < 0 || (rc = amz_results_sync(r, err)) < 0)
    return rc;
  return sync_name(r->path, err);
}

static int open_file(struct amz_results *r, const struct amz_buf *header, struct amz_error *err)
{
  int has;

  r->fd = open(r->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (r->fd < 0)
    return amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be opened", r->path);
  has = look_at_header(r->path, header, err);
  return has == 0 ? make(r, header, err) : has < 0 ? has : AMZ_OK;
}

static int check(const struct amz_results_format *f, const char *path, struct amz_error *err)
{
  if (f->width == 0 || (unsigned)f->type > AMZ_VALUE_U64 ||
      f->tasks > ((uint64_t)INT64_MAX - AMZ_RESULTS_HEADER) / amz_results_bytes(f))
    return amz_error_set(err, AMZ_EINVAL, "%s: %" PRIu64 " results of %" PRIu64 " bytes are too large for a file", path, f->tasks,
                         amz_results_bytes(f));
  return AMZ_OK;
}

/* Opens it with a header that is known to be right. */
static int open_with(const char *path, const struct amz_buf *header, uint64_t tasks, uint64_t bytes, struct amz_error *err,
                     struct amz_results **ret)
{
  struct amz_results *r = amz_new_array(1, sizeof *r);
  int rc;

  if (r) {
    *r = (struct amz_results){.fd = -1, .tasks = tasks, .bytes = bytes};
    r->path = amz_strndup(path, strlen(path));
  }
  rc = r && r->path ? open_file(r, header, err) : amz_error_set(err, AMZ_ENOMEM, "out of memory");
  if (rc < 0) {
    amz_results_close(r);
    return rc;
  }
  *ret = r;
  return AMZ_OK;
}

int amz_results_open(const char *path, const struct amz_results_format *format, struct amz_error *err, struct amz_results **ret)
{
  struct amz_buf header = AMZ_BUF_INIT;
  int rc = check(format, path, err);

  if (rc == AMZ_OK && fill_header(format, &header) < 0)
    rc = amz_error_set(err, AMZ_ENOMEM, "out of memory");
  if (rc == AMZ_OK)
    rc = open_with(path, &header, format->tasks, amz_results_bytes(format), err, ret);
  amz_buf_clear(&header);
  return rc;
}

int amz_results_open_like(const char *path, const void *header, uint64_t file_bytes, uint64_t tasks, struct amz_error *err,
                          struct amz_results **ret)
{
  struct amz_buf copy = AMZ_BUF_INIT;
  uint64_t bytes = tasks && file_bytes > AMZ_RESULTS_HEADER ? (file_bytes - AMZ_RESULTS_HEADER) / tasks : 0;
  int rc;

  if (bytes == 0 || (file_bytes - AMZ_RESULTS_HEADER) % tasks != 0 || memcmp(header, MAGIC, MAGIC_BYTES) != 0)
    return amz_error_set(err, AMZ_ECORRUPT, "no file of the results of %" PRIu64 " tasks", tasks);
  amz_buf_add(&copy, header, AMZ_RESULTS_HEADER);
  rc = amz_buf_ok(&copy) < 0 ? amz_error_set(err, AMZ_ENOMEM, "out of memory") : open_with(path, &copy, tasks, bytes, err, ret);
  amz_buf_clear(&copy);
  return rc;
}

uint64_t amz_results_each(const struct amz_results *r)
{
  return r->bytes;
}

void amz_results_close(struct amz_results *r)
{
  if (!r)
    return;
  if (r->fd >= 0)
    (void)close(r->fd);
  free(r->path);
  free(r);
}

/* ---- writing ---------------------------------------------------------------------------------------------------------- */

static int check_range(const struct amz_results *r, uint64_t first, uint64_t count, struct amz_error *err)
{
  if (count > r->tasks || first > r->tasks - count)
    return amz_error_set(err, AMZ_EINVAL, "%s: no place for the results of tasks %" PRIu64 " +%" PRIu64, r->path, first, count);
  return AMZ_OK;
}

int amz_results_write(const struct amz_results *r, uint64_t first, uint64_t count, const void *results, struct amz_error *err)
{
  int rc = check_range(r, first, count, err);

  return rc < 0 ? rc : write_at(r, results, count * r->bytes, AMZ_RESULTS_HEADER + first * r->bytes, err);
}

int amz_results_sync(const struct amz_results *r, struct amz_error *err)
{
  int rc;

  while ((rc = fdatasync(r->fd)) < 0 && errno == EINTR)
    ;
  return rc < 0 ? amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be made durable", r->path) : AMZ_OK;
}

/* Pack files: what was written comes back, and damage costs what it hit alone. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <amorsize/buf.h>
#include <amorsize/pack.h>

#include "../../support/tap.h"
#include "scratch.h"

/* ---- helpers ----------------------------------------------------------------------------------------------------------- */

#define HEADER 92 /* bytes, by pack_format.h */

static int into_buf(void *ctx, const void *bytes, size_t n)
{
  amz_buf_add(ctx, bytes, n);
  return AMZ_OK;
}

static struct amz_pack_end end_of(uint64_t index, uint32_t attempt, uint64_t out, uint64_t errs)
{
  struct amz_pack_end end = {.stdout_bytes = out, .stderr_bytes = errs};

  end.result = (struct amz_result){.position = index, .attempt = attempt, .outcome = AMZ_SUCCEEDED, .wall_ns = 5};
  return end;
}

/* A task whose two streams are text. \return where its END frame is; 0 when it couldn't be written. */
static uint64_t put_task(struct amz_pack_writer *w, uint64_t index, const char *out, const char *errs)
{
  struct amz_pack_end end = end_of(index, 1, strlen(out), strlen(errs));
  struct amz_pack_tail tail = {{out, errs}, {strlen(out), strlen(errs)}};
  uint64_t link = 0;

  return amz_pack_finish(w, &end, &tail, &link) == AMZ_OK ? end.result.pack_offset : 0;
}

static void slurp(const char *path, struct amz_buf *ret)
{
  int fd = open(path, O_RDONLY);
  char block[4096];
  ssize_t n;

  while (fd >= 0 && (n = read(fd, block, sizeof block)) > 0)
    amz_buf_add(ret, block, (size_t)n);
  if (fd >= 0)
    close(fd);
}

static void spill(const char *path, const void *bytes, size_t n)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

  CU_ASSERT(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
  if (fd >= 0)
    close(fd);
}

static bool stream_is(struct amz_pack_reader *r, uint64_t end_offset, int stream, const void *bytes, size_t n)
{
  struct amz_buf b = AMZ_BUF_INIT;
  bool same = amz_pack_read_stream(r, end_offset, stream, into_buf, &b, NULL) == AMZ_OK && b.len == n &&
              (n == 0 || memcmp(b.data, bytes, n) == 0);

  amz_buf_clear(&b);
  return same;
}

static void put_u32(unsigned char *at, uint32_t v)
{
  for (int i = 0; i < 4; i++)
    at[i] = (unsigned char)(v >> (8 * i));
}

/* ---- tests ------------------------------------------------------------------------------------------------------------- */

static void everything_comes_back(void)
{
  struct scratch s;
  char path[SCRATCH_PATH];
  struct amz_pack_writer w;
  struct amz_pack_reader *r = NULL;
  struct amz_pack_end end = {.stdout_bytes = 3, .stderr_bytes = 4}, got;
  struct amz_pack_tail tail = {{"out", "errs"}, {3, 4}};
  uint64_t link = 0, offset = 0, skipped = 9, at;

  CU_ASSERT_FATAL(scratch_make(&s));
  scratch_path(&s, "p", path);
  end.result = (struct amz_result){.position = UINT64_C(0x123456789abcdef0), .attempt = 3, .outcome = AMZ_TIMED_OUT,
    .slot = 7, .exit_code = -1, .signal = 15, .start_ns = INT64_C(1700000000123456789), .wall_ns = 42,
    .cpu_ns = 17, .max_rss_bytes = UINT64_C(1) << 40};
  CU_ASSERT_FATAL(amz_pack_create(path, 12, 34, NULL, &w) == AMZ_OK);
  CU_ASSERT(amz_pack_create(path, 12, 34, NULL, &w) == AMZ_EIO);
  CU_ASSERT(amz_pack_finish(&w, &end, &tail, &link) == AMZ_OK);
  ASSERT_U64(end.result.seq, 1);
  at = put_task(&w, 8, "", "");
  ASSERT_U64(at, w.offset - 104);
  ASSERT_U64(w.next_seq, 3);
  amz_pack_close(&w);
  CU_ASSERT_FATAL(amz_pack_open(path, NULL, &r) == AMZ_OK);
  ASSERT_U64(amz_pack_rank(r), 12);
  ASSERT_U64(amz_pack_epoch(r), 34);
  ASSERT_I64(amz_pack_next_end(r, &offset, &got, &skipped, NULL), 1);
  ASSERT_U64(skipped, 0);
  ASSERT_U64(got.result.position, end.result.position);
  ASSERT_U64(got.result.attempt, 3);
  ASSERT_I64(got.result.outcome, AMZ_TIMED_OUT);
  ASSERT_U64(got.result.slot, 7);
  ASSERT_I64(got.result.exit_code, -1);
  ASSERT_I64(got.result.signal, 15);
  ASSERT_U64(got.result.seq, 1);
  ASSERT_U64(got.result.pack_offset, end.result.pack_offset);
  ASSERT_I64(got.result.start_ns, end.result.start_ns);
  ASSERT_I64(got.result.wall_ns, 42);
  ASSERT_I64(got.result.cpu_ns, 17);
  ASSERT_U64(got.result.max_rss_bytes, end.result.max_rss_bytes);
  ASSERT_U64(got.result.output_bytes, 7);
  ASSERT_U64(got.stdout_bytes, 3);
  ASSERT_U64(got.stderr_bytes, 4);
  CU_ASSERT(stream_is(r, got.result.pack_offset, 1, "out", 3));
  CU_ASSERT(stream_is(r, got.result.pack_offset, 2, "errs", 4));
  ASSERT_I64(amz_pack_next_end(r, &offset, &got, &skipped, NULL), 1);
  CU_ASSERT(stream_is(r, got.result.pack_offset, 1, "", 0));
  ASSERT_I64(amz_pack_next_end(r, &offset, &got, &skipped, NULL), 0);
  amz_pack_reader_free(r);
  scratch_remove(&s);
}

static void bytes_are_as_documented(void)
{
  /* Laid out by hand from pack_format.h, with the checksums zlib gives for what they are said to cover. */
  unsigned char expected[HEADER + 40 + 2 + 104] = "AMZPACK1";
  unsigned char *data = expected + HEADER, *end = expected + HEADER + 42;
  static const unsigned char at_data[8] = {HEADER}, at_end[8] = {HEADER + 42};
  struct scratch s;
  char path[SCRATCH_PATH];
  struct amz_pack_writer w;
  struct amz_buf b = AMZ_BUF_INIT;
  uint32_t seed, crc;

  expected[8] = 1; expected[12] = 2; expected[16] = 3;
  seed = (uint32_t)crc32(0, expected, 20);
  put_u32(expected + 20, seed);
  CU_ASSERT_FATAL(gethostname((char *)expected + 24, 64) == 0);
  crc = (uint32_t)crc32(0, expected + 24, 64);
  put_u32(expected + 88, crc);
  memcpy(data, "\xfamzD", 4);
  data[8] = 2; data[16] = 9; data[24] = 1; data[28] = 1;
  memcpy(data + 40, "hi", 2);
  crc = (uint32_t)crc32(0, (const unsigned char *)"hi", 2);
  put_u32(data + 12, crc);
  crc = (uint32_t)crc32(crc32(seed, at_data, 8), data + 8, 32);
  put_u32(data + 4, crc);
  memcpy(end, "\xfamzE", 4);
  end[8] = 9; end[16] = 1; end[24] = 1; end[28] = AMZ_SUCCEEDED; end[56] = 5; end[80] = 2; end[96] = HEADER;
  crc = (uint32_t)crc32(crc32(seed, at_end, 8), end + 8, 96);
  put_u32(end + 4, crc);
  CU_ASSERT_FATAL(scratch_make(&s));
  CU_ASSERT_FATAL(amz_pack_create(scratch_path(&s, "p", path), 2, 3, NULL, &w) == AMZ_OK);
  ASSERT_U64(put_task(&w, 9, "hi", ""), HEADER + 42);
  amz_pack_close(&w);
  slurp(path, &b);
  ASSERT_U64(b.len, sizeof expected);
  CU_ASSERT(b.len == sizeof expected && memcmp(b.data, expected, sizeof expected) == 0);
  amz_buf_clear(&b);
  scratch_remove(&s);
}

static void a_pack_says_where_it_was_written(void)
{
  static const struct {
    const char *what;
    off_t at; /* of the byte that is damaged; -1: none */
    bool known;
  } rows[] = {{"intact", -1, true}, {"another letter", 24, false}, {"a longer name", 87, false}, {"its checksum", 91, false}};
  struct scratch s;
  char path[SCRATCH_PATH], host[65] = "";

  CU_ASSERT_FATAL(scratch_make(&s));
  CU_ASSERT_FATAL(gethostname(host, 64) == 0 && *host);
  scratch_path(&s, "p", path);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_pack_writer w;
    struct amz_pack_reader *r = NULL;
    struct amz_pack_end end;
    uint64_t offset = 0;

    (void)unlink(path);
    CU_ASSERT_FATAL(amz_pack_create(path, 2, 3, NULL, &w) == AMZ_OK);
    CU_ASSERT(put_task(&w, 1, "x", "") > 0);
    CU_ASSERT(rows[i].at < 0 || pwrite(w.fd, "\x80", 1, rows[i].at) == 1);
    amz_pack_close(&w);
    CU_ASSERT_FATAL(amz_pack_open(path, NULL, &r) == AMZ_OK);
    ASSERT_ROW_TEXT(rows[i].what, amz_pack_node(r), rows[i].known ? host : "");
    ASSERT_ROW_I64(rows[i].what, amz_pack_next_end(r, &offset, &end, NULL, NULL), 1);
    amz_pack_reader_free(r);
  }
  scratch_remove(&s);
}

/* Three attempts take turns, with more output than a frame holds, in uneven pieces of bytes that contain magics. */
static void interleaved_attempts_come_apart(void)
{
  enum { TASKS = 3, BYTES = 300001 };
  struct scratch s;
  char path[SCRATCH_PATH];
  struct amz_pack_writer w;
  struct amz_pack_reader *r = NULL;
  uint64_t link[TASKS] = {0}, end_at[TASKS];
  unsigned char *out[TASKS][2];
  size_t sent[TASKS][2] = {{0}};

  CU_ASSERT_FATAL(scratch_make(&s));
  CU_ASSERT_FATAL(amz_pack_create(scratch_path(&s, "p", path), 0, 1, NULL, &w) == AMZ_OK);
  for (int t = 0; t < TASKS; t++)
    for (int k = 0; k < 2; k++) {
      out[t][k] = malloc(BYTES);
      for (size_t i = 0; i < BYTES; i++)
        out[t][k][i] = (unsigned char)"\xfamzDE"[(i * 7 + (size_t)t * 3 + (size_t)k) % 5];
    }
  for (size_t round = 0; round < 5 * TASKS * 2; round++) {
    int t = (int)(round % TASKS), k = (int)(round / TASKS % 2);
    size_t n = BYTES - 1 - sent[t][k] < AMZ_PACK_DATA_MAX ? BYTES - 1 - sent[t][k] : AMZ_PACK_DATA_MAX - round;

    CU_ASSERT(amz_pack_data(&w, (uint64_t)t, 1, k + 1, out[t][k] + sent[t][k], n, &link[t]) == AMZ_OK);
    sent[t][k] += n;
  }
  for (int t = 0; t < TASKS; t++) {
    struct amz_pack_end end = end_of((uint64_t)t, 1, BYTES, BYTES);
    struct amz_pack_tail tail;

    for (int k = 0; k < 2; k++) {
      tail.bytes[k] = out[t][k] + sent[t][k];
      tail.n[k] = BYTES - sent[t][k];
    }
    CU_ASSERT(amz_pack_finish(&w, &end, &tail, &link[t]) == AMZ_OK);
    end_at[t] = end.result.pack_offset;
  }
  amz_pack_close(&w);
  CU_ASSERT_FATAL(amz_pack_open(path, NULL, &r) == AMZ_OK);
  for (int t = 0; t < TASKS; t++)
    for (int k = 0; k < 2; k++) {
      CU_ASSERT(stream_is(r, end_at[t], k + 1, out[t][k], BYTES));
      free(out[t][k]);
    }
  amz_pack_reader_free(r);
  scratch_remove(&s);
}

/* How many of the tasks 0..n-1 the pack's scan finds, each with the index that the order promises. */
static size_t scan(const char *path, const uint64_t *expected, size_t n, uint64_t *ret_skipped)
{
  struct amz_pack_reader *r = NULL;
  struct amz_pack_end end;
  uint64_t offset = 0, skipped;
  size_t found = 0;

  *ret_skipped = 0;
  if (amz_pack_open(path, NULL, &r) != AMZ_OK)
    return 0;
  while (amz_pack_next_end(r, &offset, &end, &skipped, NULL) == 1) {
    *ret_skipped += skipped;
    CU_ASSERT(found < n && end.result.position == expected[found]);
    found++;
  }
  *ret_skipped += skipped;
  amz_pack_reader_free(r);
  return found;
}

static void torn_at_every_byte(void)
{
  static const uint64_t order[] = {0, 1, 2};
  struct scratch s;
  char path[SCRATCH_PATH], cut[SCRATCH_PATH];
  struct amz_pack_writer w;
  struct amz_buf b = AMZ_BUF_INIT;
  uint64_t ends[3], skipped;

  CU_ASSERT_FATAL(scratch_make(&s));
  CU_ASSERT_FATAL(amz_pack_create(scratch_path(&s, "p", path), 0, 1, NULL, &w) == AMZ_OK);
  for (uint64_t i = 0; i < 3; i++) {
    CU_ASSERT(put_task(&w, i, "some output", i == 1 ? "complaint" : "") > 0);
    ends[i] = w.offset;
  }
  amz_pack_close(&w);
  slurp(path, &b);
  scratch_path(&s, "cut", cut);
  for (size_t n = 24; n <= b.len; n++) {
    size_t whole = (size_t)((n >= ends[0]) + (n >= ends[1]) + (n >= ends[2]));

    spill(cut, b.data, n);
    ASSERT_U64(scan(cut, order, 3, &skipped), whole);
  }
  spill(cut, b.data, 23);
  CU_ASSERT(amz_pack_open(cut, NULL, &(struct amz_pack_reader *){NULL}) == AMZ_ECORRUPT);
  CU_ASSERT(amz_pack_open("/nonexistent/pack", NULL, &(struct amz_pack_reader *){NULL}) == AMZ_ENOENT);
  amz_buf_clear(&b);
  scratch_remove(&s);
}

/* Each single byte damaged costs at most the one task it belongs to, and never makes one up. */
static void one_byte_damaged_costs_one_task(void)
{
  enum { TASKS = 4 };
  struct scratch s;
  char path[SCRATCH_PATH], bad[SCRATCH_PATH];
  struct amz_pack_writer w;
  struct amz_buf b = AMZ_BUF_INIT;
  uint64_t ends[TASKS], skipped;

  CU_ASSERT_FATAL(scratch_make(&s));
  CU_ASSERT_FATAL(amz_pack_create(scratch_path(&s, "p", path), 0, 1, NULL, &w) == AMZ_OK);
  for (uint64_t i = 0; i < TASKS; i++) {
    CU_ASSERT(put_task(&w, i, "output", "") > 0);
    ends[i] = w.offset;
  }
  amz_pack_close(&w);
  slurp(path, &b);
  scratch_path(&s, "bad", bad);
  for (size_t at = HEADER; at < b.len; at++) {
    uint64_t expected[TASKS];
    size_t n = 0, hit = 0, in_end;

    while (at >= ends[hit])
      hit++;
    in_end = at >= ends[hit] - 104; /* else in its DATA frame: the END frame stays */
    for (size_t i = 0; i < TASKS; i++)
      if (!in_end || i != hit)
        expected[n++] = i;
    b.data[at] = (char)(b.data[at] ^ 0x41);
    spill(bad, b.data, b.len);
    ASSERT_U64(scan(bad, expected, n, &skipped), n);
    CU_ASSERT(in_end ? skipped == 104 : skipped == 0 || skipped == 46);
    b.data[at] = (char)(b.data[at] ^ 0x41);
  }
  amz_buf_clear(&b);
  scratch_remove(&s);
}

/* What a crash of the machine leaves: blocks of zeros or of another file's bytes. */
static void damaged_blocks_are_passed_over(void)
{
  enum { TASKS = 2000, BLOCK = 4096 };
  static const struct {
    const char *what;
    size_t from, n;
    int fill;
  } rows[] = {
    {"one block of zeros", 3 * BLOCK, BLOCK, 0},
    {"more zeros than the window", 2 * BLOCK, 12 * BLOCK, 0},
    {"garbage", 5 * BLOCK + 17, BLOCK, 1},
    {"nothing but first bytes of magics", 5 * BLOCK, 10 * BLOCK, 2},
    {"zeros up to the end", 20 * BLOCK, 1000 * BLOCK, 0},
  };
  struct scratch s;
  char path[SCRATCH_PATH], bad[SCRATCH_PATH];
  struct amz_pack_writer w;
  struct amz_buf b = AMZ_BUF_INIT, copy = AMZ_BUF_INIT;
  uint64_t begins[TASKS + 1], expected[TASKS], skipped;

  CU_ASSERT_FATAL(scratch_make(&s));
  CU_ASSERT_FATAL(amz_pack_create(scratch_path(&s, "p", path), 0, 1, NULL, &w) == AMZ_OK);
  for (uint64_t i = 0; i < TASKS; i++) {
    begins[i] = w.offset;
    CU_ASSERT(put_task(&w, i, i % 3 ? "" : "a few words", "") > 0);
  }
  begins[TASKS] = w.offset;
  amz_pack_close(&w);
  slurp(path, &b);
  scratch_path(&s, "bad", bad);
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    size_t to = rows[k].from + rows[k].n < b.len ? rows[k].from + rows[k].n : b.len, n = 0;

    amz_buf_reset(&copy);
    amz_buf_add(&copy, b.data, b.len);
    for (size_t i = rows[k].from; i < to; i++)
      copy.data[i] = (char)(rows[k].fill == 0 ? 0 : rows[k].fill == 1 ? (int)(i * 2654435761u >> 13) : 0xFA);
    for (size_t i = 0; i < TASKS; i++)
      if (memcmp(b.data + begins[i + 1] - 104, copy.data + begins[i + 1] - 104, 104) == 0)
        expected[n++] = i;
    spill(bad, copy.data, copy.len);
    ASSERT_ROW_U64(rows[k].what, scan(bad, expected, n, &skipped), n);
    CU_ASSERT(skipped + 400 > to - rows[k].from && skipped < to - rows[k].from + 400);
  }
  amz_buf_clear(&b);
  amz_buf_clear(&copy);
  scratch_remove(&s);
}

/* A task that prints a pack, its own one too, doesn't forge records, even where the scan has lost its way. */
static void outputs_cannot_forge_records(void)
{
  static const uint64_t order[] = {1, 3};
  struct scratch s;
  char path[SCRATCH_PATH], other[SCRATCH_PATH];
  struct amz_pack_writer w;
  struct amz_buf b = AMZ_BUF_INIT;
  struct amz_pack_end end;
  struct amz_pack_tail tail;
  uint64_t link = 0, head_at, skipped;

  CU_ASSERT_FATAL(scratch_make(&s));
  CU_ASSERT_FATAL(amz_pack_create(scratch_path(&s, "p", path), 0, 1, NULL, &w) == AMZ_OK);
  CU_ASSERT(put_task(&w, 1, "first", "") > 0);
  slurp(path, &b);
  head_at = w.offset;
  end = end_of(2, 1, b.len, 0);
  tail = (struct amz_pack_tail){{b.data, NULL}, {b.len, 0}};
  CU_ASSERT(amz_pack_finish(&w, &end, &tail, &link) == AMZ_OK);
  CU_ASSERT(put_task(&w, 3, "", "") > 0);
  amz_pack_close(&w);
  amz_buf_reset(&b);
  slurp(path, &b);
  memset(b.data + head_at, 0, 40);                    /* the DATA head */
  memset(b.data + end.result.pack_offset, 0, 104);    /* and the END frame of the printing task */
  scratch_path(&s, "other", other);
  spill(other, b.data, b.len);
  ASSERT_U64(scan(other, order, 2, &skipped), 2);
  amz_buf_clear(&b);
  scratch_remove(&s);
}

static void damaged_output_is_told(void)
{
  struct scratch s;
  char path[SCRATCH_PATH];
  struct amz_pack_writer w;
  struct amz_pack_reader *r = NULL;
  struct amz_error err;
  uint64_t at;
  int fd;

  CU_ASSERT_FATAL(scratch_make(&s));
  CU_ASSERT_FATAL(amz_pack_create(scratch_path(&s, "p", path), 0, 1, NULL, &w) == AMZ_OK);
  at = put_task(&w, 1, "abc", "xyz");
  amz_pack_close(&w);
  fd = open(path, O_WRONLY);
  CU_ASSERT(pwrite(fd, "?", 1, HEADER + 40 + 1) == 1);
  close(fd);
  CU_ASSERT_FATAL(amz_pack_open(path, NULL, &r) == AMZ_OK);
  CU_ASSERT(amz_pack_read_stream(r, at, 1, into_buf, &(struct amz_buf)AMZ_BUF_INIT, &err) == AMZ_ECORRUPT);
  CU_ASSERT(strstr(err.text, path) && strstr(err.text, "damaged at byte 92"));
  CU_ASSERT(stream_is(r, at, 2, "xyz", 3));
  CU_ASSERT(amz_pack_read_stream(r, at + 1, 1, NULL, NULL, &err) == AMZ_ECORRUPT);
  CU_ASSERT(amz_pack_read_stream(r, 1 << 20, 1, NULL, NULL, &err) == AMZ_ECORRUPT);
  amz_pack_reader_free(r);
  scratch_remove(&s);
}

/* Back links that lie (with right checksums) lead to an error, not round in circles. */
static void links_that_do_not_lead_back(void)
{
  static const struct {
    const char *what;
    uint64_t link;
  } rows[] = {
    {"to itself", HEADER}, {"forward", 500}, {"into the header", 3}, {"far beyond the end", UINT64_MAX - 7},
  };
  struct scratch s;
  char path[SCRATCH_PATH], name[16];

  CU_ASSERT_FATAL(scratch_make(&s));
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    struct amz_pack_writer w;
    struct amz_pack_reader *r = NULL;
    struct amz_pack_end end = end_of(1, 1, 8, 0);
    uint64_t link = rows[k].link;

    (void)snprintf(name, sizeof name, "p%zu", k);
    CU_ASSERT_FATAL(amz_pack_create(scratch_path(&s, name, path), 0, 1, NULL, &w) == AMZ_OK);
    CU_ASSERT(amz_pack_data(&w, 1, 1, 1, "some", 4, &link) == AMZ_OK);
    CU_ASSERT(amz_pack_finish(&w, &end, NULL, &link) == AMZ_OK);
    amz_pack_close(&w);
    CU_ASSERT_FATAL(amz_pack_open(path, NULL, &r) == AMZ_OK);
    ASSERT_ROW_I64(rows[k].what, amz_pack_read_stream(r, end.result.pack_offset, 1, NULL, NULL, NULL), AMZ_ECORRUPT);
    amz_pack_reader_free(r);
  }
  scratch_remove(&s);
}

/* No room: every append is all or nothing. In a child, whose limit on file sizes goes with it. */
static int fill_to_the_limit(const char *path, uint64_t *ret_size)
{
  struct amz_pack_writer w;
  struct rlimit limit = {HEADER + 9976, HEADER + 9976}; /* six tasks, and room for an END frame alone */
  static char words[1500];
  uint64_t link = 0, before;

  memset(words, 'w', sizeof words);
  if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR || amz_pack_create(path, 0, 1, NULL, &w) < 0 || setrlimit(RLIMIT_FSIZE, &limit) < 0)
    return 1;
  for (uint64_t i = 0;; i++) {
    struct amz_pack_end end = end_of(i, 1, sizeof words, 0);
    struct amz_pack_tail tail = {{words, NULL}, {sizeof words, 0}};

    before = w.offset;
    link = 0;
    if (amz_pack_finish(&w, &end, &tail, &link) < 0)
      break;
  }
  if (errno != EFBIG || w.offset != before || link != 0 || w.next_seq != 7)
    return 2;
  if (amz_pack_data(&w, 1, 1, 1, words, sizeof words, &link) != AMZ_EIO || link != 0)
    return 3;
  /* a small one still fits */
  *ret_size = w.offset;
  return put_task(&w, 77, "", "") == before ? 0 : 4;
}

static void no_room_leaves_whole_frames(void)
{
  static const uint64_t order[] = {0, 1, 2, 3, 4, 5, 77};
  struct scratch s;
  char path[SCRATCH_PATH];
  uint64_t size, skipped;
  int status = -1;
  struct stat st;
  pid_t pid;

  CU_ASSERT_FATAL(scratch_make(&s));
  scratch_path(&s, "p", path);
  pid = fork();
  if (pid == 0)
    _exit(fill_to_the_limit(path, &size));
  CU_ASSERT(waitpid(pid, &status, 0) == pid);
  ASSERT_I64(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
  ASSERT_U64(scan(path, order, 7, &skipped), 7);
  ASSERT_U64(skipped, 0);
  CU_ASSERT(stat(path, &st) == 0 && st.st_size == HEADER + 6 * (40 + 1500 + 104) + 104);
  scratch_remove(&s);
}

static void a_growing_pack_can_be_followed(void)
{
  struct scratch s;
  char path[SCRATCH_PATH];
  struct amz_pack_writer w;
  struct amz_pack_reader *r = NULL;
  struct amz_pack_end end;
  uint64_t offset = 0, at;

  CU_ASSERT_FATAL(scratch_make(&s));
  CU_ASSERT_FATAL(amz_pack_create(scratch_path(&s, "p", path), 0, 1, NULL, &w) == AMZ_OK);
  CU_ASSERT_FATAL(amz_pack_open(path, NULL, &r) == AMZ_OK);
  ASSERT_I64(amz_pack_next_end(r, &offset, &end, NULL, NULL), 0);
  for (uint64_t i = 0; i < 5; i++) {
    /* what a write leaves that was cut short, then written over */
    CU_ASSERT(pwrite(w.fd, "\xfamzE torn", 9, (off_t)w.offset) == 9);
    at = offset;
    ASSERT_I64(amz_pack_next_end(r, &offset, &end, NULL, NULL), 0);
    CU_ASSERT(i == 0 || offset == at);
    CU_ASSERT(put_task(&w, i, "x", "") > 0);
    ASSERT_I64(amz_pack_next_end(r, &offset, &end, NULL, NULL), 1);
    ASSERT_U64(end.result.position, i);
  }
  amz_pack_close(&w);
  amz_pack_reader_free(r);
  scratch_remove(&s);
}

static void wrong_calls_are_refused(void)
{
  struct scratch s;
  char path[SCRATCH_PATH];
  struct amz_pack_writer w;
  struct amz_pack_end end = end_of(1, 1, 0, 0);
  struct amz_pack_tail tail = {{"", ""}, {AMZ_PACK_DATA_MAX + 1, 0}};
  struct amz_error err;
  uint64_t link = 0;

  CU_ASSERT_FATAL(scratch_make(&s));
  CU_ASSERT_FATAL(amz_pack_create(scratch_path(&s, "p", path), 0, 1, NULL, &w) == AMZ_OK);
  CU_ASSERT(amz_pack_data(&w, 1, 1, 3, "x", 1, &link) == AMZ_EINVAL);
  CU_ASSERT(amz_pack_data(&w, 1, 1, 1, "x", AMZ_PACK_DATA_MAX + 1, &link) == AMZ_EINVAL);
  CU_ASSERT(amz_pack_finish(&w, &end, &tail, &link) == AMZ_EINVAL);
  CU_ASSERT(amz_pack_data(&w, 1, 1, 1, "", 0, &link) == AMZ_OK);
  ASSERT_U64(w.offset, HEADER);
  amz_pack_close(&w);
  CU_ASSERT(amz_pack_create("/nonexistent/pack", 0, 1, &err, &w) == AMZ_EIO);
  ASSERT_I64(err.sys_errno, ENOENT);
  amz_pack_reader_free(NULL);
  scratch_remove(&s);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"everything comes back", everything_comes_back},
    {"bytes are as documented", bytes_are_as_documented},
    {"a pack says where it was written", a_pack_says_where_it_was_written},
    {"interleaved attempts come apart", interleaved_attempts_come_apart},
    {"torn at every byte", torn_at_every_byte},
    {"one byte damaged costs one task", one_byte_damaged_costs_one_task},
    {"damaged blocks are passed over", damaged_blocks_are_passed_over},
    {"outputs cannot forge records", outputs_cannot_forge_records},
    {"damaged output is told", damaged_output_is_told},
    {"links that do not lead back", links_that_do_not_lead_back},
    {"no room leaves whole frames", no_room_leaves_whole_frames},
    {"a growing pack can be followed", a_growing_pack_can_be_followed},
    {"wrong calls are refused", wrong_calls_are_refused},
    {NULL, NULL},
  };

  return amz_test_main("pack", tests, 0);
}

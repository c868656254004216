/* The file of results: its bytes, who may open it, and what is where. That NumPy reads it is seen by tests/cli/results.sh. */
#include <amorsize/results.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../../support/tap.h"
#include "scratch.h"

static const struct amz_results_format doubles = {1000, AMZ_VALUE_F64, 1, "pi", "montecarlo", "pi.runs/004"};

static struct amz_results *open_results(const char *path, const struct amz_results_format *format)
{
  struct amz_error err = {0};
  struct amz_results *r = NULL;

  ASSERT_I64(amz_results_open(path, format, &err, &r), AMZ_OK);
  ASSERT_TEXT(err.text, "");
  CU_ASSERT_PTR_NOT_NULL_FATAL(r);
  return r;
}

static size_t read_at(const char *path, void *into, size_t n, off_t at)
{
  int fd = open(path, O_RDONLY);
  ssize_t got = fd < 0 ? -1 : pread(fd, into, n, at);

  if (fd >= 0)
    (void)close(fd);
  return got < 0 ? 0 : (size_t)got;
}

static void test_header(void)
{
  static const struct {
    const char *row;
    struct amz_results_format format;
    uint64_t bytes;
    const char *text; /* after NEP 1, the format of .npy files; on a little-endian machine */
  } rows[] = {
    {"doubles", {1000, AMZ_VALUE_F64, 1, "pi", "montecarlo", "pi.runs/004"}, 8,
     "{'descr': '<f8', 'fortran_order': False, 'shape': (1000,), } # amorsize-mpi results 1; job pi; plug-in montecarlo; run "
     "pi.runs/004"},
    {"integers", {1, AMZ_VALUE_I64, 1, NULL, "", NULL}, 8,
     "{'descr': '<i8', 'fortran_order': False, 'shape': (1,), } # amorsize-mpi results 1"},
    {"vectors", {7, AMZ_VALUE_U64, 3, NULL, NULL, NULL}, 24,
     "{'descr': '<u8', 'fortran_order': False, 'shape': (7, 3), } # amorsize-mpi results 1"},
    {"bytes", {7, AMZ_VALUE_BYTES, 13, NULL, NULL, NULL}, 13,
     "{'descr': '|V13', 'fortran_order': False, 'shape': (7,), } # amorsize-mpi results 1"},
    {"no tasks", {0, AMZ_VALUE_F64, 1, NULL, NULL, NULL}, 8,
     "{'descr': '<f8', 'fortran_order': False, 'shape': (0,), } # amorsize-mpi results 1"},
    {"a name with a newline and an umlaut", {1, AMZ_VALUE_F64, 1, "a\n\xc3\xa4", NULL, NULL}, 8,
     "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), } # amorsize-mpi results 1; job a???"},
  };
  const uint16_t probe = 1;

  if (*(const unsigned char *)&probe != 1) {
    amz_test_skip("the expected headers are those of a little-endian machine");
    return;
  }
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char path[SCRATCH_PATH], header[AMZ_RESULTS_HEADER + 1] = "";
    size_t n = strlen(rows[i].text);
    struct scratch s;
    struct stat st;

    CU_ASSERT_TRUE_FATAL(scratch_make(&s));
    amz_results_close(open_results(scratch_path(&s, "r", path), &rows[i].format));
    ASSERT_ROW_U64(rows[i].row, amz_results_bytes(&rows[i].format), rows[i].bytes);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    ASSERT_ROW_U64(rows[i].row, st.st_size, 4096 + rows[i].format.tasks * rows[i].bytes);
    ASSERT_ROW_U64(rows[i].row, read_at(path, header, AMZ_RESULTS_HEADER, 0), AMZ_RESULTS_HEADER);
    CU_ASSERT_EQUAL(memcmp(header, "\x93NUMPY\x01\x00\xf6\x0f", 10), 0); /* 4096 - 10 = 0x0ff6 */
    CU_ASSERT_EQUAL(header[AMZ_RESULTS_HEADER - 1], '\n');
    CU_ASSERT_EQUAL(header[10 + n], ' ');
    header[10 + n] = '\0';
    ASSERT_ROW_TEXT(rows[i].row, header + 10, rows[i].text);
    scratch_remove(&s);
  }
}

static void test_places(void)
{
  char path[SCRATCH_PATH];
  double values[3] = {1.5, -2, 3}, back[1000];
  struct amz_error err = {0};
  struct amz_results *a, *b;
  struct scratch s;

  CU_ASSERT_TRUE_FATAL(scratch_make(&s));
  a = open_results(scratch_path(&s, "r", path), &doubles);
  b = open_results(path, &doubles); /* another rank */
  ASSERT_I64(amz_results_write(a, 0, 3, values, &err), AMZ_OK);
  ASSERT_I64(amz_results_write(b, 997, 3, values, &err), AMZ_OK);
  ASSERT_I64(amz_results_write(b, 500, 0, NULL, &err), AMZ_OK);
  ASSERT_I64(amz_results_write(b, 998, 3, values, &err), AMZ_EINVAL);
  ASSERT_I64(amz_results_write(b, UINT64_MAX, 2, values, &err), AMZ_EINVAL);
  ASSERT_I64(amz_results_sync(a, &err), AMZ_OK);
  amz_results_close(a);
  amz_results_close(b);
  a = open_results(path, &doubles); /* as on resume: nothing is lost */
  ASSERT_U64(read_at(path, back, sizeof back, AMZ_RESULTS_HEADER), sizeof back);
  for (size_t i = 0; i < 1000; i++)
    CU_ASSERT_EQUAL(back[i], i < 3 ? values[i] : i >= 997 ? values[i - 997] : 0);
  amz_results_close(a);
  amz_results_close(NULL);
  scratch_remove(&s);
}

static void test_refused(void)
{
  static const struct {
    const char *row;
    const char *there; /* in the file */
    struct amz_results_format format;
    int expected;
  } rows[] = {
    {"another run's", NULL, {1000, AMZ_VALUE_F64, 1, "pi", "montecarlo", "pi.runs/005"}, AMZ_EBUSY},
    {"another number of tasks", NULL, {1001, AMZ_VALUE_F64, 1, "pi", "montecarlo", "pi.runs/004"}, AMZ_EBUSY},
    {"another type", NULL, {1000, AMZ_VALUE_I64, 1, "pi", "montecarlo", "pi.runs/004"}, AMZ_EBUSY},
    {"somebody's letter", "Dear Sir", {1000, AMZ_VALUE_F64, 1, "pi", "montecarlo", "pi.runs/004"}, AMZ_EBUSY},
    {"an empty file is ours", "", {1000, AMZ_VALUE_F64, 1, "pi", "montecarlo", "pi.runs/004"}, AMZ_OK},
    {"too large", "", {UINT64_C(1) << 60, AMZ_VALUE_F64, 1, NULL, NULL, NULL}, AMZ_EINVAL},
    {"no width", "", {1, AMZ_VALUE_F64, 0, NULL, NULL, NULL}, AMZ_EINVAL},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char path[SCRATCH_PATH], back[16] = "";
    struct amz_results *r = NULL;
    struct amz_error err;
    struct scratch s;
    FILE *f;

    CU_ASSERT_TRUE_FATAL(scratch_make(&s));
    (void)scratch_path(&s, "r", path);
    if (!rows[i].there)
      amz_results_close(open_results(path, &doubles));
    else if ((f = fopen(path, "w")))
      CU_ASSERT_TRUE(fputs(rows[i].there, f) >= 0 && fclose(f) == 0);
    ASSERT_ROW_I64(rows[i].row, amz_results_open(path, &rows[i].format, &err, &r), rows[i].expected);
    amz_results_close(r);
    if (rows[i].there && *rows[i].there) {
      (void)read_at(path, back, sizeof back - 1, 0);
      ASSERT_ROW_TEXT(rows[i].row, back, rows[i].there);
    }
    scratch_remove(&s);
  }
}

static void test_paths(void)
{
  static const struct {
    const char *row, *name, *expected;
  } rows[] = {
    {"unnamed", NULL, "pi.runs/004/out/results.bin"},
    {"named", "pi.npy", "pi.runs/004/out/pi.npy"},
    {"absolute", "/scratch/pi.npy", "/scratch/pi.npy"},
    {"empty", "", NULL},
    {"a directory", "x/", NULL},
    {"a pack's name", "r00000-e00001.pack", NULL},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_error err;
    char *path = NULL;

    ASSERT_ROW_I64(rows[i].row, amz_results_path("pi.runs/004", rows[i].name, &err, &path),
                   rows[i].expected ? AMZ_OK : AMZ_EINVAL);
    ASSERT_ROW_TEXT(rows[i].row, path ? path : "-", rows[i].expected ? rows[i].expected : "-");
    free(path);
  }
}

/* What another rank's file says is enough to make the run's. */
static void test_like_another(void)
{
  static const struct {
    const char *row;
    const char *header; /* its begin; NULL: as it is */
    int64_t more;       /* bytes of the file beyond its right size */
    uint64_t tasks;
    int expected;
  } rows[] = {
    {"as it is", NULL, 0, 1000, AMZ_OK},
    {"no header", "nothing of that sort", 0, 1000, AMZ_ECORRUPT},
    {"too long", NULL, 8, 1000, AMZ_ECORRUPT},
    {"cut off", NULL, -1, 1000, AMZ_ECORRUPT},
    {"no results", NULL, -8000, 1000, AMZ_ECORRUPT},
    {"of other tasks", NULL, 0, 999, AMZ_ECORRUPT},
    {"of no tasks", NULL, 0, 0, AMZ_ECORRUPT},
  };
  char path[SCRATCH_PATH], header[AMZ_RESULTS_HEADER], bytes[AMZ_RESULTS_HEADER];
  struct scratch s;

  CU_ASSERT_FATAL(scratch_make(&s));
  amz_results_close(open_results(scratch_path(&s, "apart", path), &doubles));
  ASSERT_U64(read_at(path, header, sizeof header, 0), sizeof header);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_results *r = NULL;
    struct amz_error err = {0};
    const double value = 0.25;
    double there = 0;

    memcpy(bytes, header, sizeof bytes);
    if (rows[i].header)
      memcpy(bytes, rows[i].header, strlen(rows[i].header));
    ASSERT_ROW_I64(rows[i].row, amz_results_open_like(scratch_path(&s, "run", path), bytes,
                                                      (uint64_t)(4096 + 8000 + rows[i].more), rows[i].tasks, &err, &r),
                                                      rows[i].expected);
    if (rows[i].expected < 0)
      continue;
    ASSERT_U64(amz_results_each(r), 8);
    ASSERT_I64(amz_results_write(r, 999, 1, &value, &err), AMZ_OK);
    amz_results_close(r);
    amz_results_close(open_results(path, &doubles)); /* it is the run's: whoever knows its format finds it right */
    ASSERT_U64(read_at(path, &there, sizeof there, 4096 + 8 * 999), sizeof there);
    CU_ASSERT_EQUAL(there, 0.25);
  }
  scratch_remove(&s);
}

static void test_apart(void)
{
  static const struct {
    const char *name;
    int is;
    uint32_t rank, epoch;
  } rows[] = {
    {"r00003-e0012.results", 1, 3, 12},
    {"r00003-e0012.pack", 0, 0, 0},
    {"r00003-e0012.results2", 0, 0, 0},
    {"results.bin", 0, 0, 0},
    {"", 0, 0, 0},
  };
  char *path = NULL;

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint32_t rank = 0, epoch = 0;

    ASSERT_ROW_I64(rows[i].name, amz_results_apart_name(rows[i].name, &rank, &epoch), rows[i].is);
    if (rows[i].is) {
      ASSERT_ROW_U64(rows[i].name, rank, rows[i].rank);
      ASSERT_ROW_U64(rows[i].name, epoch, rows[i].epoch);
    }
  }
  ASSERT_I64(amz_results_apart_path("/tmp/x/out/r00003-e0012.pack", &path), AMZ_OK);
  ASSERT_TEXT(path, "/tmp/x/out/r00003-e0012.results");
  free(path);
}

static void test_full_disk(void)
{
  struct amz_results *r = NULL;
  struct amz_error err;

  if (access("/dev/full", W_OK) < 0) {
    amz_test_skip("there is no /dev/full");
    return;
  }
  CU_ASSERT_TRUE(amz_results_open("/dev/full", &doubles, &err, &r) < 0); /* no file to be given a size: told, not crashed */
  CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/dev/full"));
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"header", test_header},
    {"places", test_places},
    {"refused", test_refused},
    {"paths", test_paths},
    {"like another rank's", test_like_another},
    {"names of files apart", test_apart},
    {"a file that takes nothing", test_full_disk},
    {NULL, NULL},
  };

  return amz_test_main("results", tests, 30);
}

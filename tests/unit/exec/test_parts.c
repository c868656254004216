/* The parts of the executor that start nothing: frames, environments, the search for the helper. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../src/exec/environ.h"
#include "../../../src/exec/find.h"
#include "../../../src/exec/known.h"
#include "../../../src/exec/wire.h"
#include "../../support/tap.h"

/* ---- frames ------------------------------------------------------------------------------------------------------------- */

static const char *const argv[] = {"prog", "", "two words", NULL};
static const char *const env[] = {"A=1", "B=", NULL};
static const uint32_t cpus[] = {0, 3, 8191};
static const uint64_t ok[4] = {1, 2, 3, UINT64_MAX};
static const struct amz_exec_command full = {.slot = 5, .index = UINT64_MAX, .tag = 1, .attempt = 2, .shell = true, .argv = argv,
  .env = env, .workdir = "/w", .stdin_path = "in", .cpus = cpus, .n_cpus = 3, .ok_exit = ok};

static void a_start_arrives_as_it_was_sent(void)
{
  struct amz_buf b = AMZ_BUF_INIT;
  struct amz_wire_start got = {0};
  struct amz_wire_frame frame;
  size_t pos = 0;

  CU_ASSERT(amz_wire_add_start(&b, &full) == AMZ_OK);
  CU_ASSERT_FATAL(amz_wire_next(&b, &pos, &frame) == 1);
  ASSERT_U64(pos, b.len);
  ASSERT_U64(frame.kind, AMZ_WIRE_START);
  CU_ASSERT_FATAL(amz_wire_read_start(&frame.body, &got) == AMZ_OK);
  ASSERT_U64(got.command.slot, 5);
  ASSERT_U64(got.command.index, UINT64_MAX);
  ASSERT_U64(got.command.attempt, 2);
  CU_ASSERT(got.command.shell);
  CU_ASSERT_PTR_NULL(got.argv[0]);
  for (size_t i = 0; i < 3; i++)
    ASSERT_TEXT(got.command.argv[i], argv[i]);
  CU_ASSERT_PTR_NULL(got.command.argv[3]);
  ASSERT_TEXT(got.command.env[1], "B=");
  ASSERT_TEXT(got.command.workdir, "/w");
  ASSERT_TEXT(got.command.stdin_path, "in");
  ASSERT_U64(got.command.n_cpus, 3);
  ASSERT_U64(got.command.cpus[2], 8191);
  CU_ASSERT(memcmp(got.command.ok_exit, ok, sizeof ok) == 0);
  amz_wire_start_clear(&got);
  amz_buf_clear(&b);
}

static void an_end_arrives_as_it_was_sent(void)
{
  const struct amz_exec_end sent = {.slot = 1, .tag = 2, .outcome = AMZ_TIMED_OUT, .exit_code = -1, .signal = 9, .start_errno = 3,
    .sink_errno = 28, .start_ns = -4, .wall_ns = 5, .cpu_ns = 6, .max_rss_bytes = 7, .output_bytes = 8, .input_bytes = 11,
    .waited_ns = 12, .pack_seq = 9,
    .pack_offset = 10, .cpus_differ = true};
  struct amz_buf b = AMZ_BUF_INIT;
  struct amz_exec_end got;
  struct amz_wire_frame frame;
  size_t pos = 0;

  CU_ASSERT(amz_wire_add_end(&b, &sent) == AMZ_OK);
  CU_ASSERT_FATAL(amz_wire_next(&b, &pos, &frame) == 1 && frame.kind == AMZ_WIRE_END);
  memset(&got, 0, sizeof got);
  CU_ASSERT_FATAL(amz_wire_read_end(&frame.body, &got) == AMZ_OK);
  ASSERT_U64(got.slot, 1);
  ASSERT_U64(got.tag, 2);
  ASSERT_U64(got.outcome, AMZ_TIMED_OUT);
  ASSERT_I64(got.exit_code, -1);
  ASSERT_I64(got.signal, 9);
  ASSERT_I64(got.start_errno, 3);
  ASSERT_I64(got.sink_errno, 28);
  ASSERT_I64(got.start_ns, -4);
  ASSERT_I64(got.wall_ns, 5);
  ASSERT_I64(got.cpu_ns, 6);
  ASSERT_U64(got.max_rss_bytes, 7);
  ASSERT_U64(got.output_bytes, 8);
  ASSERT_U64(got.input_bytes, 11);
  ASSERT_I64(got.waited_ns, 12);
  ASSERT_U64(got.pack_seq, 9);
  ASSERT_U64(got.pack_offset, 10);
  CU_ASSERT(got.cpus_differ);
  amz_buf_clear(&b);
}

/* A frame that comes in two pieces is waited for; a body cut short is refused, wherever it is cut. */
static void cut_frames_are_noticed(void)
{
  struct amz_buf b = AMZ_BUF_INIT;
  struct amz_wire_start got = {0};
  struct amz_wire_frame frame;
  size_t whole, pos;

  CU_ASSERT_FATAL(amz_wire_add_start(&b, &full) == AMZ_OK);
  whole = b.len;
  for (b.len = 0; b.len < whole; b.len++) {
    pos = 0;
    CU_ASSERT(amz_wire_next(&b, &pos, &frame) == 0 && pos == 0);
  }
  for (size_t n = 6; n < whole; n++) {
    struct amz_cursor body = amz_cursor_over(b.data + 6, n - 6);

    CU_ASSERT(amz_wire_read_start(&body, &got) == AMZ_ECORRUPT);
  }
  amz_wire_start_clear(&got);
  amz_buf_clear(&b);
}

static void damaged_frames_are_refused(void)
{
  static const struct {
    const char *row;
    unsigned char bytes[8];
    size_t n;
    int expected;
  } rows[] = {
    {"nothing", {0}, 0, 0},
    {"half a length", {9, 0}, 2, 0},
    {"shorter than its head", {1, 0, 0, 0, 1}, 5, AMZ_ECORRUPT},
    {"too long", {1, 0, 0, 0x10, 1, 1}, 6, AMZ_ECORRUPT},
    {"another version", {2, 0, 0, 0, AMZ_WIRE_VERSION + 1, AMZ_WIRE_KILL}, 6, AMZ_ECORRUPT},
    {"an empty body", {2, 0, 0, 0, AMZ_WIRE_VERSION, AMZ_WIRE_KILL}, 6, 1},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_buf b = AMZ_BUF_INIT;
    struct amz_wire_frame frame;
    size_t pos = 0;

    amz_buf_add(&b, rows[i].bytes, rows[i].n);
    ASSERT_ROW_I64(rows[i].row, amz_wire_next(&b, &pos, &frame), rows[i].expected);
    amz_buf_clear(&b);
  }
}

/* Claims of more strings than there are bytes must not allocate by them. */
static void lying_counts_are_refused(void)
{
  static const unsigned char lie[] = {0xff, 0xff, 0xff, 0xff};
  struct amz_buf b = AMZ_BUF_INIT;
  struct amz_wire_start got = {0};
  struct amz_cursor body;

  CU_ASSERT_FATAL(amz_wire_add_start(&b, &full) == AMZ_OK);
  memcpy(b.data + 6 + 4 + 8 + 8 + 4 + 1 + 32, lie, sizeof lie); /* argv's count */
  body = amz_cursor_over(b.data + 6, b.len - 6);
  CU_ASSERT(amz_wire_read_start(&body, &got) == AMZ_ECORRUPT);
  CU_ASSERT(got.argv_cap < 1000);
  amz_wire_start_clear(&got);
  amz_buf_clear(&b);
}

static void a_command_beyond_bounds_is_taken_back(void)
{
  size_t n = AMZ_WIRE_MAX;
  char *huge = malloc(n + 1);
  const char *big[] = {huge, NULL};
  const struct amz_exec_command command = {.argv = big};
  struct amz_buf b = AMZ_BUF_INIT;

  CU_ASSERT_FATAL(huge != NULL);
  memset(huge, 'x', n);
  huge[n] = '\0';
  amz_buf_adds(&b, "before");
  ASSERT_I64(amz_wire_add_start(&b, &command), AMZ_EINVAL);
  ASSERT_TEXT(amz_buf_text(&b), "before");
  amz_buf_clear(&b);
  free(huge);
}

/* ---- environments ------------------------------------------------------------------------------------------------------- */

static void the_launchers_variables_are_known(void)
{
  static const struct {
    const char *entry;
    bool mpi;
  } rows[] = {{"OMPI_COMM_WORLD_RANK=0", true}, {"OMPI_MCA_btl=self", true}, {"PMIX_NAMESPACE=x", true}, {"ORTE_SCHIZO=1", true},
    {"PMI_RANK=0", true}, {"PMI_FD=5", true}, {"MPI_LOCALRANKID=0", true}, {"MPI_LOCALNRANKS=2", true},
    {"HYDI_CONTROL_FD=9", true},
    {"SLURM_PMIX_MAPPING_SERV=x", true}, {"OMPI_ALLOW_RUN_AS_ROOT=1", false}, {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", false},
    {"PATH=/bin", false}, {"SLURM_JOB_ID=3", false}, {"MY_PMI_X=1", false}, {"MPI_HOME=/opt", false},
    {"OMP_NUM_THREADS=2", false},
    {"", false}};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ASSERT_ROW_U64(rows[i].entry, amz_environ_is_mpi(rows[i].entry), rows[i].mpi);
}

static void additions_replace_and_append(void)
{
  char a[] = "A=1", pmi[] = "PMI_RANK=0", ab[] = "AB=2";
  char *base[] = {a, pmi, ab, NULL};
  const char *const added[] = {"B=3", "A=4", "no assignment", "B=5", NULL};
  struct amz_environ e;
  char *const *got = NULL;

  CU_ASSERT_FATAL(amz_environ_init(&e, base) == AMZ_OK && amz_environ_merge(&e, added, &got) == AMZ_OK);
  ASSERT_TEXT(got[0], "A=4");
  ASSERT_TEXT(got[1], "AB=2");
  ASSERT_TEXT(got[2], "B=5");
  CU_ASSERT_PTR_NULL(got[3]);
  ASSERT_TEXT(amz_environ_find(got, "AB"), "2");
  CU_ASSERT_PTR_NULL(amz_environ_find(got, "PMI_RANK"));
  CU_ASSERT_FATAL(amz_environ_merge(&e, NULL, &got) == AMZ_OK);
  ASSERT_TEXT(got[0], "A=1");
  amz_environ_clear(&e);
}

/* ---- places ------------------------------------------------------------------------------------------------------------- */

static void places_of_programs_are_remembered(void)
{
  struct amz_known k = {0};

  CU_ASSERT_PTR_NULL(amz_known_find(&k, "tool", "/a:/b"));
  amz_known_add(&k, "tool", "/a:/b", "/b/tool");
  ASSERT_TEXT(amz_known_find(&k, "tool", "/a:/b"), "/b/tool");
  CU_ASSERT_PTR_NULL(amz_known_find(&k, "tool", "/a"));
  CU_ASSERT_PTR_NULL(amz_known_find(&k, "too", "/a:/b"));
  amz_known_add(&k, "tool", "bin:/b", "bin/tool"); /* relative: another task's workdir is another place */
  CU_ASSERT_PTR_NULL(amz_known_find(&k, "tool", "bin:/b"));
  for (char name[] = "a"; name[0] <= 'z'; name[0]++) /* more than it has room for */
    amz_known_add(&k, name, "/x", "/x/y");
  ASSERT_TEXT(amz_known_find(&k, "z", "/x"), "/x/y");
  amz_known_clear(&k);
}

static bool make_program(const char *path)
{
  FILE *f = fopen(path, "w");

  return f && fclose(f) == 0 && chmod(path, 0755) == 0;
}

static void the_helper_is_found_where_we_are(void)
{
  static const char *const made[] = {"bin", "libexec", "libexec/amorsize-mpi", "away"};
  static const char *const helpers[] = {
    "away/amorsize-mpi-helper", "libexec/amorsize-mpi/amorsize-mpi-helper", "bin/amorsize-mpi-helper"};
  static const char *const shown[] = {
    "away/amorsize-mpi-helper", "bin/../libexec/amorsize-mpi/amorsize-mpi-helper", "bin/amorsize-mpi-helper"};
  char dir[] = "/tmp/amz-find-XXXXXX", path[128], self[128], installed[128];
  struct amz_buf got = AMZ_BUF_INIT;
  struct amz_error err;

  CU_ASSERT_FATAL(mkdtemp(dir) != NULL);
  (void)snprintf(self, sizeof self, "%s/bin/amorsize-mpi", dir);
  (void)snprintf(installed, sizeof installed, "%s/away", dir);
  for (size_t i = 0; i < 4; i++) {
    (void)snprintf(path, sizeof path, "%s/%s", dir, made[i]);
    CU_ASSERT(mkdir(path, 0755) == 0);
  }
  ASSERT_I64(amz_program_find("amorsize-mpi-helper", self, installed, &err, &got), AMZ_ENOENT);
  CU_ASSERT_PTR_NOT_NULL(strstr(err.text, installed));
  for (size_t i = 0; i < 3; i++) { /* the later one is preferred to the earlier */
    (void)snprintf(path, sizeof path, "%s/%s", dir, helpers[i]);
    CU_ASSERT(make_program(path));
    amz_buf_reset(&got);
    CU_ASSERT(amz_program_find("amorsize-mpi-helper", self, installed, &err, &got) == AMZ_OK);
    (void)snprintf(path, sizeof path, "%s/%s", dir, shown[i]);
    ASSERT_TEXT(amz_buf_text(&got), path);
  }
  for (size_t i = 0; i < 3; i++) {
    (void)snprintf(path, sizeof path, "%s/%s", dir, helpers[i]);
    (void)unlink(path);
  }
  for (size_t i = 4; i-- > 0;) {
    (void)snprintf(path, sizeof path, "%s/%s", dir, made[i]);
    (void)rmdir(path);
  }
  (void)rmdir(dir);
  amz_buf_clear(&got);
}

static const struct amz_test tests[] = {
  {"a start arrives as it was sent", a_start_arrives_as_it_was_sent},
  {"an end arrives as it was sent", an_end_arrives_as_it_was_sent},
  {"cut frames are noticed", cut_frames_are_noticed},
  {"damaged frames are refused", damaged_frames_are_refused},
  {"lying counts are refused", lying_counts_are_refused},
  {"a command beyond bounds is taken back", a_command_beyond_bounds_is_taken_back},
  {"the launcher's variables are known", the_launchers_variables_are_known},
  {"additions replace and append", additions_replace_and_append},
  {"places of programs are remembered", places_of_programs_are_remembered},
  {"the helper is found where we are", the_helper_is_found_where_we_are},
  {NULL, NULL},
};

int main(void)
{
  return amz_test_main("exec_parts", tests, 60);
}

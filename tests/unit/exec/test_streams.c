/* Co-processes: the queue of lines, where results end, and the helper's part of it, with programs that behave in every way. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/exec.h>
#include <amorsize/pack.h>

#include "../../../src/exec/answer.h"
#include "../../../src/exec/lines.h"
#include "../../../src/exec/wire.h"
#include "../../support/tap.h"
#include "rig.h"

#define HELPER "amorsize-mpi-helper"

/* ---- where results end -------------------------------------------------------------------------------------------------- */

/* Cuts text, given `step` bytes at a time: results as <…>, failed ones as !…!, an open end as it is. */
static void cut(const char *text, const struct amz_answer_rules *rules, size_t step, struct amz_buf *out)
{
  struct amz_answer a = {0};
  struct amz_buf result = AMZ_BUF_INIT;

  for (size_t at = 0, n = strlen(text); at < n;) {
    struct amz_piece piece;
    size_t some = step < n - at ? step : n - at, used = amz_answer_take(&a, rules, text + at, some, &piece);

    CU_ASSERT_FATAL(used > 0 && used <= some);
    at += used;
    amz_buf_add(&result, piece.bytes, piece.n);
    if (!piece.complete)
      continue;
    amz_buf_addf(out, piece.failed ? "!%s!" : "<%s>", amz_buf_text(&result));
    amz_buf_reset(&result);
  }
  amz_buf_add(out, result.data, result.len);
  amz_buf_clear(&result);
  amz_answer_clear(&a);
}

static void results_end_where_they_should(void)
{
  static const struct {
    const char *row, *sentinel, *fail_prefix, *text, *expected;
  } rows[] = {
    {"lines", NULL, NULL, "a\nbc\n\nd", "<a\n><bc\n><\n>d"},
    {"failures", NULL, "ERR", "ERR\nERROR x\nER\nx ERR\nERR", "!ERR\n!!ERROR x\n!<ER\n><x ERR\n>ERR"},
    {"sentinel", "END", NULL, "a\nb\nEND\nc\nEND\n", "<a\nb\n><c\n>"},
    {"nothing but the sentinel", "END", NULL, "END\nEND\n", "<><>"},
    {"what only begins as the sentinel", "END", NULL, "EN\nENDS\nEND \nEN\nEND\nE", "<EN\nENDS\nEND \nEN\n>"},
    {"the sentinel inside a line", "END", NULL, "xEND\nEND\n", "<xEND\n>"},
    {"an empty line is none", "END", NULL, "\n\nEND\n", "<\n\n>"},
    {"failures of many lines", "END", "no", "no\nx\nEND\nyes\nno\nEND\nn\no\nEND\n", "!no\nx\n!<yes\nno\n><n\no\n>"},
    {"a failure across lines", "END", "n\no", "n\no\nEND\n", "!n\no\n!"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (size_t step = 1; step <= 9; step++) {
      struct amz_answer_rules rules = {.sentinel = rows[i].sentinel, .fail_prefix = rows[i].fail_prefix};
      struct amz_buf out = AMZ_BUF_INIT;

      rules.sentinel_bytes = rules.sentinel ? strlen(rules.sentinel) : 0;
      rules.fail_prefix_bytes = rules.fail_prefix ? strlen(rules.fail_prefix) : 0;
      cut(rows[i].text, &rules, step, &out);
      ASSERT_ROW_TEXT(rows[i].row, amz_buf_text(&out), rows[i].expected);
      amz_buf_clear(&out);
    }
}

/* ---- the queue ---------------------------------------------------------------------------------------------------------- */

static void add(struct amz_lines *l, uint64_t tag, const char *text)
{
  const struct amz_line line = {.index = tag, .tag = tag, .bytes = strlen(text), .attempt = 1};

  CU_ASSERT_FATAL(amz_lines_add(l, &line, text) == AMZ_OK);
}

static void next_is(const struct amz_lines *l, size_t window, const char *expected)
{
  size_t n;
  const char *bytes = amz_lines_next(l, window, &n);
  char text[64];

  (void)snprintf(text, sizeof text, "%.*s", (int)n, n ? bytes : "");
  ASSERT_TEXT(text, expected);
}

static void lines_are_kept_until_answered(void)
{
  struct amz_lines l = {0};
  struct amz_line back;

  CU_ASSERT_PTR_NULL(amz_lines_head(&l));
  next_is(&l, 4, "");
  add(&l, 1, "one\n");
  add(&l, 2, "two\n");
  add(&l, 3, "three\n");
  next_is(&l, 2, "one\ntwo\n");
  amz_lines_wrote(&l, 6); /* a pipe had no room for more */
  ASSERT_U64(l.fed, 1);
  ASSERT_U64(amz_lines_written(&l), 6);
  next_is(&l, 2, "o\n");
  amz_lines_drop(&l);
  ASSERT_U64(amz_lines_head(&l)->tag, 2);
  ASSERT_U64(amz_lines_written(&l), 2);
  next_is(&l, 2, "o\nthree\n");
  CU_ASSERT(amz_lines_take_back(&l, &back) == 1 && back.tag == 3);
  ASSERT_I64(amz_lines_take_back(&l, &back), 0); /* it was begun */
  amz_lines_rewind(&l);
  next_is(&l, 2, "two\n");
  ASSERT_I64(amz_lines_take_back(&l, &back), 1);
  ASSERT_U64(back.tag, 2);
  ASSERT_U64(l.count, 0);
  add(&l, 4, "four\n");
  next_is(&l, 1, "four\n");
  amz_lines_clear(&l);
}

/* Many of them, in flight and answered: the fronts are dropped, the order stays. */
static void a_long_queue_stays_in_order(void)
{
  struct amz_lines l = {0};
  uint64_t asked = 0, answered = 0;
  bool in_order = true;
  char text[32];
  size_t n;

  while (answered < 100000) {
    for (int i = 0; i < 7 && asked < 100000; i++, asked++) {
      (void)snprintf(text, sizeof text, "line %llu of many\n", (unsigned long long)asked);
      add(&l, asked, text);
    }
    (void)amz_lines_next(&l, 5, &n);
    amz_lines_wrote(&l, n);
    for (int i = 0; i < 5 && l.fed; i++, answered++) {
      in_order = in_order && amz_lines_head(&l)->tag == answered;
      amz_lines_drop(&l);
    }
  }
  CU_ASSERT(in_order);
  CU_ASSERT(l.cap < 100000 && l.text.cap < 1000000);
  amz_lines_clear(&l);
}

/* ---- frames ------------------------------------------------------------------------------------------------------------- */

static int read_lines(struct amz_cursor body)
{
  struct amz_wire_lines lines;
  struct amz_exec_line line;
  int rc = amz_wire_read_lines(&body, &lines);

  while (rc >= 0 && (rc = amz_wire_read_line(&body, &lines, &line)) > 0)
    ;
  return rc;
}

static int read_stream(struct amz_cursor body)
{
  struct amz_wire_stream stream;
  struct amz_wire_start start = {0};
  int rc = amz_wire_read_stream(&body, &stream);

  if (rc == AMZ_OK)
    rc = amz_wire_read_start(&body, &start);
  amz_wire_start_clear(&start);
  return rc;
}

static void cut_frames_are_refused(void)
{
  static const char *const argv[] = {"cat", NULL};
  static const struct amz_exec_stream stream = {.command = {.argv = argv}, .window = 3, .sentinel = "END", .timeout_ns = 5};
  static const struct amz_exec_line lines[] = {{1, 2, "one\n", 4}, {3, 4, "three\n", 6}};
  struct amz_buf b[2] = {AMZ_BUF_INIT, AMZ_BUF_INIT};
  int (*const read[])(struct amz_cursor) = {read_stream, read_lines};

  CU_ASSERT_FATAL(amz_wire_add_stream(&b[0], &stream) == AMZ_OK && amz_wire_add_lines(&b[1], 0, 1, lines, 2) == AMZ_OK);
  for (int k = 0; k < 2; k++) {
    struct amz_wire_frame frame;
    size_t pos = 0;

    CU_ASSERT_FATAL(amz_wire_next(&b[k], &pos, &frame) == 1);
    ASSERT_I64(read[k](frame.body), AMZ_OK);
    for (size_t n = frame.body.pos; n < frame.body.len; n++) {
      struct amz_cursor cut_short = frame.body;

      cut_short.len = n;
      ASSERT_I64(read[k](cut_short), AMZ_ECORRUPT);
    }
    amz_buf_clear(&b[k]);
  }
}

static void what_makes_no_sense_is_refused(void)
{
  static const char *const argv[] = {"cat", NULL};
  struct amz_exec_stream stream = {.command = {.slot = 0, .argv = argv}, .window = 0};
  const struct amz_exec_command command = {.slot = 0, .argv = argv};
  const struct amz_exec_line line = {1, 1, "x\n", 2};
  struct amz_rig r;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 2, false));
  ASSERT_I64(amz_exec_open_stream(r.x, &stream), AMZ_EINVAL); /* no window */
  stream.window = 1;
  ASSERT_I64(amz_exec_add_lines(r.x, 0, 1, &line, 1), AMZ_EINVAL); /* no stream yet */
  ASSERT_I64(amz_exec_open_stream(r.x, &stream), AMZ_OK);
  ASSERT_I64(amz_exec_open_stream(r.x, &stream), AMZ_EINVAL);
  ASSERT_I64(amz_exec_start(r.x, &command), AMZ_EINVAL); /* the slot is a stream's */
  ASSERT_I64(amz_exec_add_lines(r.x, 2, 1, &line, 1), AMZ_EINVAL);
  stream.command.slot = 5;
  ASSERT_I64(amz_exec_open_stream(r.x, &stream), AMZ_EINVAL);
  amz_rig_clear(&r);
}

/* ---- with the helper ---------------------------------------------------------------------------------------------------- */

#define TASKS 12
#define MOST 100000 /* bytes of a result, where that is bounded */

/* What came of tasks 0..TASKS-1, by tag. */
struct got {
  struct amz_exec_end ends[TASKS];
  unsigned told[TASKS];
};

static void send_lines(struct amz_rig *r, const char *const *texts, size_t n)
{
  struct amz_exec_line lines[TASKS];

  for (size_t i = 0; i < n; i++)
    lines[i] = (struct amz_exec_line){100 + i, i, texts[i], strlen(texts[i])};
  CU_ASSERT_FATAL(amz_exec_add_lines(r->x, 0, 1, lines, n) == AMZ_OK && amz_rig_flush(r) == AMZ_OK);
}

static void receive_all(struct amz_rig *r, size_t n, struct got *got)
{
  struct amz_exec_end end;

  for (size_t i = 0; i < n && amz_rig_wait(r, &end) == 1; i++)
    if (end.tag < TASKS) {
      got->ends[end.tag] = end;
      got->told[end.tag]++;
    }
}

/* Sends lines and receives what became of them. What comes back, as it wasn't begun soon on a busy machine, is sent again. */
static void run_lines(struct amz_rig *r, const char *const *texts, size_t n, struct got *got)
{
  struct amz_exec_end end;

  send_lines(r, texts, n);
  for (size_t left = n; left > 0 && amz_rig_wait(r, &end) == 1;) {
    if (end.tag < n && end.outcome == AMZ_CANCELLED) {
      const struct amz_exec_line again = {100 + end.tag, end.tag, texts[end.tag], strlen(texts[end.tag])};

      CU_ASSERT_FATAL(amz_exec_add_lines(r->x, 0, 1, &again, 1) == AMZ_OK && amz_rig_flush(r) == AMZ_OK);
    } else if (end.tag < n) {
      got->ends[end.tag] = end;
      got->told[end.tag]++;
      left--;
    }
  }
}

static void open_shell(struct amz_rig *r, const char *text, struct amz_exec_stream *stream)
{
  const char *argv[] = {"/bin/sh", "-c", text, NULL};

  stream->command.argv = argv;
  stream->command.shell = true;
  CU_ASSERT_FATAL(amz_exec_open_stream(r->x, stream) == AMZ_OK);
}

static int into_buf(void *ctx, const void *bytes, size_t n)
{
  amz_buf_add(ctx, bytes, n);
  return AMZ_OK;
}

static void output_of(const struct amz_rig *r, const struct amz_exec_end *end, int stream, struct amz_buf *ret)
{
  struct amz_pack_reader *reader = NULL;

  CU_ASSERT_FATAL(amz_pack_open(r->pack, NULL, &reader) == AMZ_OK);
  ASSERT_I64(amz_pack_read_stream(reader, end->pack_offset, stream, into_buf, ret, NULL), AMZ_OK);
  amz_pack_reader_free(reader);
}

/* A letter per task: s succeeded, f failed, t timed out, c came back; ? not told, or twice. */
static void letters(const struct got *got, size_t n, char *ret)
{
  static const char letter[] = {'?', 's', 'f', 't', '?', 'c'};

  for (size_t i = 0; i < n; i++)
    ret[i] = got->told[i] == 1 ? letter[got->ends[i].outcome] : '?';
  ret[n] = '\0';
}

static void the_line_that_kills_is_found(void)
{
  static const char *const texts[] = {"a\n", "b\n", "die\n", "c\n", "leave\n", "d\n", "e\n"};
  static const struct {
    const char *row, *program, *outcomes;
    uint32_t window;
    int32_t exit_code, signal; /* of task 2 */
    int64_t timeout_ns;
  } rows[] = {
#define PROGRAM(die, leave) "while read -r x; do case $x in die) " die ";; leave) " leave ";; esac; echo $x; done"
    {"window 1", PROGRAM("kill -SEGV $$", "exit 3"), "ssfsfss", 1, -1, SIGSEGV, 0},
    {"window 4", PROGRAM("kill -SEGV $$", "exit 3"), "ssfsfss", 4, -1, SIGSEGV, 0},
    {"window larger than all", PROGRAM("exit 5", "exit 3"), "ssfsfss", 64, 5, 0, 0},
    {"an exit status of 0 is no result either", PROGRAM("exit 0", ":"), "ssfssss", 4, 0, 0, 0},
    {"a hang, all in flight", PROGRAM("sleep 100", ":"), "sstssss", 64, -1, SIGTERM, 2000000000},
    {"half a line is none", PROGRAM("printf half; exit 1", ":"), "ssfssss", 3, 1, 0, 0},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_exec_stream stream = {.window = rows[i].window, .timeout_ns = rows[i].timeout_ns};
    struct got got = {0};
    char outcomes[TASKS + 1];
    struct amz_rig r;

    CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
    open_shell(&r, rows[i].program, &stream);
    run_lines(&r, texts, 7, &got);
    letters(&got, 7, outcomes);
    ASSERT_ROW_TEXT(rows[i].row, outcomes, rows[i].outcomes);
    ASSERT_ROW_I64(rows[i].row, got.ends[2].exit_code, rows[i].exit_code);
    ASSERT_ROW_I64(rows[i].row, got.ends[2].signal, rows[i].signal);
    for (size_t k = 0; k < 7; k++)
      if (got.ends[k].outcome == AMZ_SUCCEEDED) {
        struct amz_buf out = AMZ_BUF_INIT;

        output_of(&r, &got.ends[k], 1, &out);
        ASSERT_ROW_TEXT(rows[i].row, amz_buf_text(&out), texts[k]);
        amz_buf_clear(&out);
      }
    amz_rig_clear(&r);
  }
}

/* The program writes and writes. No more than the bound is kept, and a little: what says so, and the read that went beyond it. */
static void a_result_without_end_fails(void)
{
  static const char *const texts[] = {"a\n", "b\n", "flood\n", "c\n"};
  static const struct {
    const char *row, *program, *sentinel, *outcomes;
    uint32_t window;
  } rows[] = {
#define FLOOD(how) "while read -r x; do [ $x != flood ] || " how "; echo $x; done"
    {"a line", FLOOD("cat /dev/zero"), NULL, "ssfs", 1},
    {"a line, others in flight", FLOOD("cat /dev/zero"), NULL, "ssfs", 4},
    {"lines without the sentinel", "while read -r x; do [ $x != flood ] || yes; echo $x; echo END; done", "END", "ssfs", 2},
    {"standard error", FLOOD("yes >&2"), NULL, "ssfs", 1},
    {"one that ends, too late", FLOOD("{ head -c 100001 /dev/zero; echo; }"), NULL, "ssfs", 1},
    {"the last words of a program", FLOOD("{ head -c 100001 /dev/zero | tr '\\0' a; exit 3; }"), NULL, "ssfs", 1},
    {"just as much as may be", FLOOD("head -c 99994 /dev/zero"), NULL, "ssss", 1}, /* and flood, and a newline */
    {"one byte more", FLOOD("head -c 99995 /dev/zero"), NULL, "ssfs", 1},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_exec_stream stream = {.window = rows[i].window, .sentinel = rows[i].sentinel, .max_result = MOST};
    struct amz_buf errors = AMZ_BUF_INIT;
    struct got got = {0};
    char outcomes[TASKS + 1];
    struct amz_rig r;
    bool fails = rows[i].outcomes[2] == 'f';

    CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
    open_shell(&r, rows[i].program, &stream);
    run_lines(&r, texts, 4, &got);
    letters(&got, 4, outcomes);
    ASSERT_ROW_TEXT(rows[i].row, outcomes, rows[i].outcomes);
    ASSERT_ROW_U64(rows[i].row, got.ends[2].output_bytes > MOST, fails);
    ASSERT_ROW_U64(rows[i].row, got.ends[2].output_bytes > MOST + AMZ_PACK_DATA_MAX + AMZ_ERROR_TEXT, 0);
    output_of(&r, &got.ends[2], 2, &errors);
    ASSERT_ROW_U64(rows[i].row, strstr(amz_buf_text(&errors), "without the end of a result (failures.max_result)") != NULL,
                   fails);
    amz_buf_clear(&errors);
    amz_rig_clear(&r);
  }
}

/* What a program leaves behind may hold its output, and write to it for ever: nobody waits for that to end. */
static void a_child_that_writes_on_is_not_waited_for(void)
{
  static const char *const texts[] = {"a\n", "b\n", "c\n"};
  struct amz_exec_stream stream = {.window = 1};
  struct got got = {0};
  char outcomes[TASKS + 1];
  struct amz_rig r;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  open_shell(&r, "read -r x; echo $x; [ $x != a ] || cat /dev/zero & exit", &stream);
  run_lines(&r, texts, 3, &got);
  letters(&got, 3, outcomes);
  ASSERT_TEXT(outcomes, "sss");
  amz_rig_clear(&r);
}

/* What the program can't begin soon comes back, so that others may have it. */
static void what_is_not_begun_comes_back(void)
{
  static const char *const texts[] = {"a\n", "b\n", "c\n", "d\n"};
  struct amz_exec_stream stream = {.window = 1};
  struct got got = {0};
  char outcomes[TASKS + 1], go[128];
  struct amz_rig r;
  FILE *f;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  (void)snprintf(go, sizeof go, "%s/go", r.dir);
  stream.command.workdir = r.dir;
  open_shell(&r, "while read -r x; do while ! test -e go; do sleep 0.01; done; echo $x; done", &stream);
  send_lines(&r, texts, 4);
  receive_all(&r, 3, &got);
  letters(&got, 4, outcomes);
  ASSERT_TEXT(outcomes, "?ccc");
  ASSERT_U64(got.ends[3].pack_seq, 0);
  f = fopen(go, "w");
  CU_ASSERT_PTR_NOT_NULL(f);
  if (f)
    (void)fclose(f);
  receive_all(&r, 1, &got);
  letters(&got, 4, outcomes);
  ASSERT_TEXT(outcomes, "sccc");
  (void)unlink(go);
  amz_rig_clear(&r);
}

static void a_kill_brings_everything_back(void)
{
  static const char *const texts[] = {"a\n", "b\n", "c\n", "d\n", "e\n"};
  struct amz_exec_stream stream = {.window = 2};
  struct got got = {0};
  char outcomes[TASKS + 1];
  struct amz_rig r;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  open_shell(&r, "read -r x; echo $x; sleep 1000", &stream);
  send_lines(&r, texts, 5);
  receive_all(&r, 1, &got);
  ASSERT_I64(amz_exec_kill(r.x, 0, SIGKILL, AMZ_CANCELLED), AMZ_OK);
  CU_ASSERT(amz_rig_flush(&r) == AMZ_OK);
  receive_all(&r, 4, &got);
  letters(&got, 5, outcomes);
  CU_ASSERT(strcmp(outcomes, "scccc") == 0 || strcmp(outcomes, "ccccc") == 0); /* it may not have come to a */
  amz_rig_clear(&r);
}

static void a_full_disk_is_told_with_each_end(void)
{
  static char large[40003];
  const char *texts[] = {"a\n", large};
  struct amz_exec_stream stream = {.window = 2};
  struct got got = {0};
  struct amz_rig r;

  memset(large, 'x', sizeof large - 2);
  large[sizeof large - 2] = '\n';
  CU_ASSERT_FATAL(amz_rig_init(&r, "tests/unit/exec/full_helper", 1, true));
  open_shell(&r, "cat", &stream);
  send_lines(&r, texts, 2);
  receive_all(&r, 2, &got);
  ASSERT_I64(got.ends[0].sink_errno, 0);
  CU_ASSERT(got.ends[1].sink_errno != 0);
  ASSERT_U64(got.ends[1].pack_seq, 0);
  amz_rig_clear(&r);
}

/* Programs that end badly when their input does, or not at all; and one that holds its answers back. */
static void notes_tell_what_users_should_know(void)
{
  static const char *const texts[] = {"a\n"};
  static const struct {
    const char *row, *program, *note;
    bool answers, ends; /* by itself: then it is given all the time that it needs */
    int64_t advice_ns;
  } rows[] = {
    {"a good end", "cat", NULL, true, true, 0},
    {"an exit status", "cat; exit 4", "slot 0: after its last task, the stream's program has ended with exit status 4", true,
     true, 0},
    {"last words", "cat; echo first >&2; echo last >&2; exit 4",
     "slot 0: after its last task, the stream's program has ended with exit status 4: last", true, true, 0},
    {"no end", "cat; exec sleep 1000", "slot 0: after its last task, the stream's program has ended with signal 15", true, false,
     0},
    {"no end at all", "trap '' TERM; cat; while :; do sleep 1; done",
     "slot 0: after its last task, the stream's program has ended with signal 9", true, false, 0},
    {"answers held back", "cat >/dev/null",
     "slot 0: the stream's program has written nothing for 60 ms. If it should have, it holds its output back: let it flush "
     "after each "
     "result (fflush, print(…, flush=True)), or start it with stdbuf -oL. mawk needs -W interactive", false, false, 30000000},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_exec_stream stream = {.window = 1, .advice_ns = rows[i].advice_ns};
    struct got got = {0};
    struct amz_exec_end end;
    const char *note;
    struct amz_rig r;

    CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
    open_shell(&r, rows[i].program, &stream);
    send_lines(&r, texts, 1);
    if (rows[i].answers) {
      receive_all(&r, 1, &got);
      ASSERT_I64(amz_exec_close_streams(r.x, rows[i].ends ? INT64_C(30000000000) : 50000000), AMZ_OK);
    } else {
      while (!(note = amz_exec_next_note(r.x)) && amz_exec_next(r.x, &end) == 0)
        ;
      ASSERT_ROW_TEXT(rows[i].row, note ? note : "(none)", rows[i].note);
      amz_rig_clear(&r);
      continue;
    }
    note = amz_exec_next_note(r.x);
    ASSERT_ROW_TEXT(rows[i].row, note ? note : "(none)", rows[i].note ? rows[i].note : "(none)");
    CU_ASSERT_PTR_NULL(amz_exec_next_note(r.x));
    amz_rig_clear(&r);
  }
}

/* Nobody's programs are left behind when the rank goes. */
static bool is_gone(void *ctx)
{
  return kill(*(pid_t *)ctx, 0) < 0;
}

static void programs_go_with_the_helper(void)
{
  static const char *const texts[] = {"a\n"};
  struct amz_exec_stream stream = {.window = 1};
  struct amz_buf out = AMZ_BUF_INIT;
  struct got got = {0};
  struct amz_rig r;
  pid_t pid;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  open_shell(&r, "while read -r x; do echo $$; done", &stream);
  send_lines(&r, texts, 1);
  receive_all(&r, 1, &got);
  output_of(&r, &got.ends[0], 1, &out);
  pid = (pid_t)strtol(amz_buf_text(&out), NULL, 10);
  CU_ASSERT(pid > 1 && kill(pid, 0) == 0);
  amz_rig_clear(&r);
  CU_ASSERT(pid > 1 && amz_rig_until(is_gone, &pid));
  amz_buf_clear(&out);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"results end where they should", results_end_where_they_should},
    {"lines are kept until answered", lines_are_kept_until_answered},
    {"a long queue stays in order", a_long_queue_stays_in_order},
    {"cut frames are refused", cut_frames_are_refused},
    {"what makes no sense is refused", what_makes_no_sense_is_refused},
    {"the line that kills is found", the_line_that_kills_is_found},
    {"a result without end fails", a_result_without_end_fails},
    {"a child that writes on is not waited for", a_child_that_writes_on_is_not_waited_for},
    {"what is not begun comes back", what_is_not_begun_comes_back},
    {"a kill brings everything back", a_kill_brings_everything_back},
    {"a full disk is told with each end", a_full_disk_is_told_with_each_end},
    {"notes tell what users should know", notes_tell_what_users_should_know},
    {"programs go with the helper", programs_go_with_the_helper},
    {NULL, NULL},
  };

  return amz_test_main("exec streams", tests, 0);
}

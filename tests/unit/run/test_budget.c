/* What a rank has for its tasks, and what comes of tasks that don't fit. Sizes are worked out by hand: 0.8 of what the node
 * has. */
#include "../../../src/run/budget.h"

#include <string.h>

#include "../../support/tap.h"
#include "../job/job_support.h"

#define MIB (UINT64_C(1) << 20)
#define COLUMNS "tasks: {command: \"x {t} {m}\", for: {t: [1, 4, 2], m: [100MiB, 300MiB]}}\nresources: {threads: \"{t}\", memory: \"{m}\"}\n"
#define UNSAID "tasks: {command: \"x {t}\", for: {t: {range: [1, 9]}}}\nplan: {memory: ignore}\n"
#define EACH "tasks: {command: \"x {t}\", for: {t: {range: [1, 100]}}}\nresources: {memory: 300MiB}\n"

static void shares_of_a_node(void)
{
  static const struct {
    const char *what, *yaml;
    uint64_t node_bytes, bytes;
    uint32_t rank, size;
  } rows[] = {
    {"a process alone", EACH, 1000 * MIB, 800 * MIB, 0, 1},
    {"two tasks for three ranks: the first", EACH, 1000 * MIB, 300 * MIB, 0, 3},
    {"the second", EACH, 1000 * MIB, 300 * MIB, 1, 3},
    {"the third has none", EACH, 1000 * MIB, 0, 2, 3},
    {"tasks that differ: equal shares", COLUMNS, 1000 * MIB, 200 * MIB, 3, 4},
    {"nobody knows", COLUMNS, 0, AMZ_ANY_MEMORY, 0, 2},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_budget b;
    struct loaded l;

    load_text(rows[i].yaml, &l);
    CU_ASSERT_FATAL(l.job != NULL);
    b = amz_budget_of(l.job, 4, rows[i].node_bytes, rows[i].rank, rows[i].size);
    ASSERT_ROW_U64(rows[i].what, b.memory_bytes, rows[i].bytes);
    ASSERT_ROW_U64(rows[i].what, b.cores, 4);
    CU_ASSERT(amz_budget_minds_memory(l.job));
    loaded_clear(&l);
  }
}

struct notes {
  unsigned n;
  char last[1024];
};

static void keep_note(void *ctx, enum amz_severity severity, const char *text)
{
  struct notes *notes = ctx;

  (void)severity;
  notes->n++;
  (void)snprintf(notes->last, sizeof notes->last, "%s", text);
}

static void tasks_fit_or_not(void)
{
  static const struct {
    const char *what, *yaml;
    uint32_t cores;
    uint64_t node_bytes;
    struct amz_range tasks;
    uint32_t slots;           /* 0: refused, */
    const char *said;         /* with this in the error; else in the only note; NULL: no note */
  } rows[] = {
    {"memory suffices for all slots", EACH, 2, 1000 * MIB, {0, 100}, 2, NULL},
    {"for fewer", EACH, 4, 1000 * MIB, {0, 100}, 2,
     "2 slots instead of 4: each task needs 300.0 MiB, and 800.0 MiB are for tasks here (80 % of who)"},
    {"more slots than cores, as the user said", EACH "plan: {slots_per_rank: 9}\n", 2, 1000 * MIB, {0, 100}, 2,
     "2 slots instead of 9"},
    {"not for one", EACH, 4, 300 * MIB, {0, 100}, 0,
     "each task needs 300.0 MiB (resources.memory), and 240.0 MiB are for tasks here"},
    {"ignored, and enough", EACH "plan: {memory: ignore}\n", 2, 1000 * MIB, {0, 100}, 2, NULL},
    {"ignored, and too little", EACH "plan: {memory: ignore}\n", 4, 1000 * MIB, {0, 100}, 4,
     "memory is ignored as asked (plan.memory): 4 tasks at a time may need 1.2 GiB here, where 800.0 MiB would be safe"},
    {"ignored, and nobody says what tasks take", UNSAID, 4, 1000 * MIB, {0, 9}, 4,
     "memory is ignored as asked (plan.memory), and nobody says what tasks take (resources.memory): 800.0 MiB are for tasks here "
     "(80 % of who); should 4 tasks at a time need more, the kernel may end some of them"},
    {"nor how much there is", UNSAID, 4, 0, {0, 9}, 4, NULL},
    {"nobody knows how much there is", EACH, 4, 0, {0, 100}, 4, NULL},
    {"columns: a slot for as many cores as the least takes", COLUMNS, 4, 1000 * MIB, {0, 6}, 4, NULL},
    {"as many as the smallest could use", COLUMNS, 4, 400 * MIB, {0, 1}, 3, NULL},
    {"a task of too many threads", COLUMNS, 3, 1000 * MIB, {0, 6}, 0,
     "task 2 takes 4 threads (resources.threads), and 3 cores may be busy here"},
    {"which isn't left to do", COLUMNS, 3, 1000 * MIB, {4, 2}, 3, NULL},
    {"a task of too much memory", COLUMNS, 4, 300 * MIB, {0, 6}, 0,
     "task 1 needs 300.0 MiB (resources.memory), and 240.0 MiB are for tasks here"},
    {"ignored, of columns", COLUMNS "plan: {memory: ignore}\n", 4, 300 * MIB, {0, 6}, 4,
     "memory is ignored as asked (plan.memory): 4 tasks at a time may need 1.2 GiB here, where 240.0 MiB would be safe"},
  };
  const struct amz_budget_words words = {"who", "here"};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct notes notes = {0, ""};
    const struct amz_run_observer observer = {.ctx = &notes, .note = keep_note};
    struct amz_error err = {.text = ""};
    struct amz_layout layout;
    struct amz_budget b;
    struct loaded l;
    int rc;

    load_text(rows[i].yaml, &l);
    CU_ASSERT_FATAL(l.job != NULL);
    b = amz_budget_of(l.job, rows[i].cores, rows[i].node_bytes, 0, 1);
    amz_budget_layout(l.job, rows[i].cores, amz_job_tasks(l.job), &layout);
    rc = amz_budget_fit(l.job, &b, &words, &rows[i].tasks, 1, &observer, &layout, &err);
    ASSERT_ROW_I64(rows[i].what, rc, rows[i].slots ? AMZ_OK : AMZ_EENV);
    if (rows[i].slots)
      ASSERT_ROW_U64(rows[i].what, layout.slots, rows[i].slots);
    ASSERT_ROW_U64(rows[i].what, notes.n, rows[i].slots && rows[i].said);
    if (rows[i].said && !strstr(rows[i].slots ? notes.last : err.text, rows[i].said))
      ASSERT_ROW_TEXT(rows[i].what, rows[i].slots ? notes.last : err.text, rows[i].said);
    loaded_clear(&l);
  }
}

static void what_tasks_take(void)
{
  static const struct {
    const char *what, *yaml;
    uint64_t index, bytes, all_bytes;
    uint32_t cores, all_cores;
  } rows[] = {
    {"both are columns'", COLUMNS, 3, 300 * MIB, 800 * MIB, 4, 4},
    {"memory is ignored", COLUMNS "plan: {memory: ignore}\n", 3, 0, 0, 4, 4},
    {"threads alone: memory is the same for all",
     "tasks: {command: \"x {t}\", for: {t: [1, 4]}}\nresources: {threads: \"{t}\", memory: 300MiB}\n", 1,
     300 * MIB, 800 * MIB, 4, 4},
    {"memory alone: slots mind the cores",
     "tasks: {command: \"x {m}\", for: {m: [1MiB, 2MiB]}}\nresources: {threads: 2, memory: \"{m}\"}\n", 1, 2 * MIB,
     800 * MIB, 0, 0},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_need need, all;
    struct amz_budget b;
    struct loaded l;
    uint64_t same;

    load_text(rows[i].yaml, &l);
    CU_ASSERT_FATAL(l.job != NULL);
    b = amz_budget_of(l.job, 4, 1000 * MIB, 0, 1);
    need = amz_budget_need(l.job, rows[i].index, &same);
    all = amz_budget_all(l.job, &b);
    ASSERT_ROW_U64(rows[i].what, need.cores, rows[i].cores);
    ASSERT_ROW_U64(rows[i].what, need.memory_bytes, rows[i].bytes);
    ASSERT_ROW_U64(rows[i].what, all.cores, rows[i].all_cores);
    ASSERT_ROW_U64(rows[i].what, all.memory_bytes, rows[i].all_bytes);
    loaded_clear(&l);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"shares of a node", shares_of_a_node},
    {"tasks fit or not", tasks_fit_or_not},
    {"what tasks take", what_tasks_take},
    {NULL, NULL},
  };

  return amz_test_main("run/budget", tests, 0);
}

/* Pictures: what gnuplot is told, that no text of a profile becomes a command, and, where gnuplot is, that what it draws is
 * XML. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../../src/plot/plot.h"
#include "../../support/tap.h"
#include "../store/scratch.h"

static struct amz_quantity measured(double value, double low, double high)
{
  return (struct amz_quantity){.value = value, .low = low, .high = high, .n = 5, .source = AMZ_MEASURED};
}

static char host[256];
static struct amz_node_core cores[4];
static struct amz_node_domain domains[3];
static struct amz_curve_point bandwidth[3], slowdown[1];

/* Two packages of two cores with a domain each, and a domain of memory alone; three cores are ours. */
static struct amz_node node_named(const char *name)
{
  (void)snprintf(host, sizeof host, "%s", name);
  for (uint32_t i = 0; i < 4; i++)
    cores[i] = (struct amz_node_core){.domain = i / 2, .package = i / 2, .first_unit = i, .n_units = 1, .allowed_units = i < 3};
  domains[0] = domains[1] = (struct amz_node_domain){.cores = 2, .allowed_cores = 2, .memory_bytes = UINT64_C(1) << 33};
  domains[2] = (struct amz_node_domain){.memory_bytes = UINT64_C(1) << 32};
  bandwidth[0] = (struct amz_curve_point){AMZ_ALL_DOMAINS, 1, measured(10e9, 9e9, 11e9)};
  bandwidth[1] = (struct amz_curve_point){AMZ_ALL_DOMAINS, 4, measured(32.5e9, 32e9, 33e9)};
  bandwidth[2] = (struct amz_curve_point){1, 2, measured(17e9, 17e9, 17e9)};
  slowdown[0] = (struct amz_curve_point){AMZ_ALL_DOMAINS, 4, measured(1.25, 1.2, 1.3)};
  return (struct amz_node){.host = host, .cores = 4, .packages = 2, .units = 4, .allowed_cores = 3, .core = cores,
                           .domains = domains, .n_domains = 3,
                           .bandwidth = bandwidth, .n_bandwidth = 3, .slowdown = slowdown, .n_slowdown = 1};
}

static size_t count(const char *text, const char *what)
{
  size_t n = 0;

  for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
    n++;
  return n;
}

static void curves_are_all_there(void)
{
  struct amz_node n = node_named("n1");
  struct amz_buf out = AMZ_BUF_INIT;
  const char *text;

  amz_plot_program(&n, AMZ_PLOT_CURVES, &out);
  text = amz_buf_text(&out);
  CU_ASSERT(strstr(text, "<< EOD\n1 10 9 11\n4 32.5 32 33\nEOD\n") != NULL);
  CU_ASSERT(strstr(text, "$bandwidth1 << EOD\n2 17 17 17\nEOD\n") != NULL);
  CU_ASSERT(strstr(text, "<< EOD\n4 1.25 1.2 1.3\nEOD\n") != NULL);
  ASSERT_U64(count(text, "with yerrorlines"), 3);
  CU_ASSERT(strstr(text, "set title 'n1: memory bandwidth (triad) and slowdown of computing'\n") != NULL);
  bandwidth[0].value.source = AMZ_ASSUMED;
  amz_buf_reset(&out);
  amz_plot_program(&n, AMZ_PLOT_CURVES, &out);
  CU_ASSERT(strstr(amz_buf_text(&out), "slowdown of computing, assumed'\n") != NULL);
  amz_buf_clear(&out);
}

static void a_core_is_a_box(void)
{
  struct amz_node n = node_named("n1");
  struct amz_buf out = AMZ_BUF_INIT;
  const char *text;

  amz_plot_program(&n, AMZ_PLOT_TOPOLOGY, &out);
  text = amz_buf_text(&out);
  ASSERT_U64(count(text, "set object rect"), 4);
  ASSERT_U64(count(text, "#3b7dd8"), 3); /* ours */
  CU_ASSERT(strstr(text, "'package 1, domain 1: 2 cores, 8.0 GiB in the domain'") != NULL);
  CU_ASSERT(strstr(text, "'domain 2: no cores, 4.0 GiB'") != NULL);
  amz_buf_clear(&out);
}

static void a_huge_node_has_a_box_a_group(void)
{
  struct amz_node n = node_named("n1");
  struct amz_buf out = AMZ_BUF_INIT;

  n.core = calloc(10000, sizeof *n.core);
  CU_ASSERT_FATAL(n.core != NULL);
  n.cores = 10000;
  for (uint32_t i = 0; i < n.cores; i++)
    n.core[i].package = i / 5000;
  amz_plot_program(&n, AMZ_PLOT_TOPOLOGY, &out);
  ASSERT_U64(count(amz_buf_text(&out), "set object rect"), 2);
  amz_buf_clear(&out);
  free(n.core);
}

static void a_quote_stays_text(void)
{
  struct amz_node n = node_named("x'; system('touch pwned'); y='\n!touch pwned\n");
  struct amz_buf out = AMZ_BUF_INIT;

  amz_plot_program(&n, AMZ_PLOT_BOTH, &out);
  ASSERT_U64(count(amz_buf_text(&out), "'x''; system(''touch pwned''); y=''\\x0a!touch pwned\\x0a: "), 2);
  amz_buf_clear(&out);
}

static bool well_formed(const char *path)
{
  char command[SCRATCH_PATH + 64];

  (void)snprintf(command, sizeof command, "xmllint --noout '%s'", path);
  return system(command) == 0;
}

static bool scratch_keep(const char *path, const struct amz_buf *text)
{
  FILE *f = fopen(path, "we");
  bool ok = f && fwrite(text->data, 1, text->len, f) == text->len;

  return f && fclose(f) == 0 && ok;
}

static void gnuplot_draws_xml(void)
{
  static const char *const names[] = {"n1", "a<b>&\"'c", "x'; system('touch pwned'); y='", "caf\xc3\xa9 {}_^@~ \\n %d",
                                      "\xff\xfe"};
  struct scratch s;
  char path[SCRATCH_PATH];

  if (amz_plot_ready(NULL) < 0) {
    amz_test_skip("no gnuplot");
    return;
  }
  if (system("xmllint --version >/dev/null 2>&1") != 0) {
    amz_test_skip("no xmllint");
    return;
  }
  CU_ASSERT_FATAL(scratch_make(&s));
  CU_ASSERT_FATAL(chdir(s.dir) == 0);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    for (enum amz_plot what = AMZ_PLOT_CURVES; what <= AMZ_PLOT_BOTH; what++) {
      struct amz_node n = node_named(names[i]);
      struct amz_buf program = AMZ_BUF_INIT, picture = AMZ_BUF_INIT;
      struct amz_error err = {0};

      amz_plot_program(&n, what, &program);
      ASSERT_ROW_I64(names[i], amz_plot_draw(&program, &picture, &err), AMZ_OK);
      ASSERT_ROW_TEXT(names[i], err.text, "");
      CU_ASSERT(scratch_keep(scratch_path(&s, "picture.svg", path), &picture) && well_formed(path));
      amz_buf_clear(&picture);
      amz_buf_clear(&program);
    }
  CU_ASSERT(access("pwned", F_OK) < 0);
  CU_ASSERT(chdir("/") == 0);
  scratch_remove(&s);
}

static void failures_are_told(void)
{
  struct amz_buf program = AMZ_BUF_INIT, picture = AMZ_BUF_INIT;
  struct amz_error err = {0};

  if (amz_plot_ready(NULL) < 0) {
    amz_test_skip("no gnuplot");
    return;
  }
  amz_buf_adds(&program, "set terminal svg\nno such command\n");
  ASSERT_I64(amz_plot_draw(&program, &picture, &err), AMZ_EENV);
  CU_ASSERT(strstr(err.text, "gnuplot has failed: ") != NULL && strstr(err.text, "no such command") != NULL);
  amz_buf_reset(&program); /* draws nothing */
  ASSERT_I64(amz_plot_draw(&program, &picture, &err), AMZ_EENV);
  ASSERT_U64(picture.len, 0);
  amz_buf_clear(&picture);
  amz_buf_clear(&program);
}

static void a_missing_gnuplot_is_told(void)
{
  struct amz_error err = {0};
  char before[8192];

  (void)snprintf(before, sizeof before, "%s", getenv("PATH") ? getenv("PATH") : "");
  CU_ASSERT(setenv("PATH", "/nonexistent", 1) == 0);
  ASSERT_I64(amz_plot_ready(&err), AMZ_EENV);
  CU_ASSERT(strstr(err.text, "gnuplot-nox") != NULL);
  CU_ASSERT(setenv("PATH", before, 1) == 0);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"curves are all there", curves_are_all_there},
    {"a core is a box", a_core_is_a_box},
    {"a huge node has a box a group", a_huge_node_has_a_box_a_group},
    {"a quote stays text", a_quote_stays_text},
    {"gnuplot draws XML", gnuplot_draws_xml},
    {"failures are told", failures_are_told},
    {"a missing gnuplot is told", a_missing_gnuplot_is_told},
    {NULL, NULL}};

  return amz_test_main("pictures", tests, 0);
}

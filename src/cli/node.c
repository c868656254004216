/* node: what this node has, what of it is ours, what it can do and what things cost on it. */
#include <stdlib.h>
#include <unistd.h>

#include <amorsize/alloc.h>
#include <amorsize/profile.h>

#include "../plot/plot.h"
#include "../run/signals.h"
#include "../survey/survey.h"
#include "bar.h"
#include "cli.h"
#include "nodeplot.h"

struct node_args {
  bool fast, precise, refresh;
  const char *topology, *sysroot, *plot;
  unsigned format;
};

static const struct cli_option options[] = {
  CLI_ROW_FLAG("fast", 0, struct node_args, fast, "measure nothing: values that benchmarks would tell are assumed"),
  CLI_ROW_FLAG("precise", 0, struct node_args, precise, "measure for up to a minute, for narrow intervals (default: up to 5 s)"),
  CLI_ROW_FLAG("refresh", 0, struct node_args, refresh, "measure again, whatever the cache knows"),
  CLI_ROW_TEXT("topology", struct node_args, topology, "FILE|SYNTHETIC",
               "describe another machine: an hwloc XML file or a synthetic text"),
  CLI_ROW_TEXT("sysroot", struct node_args, sysroot, "DIR", "read /proc and /sys below DIR instead"),
  CLI_ROW_TEXT("plot", struct node_args, plot, "FILE|DIR", "draw bandwidth and topology as SVG, with gnuplot"),
  CLI_ROW_FORMAT(struct node_args),
  {0},
};

/* How results are wanted. */
struct form {
  bool json;
  const char *plot; /* NULL: no pictures */
};

/* ---- while it is measured ------------------------------------------------------------------------------------------------- */

struct watch {
  struct cli_bar bar;
  struct amz_signals *signals;
  int signal;     /* that has ended it; 0: none */
  bool precise, told;
};

static void stage(void *ctx, const char *what)
{
  struct watch *w = ctx;

  if (!w->told && !w->bar.terminal)
    cli_say("measuring for up to %s; Ctrl-C ends it", w->precise ? "a minute" : "5 s");
  w->told = true;
  cli_bar_note(&w->bar, what);
}

static bool stop(void *ctx)
{
  struct watch *w = ctx;

  if (!w->signal)
    w->signal = amz_signals_next(w->signals);
  return w->signal != 0;
}

/* ---- results -------------------------------------------------------------------------------------------------------------- */

static int print(struct cli *cli, const struct amz_node *node, const struct amz_profile_origin *origin, bool json)
{
  struct amz_buf out = AMZ_BUF_INIT;
  int rc = AMZ_OK;

  if (json)
    rc = amz_profile_json(node, origin, &out);
  else
    amz_profile_text(node, origin, &out);
  if (rc == AMZ_OK && (rc = amz_buf_ok(&out)) == AMZ_OK)
    (void)cli_write(cli, amz_buf_text(&out), out.len);
  amz_buf_clear(&out);
  return rc < 0 ? cli_fail(rc, NULL) : CLI_OK;
}

static int failed(const struct watch *w, int rc, const struct amz_error *err)
{
  if (rc != AMZ_ECLOSED)
    return cli_fail(rc, err);
  if (w->signal)
    cli_say("ended by %s; nothing was kept", amz_signal_name(w->signal));
  else
    cli_say("%s; nothing was kept", err->text);
  return CLI_RESUMABLE;
}

static int survey_here(struct cli *cli, const struct amz_survey_wish *wish, struct watch *w, const struct form *form)
{
  struct amz_diags diags;
  struct amz_error err = {0};
  struct amz_profile_source source;
  struct amz_node node;
  int rc, status;

  amz_diags_init(&diags);
  rc = amz_survey_here(wish, &diags, &err, &node, &source);
  cli_bar_clear(&w->bar);
  cli_show_findings(&diags);
  amz_diags_clear(&diags);
  if (rc < 0)
    return failed(w, rc, &err);
  status = print(cli, &node, &source.origin, form->json);
  if (status == CLI_OK && form->plot)
    status = cli_node_plot(&node, form->plot, NULL);
  amz_node_clear(&node);
  return status;
}

/* ---- over the nodes of a launch -------------------------------------------------------------------------------------------- */

static int print_nodes(struct cli *cli, const struct amz_survey *survey, bool json)
{
  struct amz_profile_host *hosts = amz_survey_hosts(survey);
  struct amz_buf out = AMZ_BUF_INIT;
  int rc = hosts ? AMZ_OK : AMZ_ENOMEM;

  if (rc == AMZ_OK && json)
    rc = amz_profile_types_json(hosts, survey->count, &out);
  else if (rc == AMZ_OK)
    amz_profile_types_text(hosts, survey->count, &out);
  if (rc == AMZ_OK && (rc = amz_buf_ok(&out)) == AMZ_OK)
    (void)cli_write(cli, amz_buf_text(&out), out.len);
  amz_buf_clear(&out);
  free(hosts);
  return rc < 0 ? cli_fail(rc, NULL) : CLI_OK;
}

/* The first node of each type, and those that are slower than their like, each under its name but the very first. */
static int plot_nodes(const struct amz_survey *survey, const char *path)
{
  struct amz_profile_host *hosts = amz_survey_hosts(survey);
  int status = hosts ? CLI_OK : cli_fail(AMZ_ENOMEM, NULL);
  bool any = false;

  for (size_t i = 0; i < survey->count && status == CLI_OK; i++) {
    if (!amz_profile_differs(hosts, survey->count, i))
      continue;
    status = cli_node_plot(&survey->nodes[i].node, path, any ? survey->nodes[i].host : NULL);
    any = true;
  }
  free(hosts);
  return status;
}

/* A node that isn't measured is told among the others; the command has failed then. */
static int print_survey(struct cli *cli, const struct amz_survey *survey, bool json)
{
  int status = survey->count == 1 ? print(cli, &survey->nodes[0].node, &survey->nodes[0].source.origin, json) : print_nodes(cli,
      survey, json);

  for (size_t i = 0; i < survey->count; i++)
    if (survey->nodes[i].rc < 0) {
      cli_say("%s: %s", survey->nodes[i].host, survey->nodes[i].err.text);
      status = CLI_ENVIRONMENT;
    }
  return status;
}

static int survey_nodes(struct cli *cli, const struct amz_survey_wish *wish, struct watch *w, const struct form *form)
{
  struct amz_diags diags;
  struct amz_error err = {0};
  struct amz_survey survey;
  int rc, status;

  amz_diags_init(&diags);
  rc = amz_survey_nodes(cli->link, wish, &diags, &err, &survey);
  cli_bar_clear(&w->bar);
  cli_show_findings(&diags);
  amz_diags_clear(&diags);
  if (rc < 0)
    return failed(w, rc, &err);
  status = print_survey(cli, &survey, form->json);
  if (status == CLI_OK && form->plot)
    status = plot_nodes(&survey, form->plot);
  amz_survey_clear(&survey);
  return status;
}

/* ---- the command ----------------------------------------------------------------------------------------------------------- */

static struct amz_survey_wish wish_of(const struct node_args *a, const struct amz_environment *env,
                                      const struct amz_measure_observer *observer)
{
  return (struct amz_survey_wish){.look = {.topology = a->topology, .root = a->sysroot, .env = env}, .fast = a->fast,
                                  .refresh = a->refresh,
                                  .effort = a->precise ? AMZ_EFFORT_PRECISE : AMZ_EFFORT_DEFAULT, .observer = observer};
}

static int survey(struct cli *cli, const struct node_args *a)
{
  struct amz_environment env = amz_environment_of_process();
  struct amz_signals own;
  struct watch w = {.bar = cli_bar_new(STDERR_FILENO), .signals = cli->link ? cli->link->signals : &own, .precise = a->precise};
  struct amz_measure_observer observer = {.ctx = &w, .stage = stage, .stop = stop};
  struct amz_survey_wish wish = wish_of(a, &env, &observer);
  struct form form = {a->format == CLI_FORMAT_JSON, a->plot};
  struct amz_error err = {0};
  int rc, status;

  if (cli->link)
    return survey_nodes(cli, &wish, &w, &form);
  rc = amz_signals_open(&own, &err);
  if (rc < 0)
    return cli_fail(rc, &err);
  status = survey_here(cli, &wish, &w, &form);
  amz_signals_close(&own);
  return status;
}

static int run(struct cli *cli, const struct cli_parsed *parsed, const void *args)
{
  const struct node_args *a = args;
  struct amz_error err = {0};

  (void)parsed;
  if (a->fast && (a->precise || a->refresh))
    return cli_usage("node", "node: --fast measures nothing: it can't be %s", a->precise ? "precise" : "a refresh");
  if (a->plot && amz_plot_ready(&err) < 0) /* better said before measuring than after */
    return cli_fail(err.code, &err);
  return survey(cli, a);
}

const struct cli_command cli_node = {
  .name = "node", .operands = "",
  .summary = "Measures this node: cores, memory, bandwidth, what launches and messages cost",
  .text = "Measurements are kept for 7 days and used by runs and plans. Launched by MPI over several\n"
          "nodes, all of them are measured.\n",
  .example = "amorsize-mpi node --fast",
  .options = options, .args_bytes = sizeof(struct node_args), .run = run,
};

/* cache: what is kept, and throwing it away. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <amorsize/cache.h>
#include <amorsize/units.h>

#include "cli.h"

struct cache_args {
  unsigned format;
};

static const struct cli_option options[] = {CLI_ROW_FORMAT(struct cache_args), {0}};

struct listing {
  struct cli *cli;
  bool json;
  int64_t now_s;
  uint64_t rows;
};

static char *duration(int64_t s, char *out, size_t n)
{
  if (s <= 0)
    (void)snprintf(out, n, "0 s");
  if (s <= 0)
    return out;
  return amz_format_duration(s < INT64_MAX / 1000000000 ? s * 1000000000 : INT64_MAX, out, n);
}

static json_t *row_json(const struct listing *l, const struct amz_cache_row *row)
{
  const struct amz_cache_entry *e = &row->entry;
  bool ends = e->expires_s != 0;

  return json_pack("{s:s, s:s, s:o, s:I, s:I, s:o, s:b, s:o}", "key", row->id, "kind", e->kind, "label",
                   cli_json_text(e->label, strlen(e->label)),
                   "bytes", (json_int_t)row->value_bytes, "made_s", (json_int_t)e->made_s, "expires_s",
                   ends ? json_integer((json_int_t)e->expires_s) : json_null(), "expired", ends && l->now_s >= e->expires_s,
                   "for",
                   cli_json_text(e->key, strlen(e->key)));
}

static void row_text(const struct listing *l, const struct amz_cache_row *row)
{
  const struct amz_cache_entry *e = &row->entry;
  struct amz_buf line = AMZ_BUF_INIT;
  char age[32], left[32];

  if (l->rows == 0)
    amz_buf_addf(&line, "%-16s  %-8s  %-12s  %-12s  %s\n", "key", "kind", "age", "ends in", "of");
  amz_buf_addf(&line, "%-16s  %-8s  %-12s  %-12s  ", row->id, e->kind, duration(l->now_s - e->made_s, age, sizeof age),
               e->expires_s == 0 ? "never" : l->now_s >= e->expires_s ? "has ended" : duration(e->expires_s - l->now_s, left,
                   sizeof left));
  amz_buf_add_printable(&line, e->label, strlen(e->label), 200);
  amz_buf_addc(&line, '\n');
  (void)cli_write(l->cli, amz_buf_text(&line), line.len);
  amz_buf_clear(&line);
}

static int show(void *ctx, const struct amz_cache_row *row)
{
  struct listing *l = ctx;

  if (l->json)
    return cli_row_json(l->cli, &l->rows, row_json(l, row));
  row_text(l, row);
  l->rows++;
  return l->cli->out_errno ? AMZ_ECLOSED : AMZ_OK;
}

static int list(struct cli *cli, const struct amz_cache *cache, bool json)
{
  struct listing l = {.cli = cli, .json = json, .now_s = (int64_t)time(NULL)};
  struct amz_error err = {0};
  int rc = amz_cache_list(cache, NULL, show, &l, &err);

  if (json)
    cli_row_end(cli, l.rows);
  else if (l.rows == 0 && rc == AMZ_OK)
    cli_say("%s: nothing is kept", amz_cache_dir(cache));
  return rc < 0 && rc != AMZ_ECLOSED ? cli_fail(rc, &err) : CLI_OK;
}

static int clear(struct cli *cli, const struct amz_cache *cache, const char *key, bool json)
{
  struct amz_error err = {0};
  char line[64];
  uint64_t removed;
  int rc = amz_cache_clear(cache, key ? key : "", &removed, &err);

  if (rc < 0)
    return cli_fail(rc, &err);
  if (key && removed == 0)
    return cli_usage("cache", "%s: no entry of the cache begins so; amorsize-mpi cache list shows them", key);
  (void)snprintf(line, sizeof line, json ? "{\"removed\": %" PRIu64 "}\n" : "removed: %" PRIu64 "\n", removed);
  (void)cli_write(cli, line, strlen(line));
  return CLI_OK;
}

static int run(struct cli *cli, const struct cli_parsed *parsed, const void *args)
{
  const struct cache_args *a = args;
  const char *what = parsed->n_operands ? parsed->operands[0] : "list", *key =
      parsed->n_operands > 1 ? parsed->operands[1] : NULL;
  bool listed = strcmp(what, "list") == 0, json = a->format == CLI_FORMAT_JSON;
  struct amz_environment env = amz_environment_of_process();
  struct amz_cache *cache = NULL;
  struct amz_error err = {0};
  int rc, status;

  if (!listed && strcmp(what, "clear") != 0)
    return cli_usage("cache", "cache: expected list or clear, got \"%s\"", what);
  if (listed && key)
    return cli_usage("cache", "cache: \"%s\" is one argument too many", key);
  if (key && (*key == '\0' || strspn(key, "0123456789abcdef") != strlen(key)))
    return cli_usage("cache", "cache: expected a key as amorsize-mpi cache list shows them, or how it begins, got \"%s\"", key);
  rc = amz_cache_open(&env, &err, &cache);
  if (rc < 0)
    return cli_fail(rc, &err);
  status = listed ? list(cli, cache, json) : clear(cli, cache, key, json);
  amz_cache_free(cache);
  return status;
}

const struct cli_command cli_cache = {
  .name = "cache", .operands = "[list|clear [KEY]]", .max_operands = 2,
  .summary = "Lists what was measured and kept, or removes it",
  .text = "clear removes all entries, or those whose key begins with KEY.\n",
  .example = "amorsize-mpi cache list",
  .options = options, .args_bytes = sizeof(struct cache_args), .run = run,
};

/* Observations out of a run directory. */
#include "look_back.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/digest.h>
#include <amorsize/sample_report.h>

#include "files.h"
#include "outlook.h"

/* ---- what was kept ------------------------------------------------------------------------------------------------------ */

static bool is_left(const struct amz_look_back *l, uint64_t index)
{
  size_t low = 0, high = l->n_left;

  while (low < high) {
    size_t middle = low + (high - low) / 2;

    if (l->left[middle].first + l->left[middle].count <= index)
      low = middle + 1;
    else
      high = middle;
  }
  return low < l->n_left && l->left[low].first <= index;
}

/* Nothing is lost when there is none, or it can't be used. */
static void read_kept(const struct amz_look_back *l, struct amz_sample *ret)
{
  struct amz_buf text = AMZ_BUF_INIT;
  char path[PATH_MAX];
  int n = snprintf(path, sizeof path, "%s/sample.json", l->dir);

  if (n > 0 && (size_t)n < sizeof path && amz_disk_read_file(path, AMZ_SAMPLE_BYTES_MAX, &text, NULL) == AMZ_OK)
    (void)amz_sample_parse(amz_buf_text(&text), text.len, NULL, ret);
  amz_buf_clear(&text);
}

/* Keeps those in front that can be used. \return how many. */
static size_t keep_recorded(const struct amz_look_back *l, struct amz_sample *s)
{
  size_t kept = 0;

  for (size_t i = 0; i < s->n && s->tasks == amz_job_tasks(l->job); i++)
    if (!s->seen[i].failed && s->seen[i].index < s->tasks && !is_left(l, s->seen[i].index))
      s->seen[kept++] = s->seen[i];
  return kept;
}

/* ---- what was recorded -------------------------------------------------------------------------------------------------- */

struct row {
  struct amz_observation o;
  uint64_t where; /* digest of launch and node */
  double start_s;
};

struct rows {
  struct row *items;
  size_t n, cap;
  uint32_t threads;
  bool out_of_memory;
};

static int take_row(void *ctx, const struct amz_task_row *row)
{
  struct rows *r = ctx;
  uint64_t where = amz_digest_add(AMZ_DIGEST_EMPTY, row->node, strlen(row->node));

  if (row->outcome != AMZ_SUCCEEDED || !(row->wall_s > 0))
    return 0;
  if (amz_grow((void **)&r->items, &r->cap, r->n + 1, sizeof *r->items) < 0) {
    r->out_of_memory = true;
    return 1;
  }
  r->items[r->n++] = (struct row){.where = amz_digest_add(where, &row->epoch, sizeof row->epoch), .start_s = row->start_s,
    .o = {.index = row->index, .threads = r->threads, .busy = 1, .wall_s = row->wall_s, .cpu_s = row->cpu_s,
          .rss_bytes = row->max_rss_bytes,
          .out_bytes = row->output_bytes}};
  return 0;
}

static uint32_t running_at(const struct rows *r, const struct row *of, double when_s)
{
  uint32_t n = 0;

  for (size_t i = 0; i < r->n && r->items[i].start_s <= when_s; i++) /* they are sorted by their starts */
    n += r->items[i].where == of->where && r->items[i].start_s + r->items[i].o.wall_s > when_s;
  return n;
}

/* The most of three moments: those that ran when the launch was killed aren't recorded, so that a task may seem to have been
 * alone at its end. */
static void count_neighbours(struct rows *r)
{
  static const double moments[] = {0, 0.5, 0.999};

  for (size_t i = 0; i < r->n; i++)
    for (size_t k = 0; k < sizeof moments / sizeof *moments; k++) {
      uint32_t n = running_at(r, &r->items[i], r->items[i].start_s + moments[k] * r->items[i].o.wall_s);

      if (n > r->items[i].o.busy)
        r->items[i].o.busy = n;
    }
}

static int read_recorded(const struct amz_look_back *l, struct amz_observation **ret, size_t *ret_n)
{
  const struct amz_row_query query = {.sort = AMZ_BY_START, .limit = l->most};
  struct rows rows = {.threads = l->threads};
  struct amz_error ignored; /* what can't be read is sampled again */
  int rc = AMZ_OK;

  if (l->threads == 0 || l->most == 0)
    return AMZ_OK;
  if (amz_store_rows(l->store, &query, take_row, &rows, &ignored) == AMZ_OK && rows.n) {
    count_neighbours(&rows);
    *ret = amz_new_array(rows.n, sizeof **ret);
    for (size_t i = 0; *ret && i < rows.n; i++)
      (*ret)[i] = rows.items[i].o;
    *ret_n = *ret ? rows.n : 0;
    rc = *ret ? AMZ_OK : AMZ_ENOMEM;
  }
  free(rows.items);
  return rows.out_of_memory ? AMZ_ENOMEM : rc;
}

int amz_look_back(const struct amz_look_back *l, struct amz_observation **ret, size_t *ret_n)
{
  struct amz_sample kept = {.n = 0};
  int rc = AMZ_OK;

  *ret = NULL;
  *ret_n = 0;
  read_kept(l, &kept);
  if ((*ret_n = keep_recorded(l, &kept)) > 0) {
    *ret = kept.seen;
    kept.seen = NULL;
  } else {
    rc = read_recorded(l, ret, ret_n);
  }
  amz_sample_clear(&kept);
  if (rc == AMZ_OK && *ret_n)
    amz_outlook_weigh(l->job, *ret, *ret_n);
  return rc;
}

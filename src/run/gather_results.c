/* Results by index that ranks on other nodes have kept in files of their own: which of them count says the store, so that what
 * nobody recorded never gets into the place of what somebody did. All of it is idempotent: whoever dies in between has it done
 * again. */
#include "gather_source.h"

#include <stdlib.h>

#include <amorsize/results.h>
#include <amorsize/store.h>

/* Places of results in a file, as pieces of at most AMZ_GATHER_PIECE bytes, in their order. */
struct places {
  const struct amz_range *ranges;
  size_t n, at;
  uint64_t done, bytes; /* tasks of ranges[at]; of a result */
};

static bool next_place(struct places *p, struct amz_range *ret)
{
  uint64_t most = AMZ_GATHER_PIECE / p->bytes, left;

  if (p->at == p->n)
    return false;
  left = p->ranges[p->at].count - p->done;
  *ret = (struct amz_range){p->ranges[p->at].first + p->done, left < most ? left : most};
  p->done += ret->count;
  if (p->done == p->ranges[p->at].count) {
    p->at++;
    p->done = 0;
  }
  return true;
}

static int ask_place(struct amz_gather_source *s, uint32_t file, const struct amz_range *place, uint64_t bytes,
                     struct amz_error *err)
{
  return amz_gather_ask_piece(s, file, AMZ_RESULTS_HEADER + place->first * bytes, (uint32_t)(place->count * bytes), err);
}

static int take_place(struct amz_gather_source *s, uint32_t file, const struct amz_range *place, const struct amz_results *to,
                      uint64_t bytes, struct amz_error *err)
{
  const char *got;
  size_t n;
  int rc = amz_gather_hear_piece(s, file, AMZ_RESULTS_HEADER + place->first * bytes, &got, &n, err);

  if (rc == AMZ_OK && n != place->count * bytes)
    rc = amz_error_set(err, AMZ_EENV, "%s is too short", s->names[file]);
  return rc == AMZ_OK ? amz_results_write(to, place->first, place->count, got, err) : rc;
}

static int take_places(struct amz_gather_source *s, uint32_t file, const struct amz_range *ranges, size_t n,
                       const struct amz_results *to, struct amz_error *err)
{
  struct places asked = {.ranges = ranges, .n = n, .bytes = amz_results_each(to)}, taken = asked;
  const unsigned window = s->own ? 1 : AMZ_GATHER_WINDOW;
  struct amz_range ask = {0, 0}, take = {0, 0};
  unsigned under_way = 0;
  bool more = next_place(&asked, &ask);
  int rc = AMZ_OK;

  while (rc == AMZ_OK && next_place(&taken, &take)) {
    for (; rc == AMZ_OK && more && under_way < window; under_way++) {
      rc = ask_place(s, file, &ask, asked.bytes, err);
      more = next_place(&asked, &ask);
    }
    if (rc == AMZ_OK)
      rc = take_place(s, file, &take, to, taken.bytes, err);
    under_way--;
  }
  return rc;
}

/* The run's file, made as the rank has made its own when it isn't there: this rank's tasks may all have been elsewhere. */
static int open_target(struct amz_gather_source *s, uint32_t file, struct amz_error *err, struct amz_results **ret)
{
  const struct amz_launch *l = s->l;
  const char *header;
  char *path = NULL;
  size_t n;
  int rc = amz_gather_ask_piece(s, file, 0, AMZ_RESULTS_HEADER, err);

  if (rc == AMZ_OK)
    rc = amz_gather_hear_piece(s, file, 0, &header, &n, err);
  if (rc == AMZ_OK && n != AMZ_RESULTS_HEADER)
    rc = amz_error_set(err, AMZ_EENV, "%s has no header", s->names[file]);
  if (rc == AMZ_OK)
    rc = amz_results_path(l->dir, amz_job_settings(l->job)->output.results, err, &path);
  if (rc == AMZ_OK)
    rc = amz_results_open_like(path, header, s->sizes[file], amz_job_tasks(l->job), err, ret);
  free(path);
  return rc == AMZ_ECORRUPT || rc == AMZ_EINVAL || rc == AMZ_EBUSY ? AMZ_EENV : rc;
}

int amz_gather_results(struct amz_gather_source *s, uint32_t file, uint32_t rank, uint32_t epoch, struct amz_error *err)
{
  struct amz_results *to = NULL;
  struct amz_range *ranges = NULL;
  size_t n = 0;
  int rc;

  if (!s->l->store)
    return amz_error_set(err, AMZ_EENV, "results lie there, and this run has none");
  rc = amz_store_recorded_by(s->l->store, rank, epoch, err, &ranges, &n);
  if (rc == AMZ_OK && n > 0 && (rc = open_target(s, file, err, &to)) == AMZ_OK &&
      (rc = take_places(s, file, ranges, n, to, err)) == AMZ_OK)
    rc = amz_results_sync(to, err);
  amz_results_close(to);
  free(ranges);
  return rc;
}

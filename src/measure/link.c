/* Messages between two ranks: ping-pong at several sizes, fitted to α + β·bytes.
 *
 * Both sides wait as the loop of a run waits when an answer is due (transport.h), so that α is what a run sees. */
#include "link.h"

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/buf.h>
#include <amorsize/fit.h>

#include "../run/clock.h"
#include "costs.h"

#define SILENCE_NS INT64_C(60000000000)
#define ROUNDS_MOST 2000u
#define ROUNDS_LEAST 5u
#define WARM_UP 3u

static const size_t sizes[] = {16, 256, 1024, 4096, 16384, 65536, 262144, 1048576};
#define N_SIZES (sizeof sizes / sizeof *sizes)

/* ---- messages --------------------------------------------------------------------------------------------------------- */

int amz_link_next(const struct amz_link *link, bool due, struct amz_mpi_message *ret, struct amz_error *err)
{
  int64_t until_ns = amz_clock_monotonic_ns() + SILENCE_NS;
  int rc;

  while ((rc = link->net->next(link->mpi, ret, err)) == 0) {
    if (amz_clock_monotonic_ns() >= until_ns)
      return amz_error_set(err, AMZ_EENV, "no word from another rank for a minute");
    rc = link->net->wait(link->mpi, NULL, 0, until_ns, due ? AMZ_MPI_DUE : AMZ_MPI_PATIENT, err);
    if (rc < 0)
      return rc;
  }
  return rc < 0 ? rc : AMZ_OK;
}

int amz_link_tell(const struct amz_link *link, uint32_t rank, char what, struct amz_error *err)
{
  int rc = link->net->send(link->mpi, rank, &what, sizeof what);

  return rc < 0 ? amz_error_set(err, rc, "cannot send to rank %u: %s", rank, amz_err_name(rc)) : AMZ_OK;
}

static char kind_of(const struct amz_mpi_message *m)
{
  return m->n > 0 ? *(const char *)m->bytes : '\0';
}

static int unexpected(const struct amz_mpi_message *m, struct amz_error *err)
{
  return amz_error_set(err, AMZ_ECORRUPT, "rank %u has sent what is no part of a measurement", m->source);
}

/* ---- who is there ----------------------------------------------------------------------------------------------------- */

static int report(const struct amz_link *link, struct amz_error *err)
{
  const char *node = link->net->node(link->mpi);
  struct amz_buf hello = AMZ_BUF_INIT;
  int rc;

  amz_buf_addc(&hello, AMZ_LINK_HELLO);
  amz_buf_adds(&hello, node);
  rc = amz_buf_ok(&hello);
  if (rc == AMZ_OK)
    rc = link->net->send(link->mpi, 0, hello.data, hello.len);
  amz_buf_clear(&hello);
  return rc < 0 ? amz_error_set(err, rc, "cannot send to rank 0: %s", amz_err_name(rc)) : AMZ_OK;
}

static void note_first(uint32_t *first, uint32_t rank)
{
  if (*first == 0 || rank < *first)
    *first = rank;
}

int amz_link_gather(struct amz_link *link, struct amz_error *err)
{
  const char *here = link->net->node(link->mpi);
  uint32_t missing = link->net->size(link->mpi) - 1;
  struct amz_mpi_message m;
  int rc = AMZ_OK;

  if (link->net->rank(link->mpi) != 0)
    return report(link, err);
  for (; rc == AMZ_OK && missing > 0; missing--) {
    rc = amz_link_next(link, false, &m, err);
    if (rc < 0)
      break;
    if (kind_of(&m) != AMZ_LINK_HELLO)
      return unexpected(&m, err);
    if (m.n - 1 == strlen(here) && memcmp((const char *)m.bytes + 1, here, m.n - 1) == 0)
      note_first(&link->near, m.source);
    else
      note_first(&link->far, m.source);
  }
  return rc;
}

/* ---- ping-pong -------------------------------------------------------------------------------------------------------- */

/* \return AMZ_OK with *ret_s: there and back. */
static int ping(const struct amz_link *link, uint32_t peer, const char *bytes, size_t n, double *ret_s, struct amz_error *err)
{
  int64_t start_ns = amz_clock_monotonic_ns();
  struct amz_mpi_message m;
  int rc = link->net->send(link->mpi, peer, bytes, n);

  if (rc < 0)
    return amz_error_set(err, rc, "cannot send to rank %u: %s", peer, amz_err_name(rc));
  rc = amz_link_next(link, true, &m, err);
  if (rc < 0)
    return rc;
  *ret_s = (double)(amz_clock_monotonic_ns() - start_ns) / 1e9;
  return m.source == peer && m.n == n && kind_of(&m) == AMZ_LINK_PING ? AMZ_OK : unexpected(&m, err);
}

/* The median of half a round trip. */
static int ping_size(const struct amz_link *link, uint32_t peer, const char *bytes, size_t n, int64_t duration_ns,
                     double *samples, double *ret_s,
                     struct amz_error *err)
{
  int64_t until_ns = amz_clock_monotonic_ns() + duration_ns;
  size_t done = 0;
  double both_ways_s = 0;
  int rc = AMZ_OK;

  for (unsigned i = 0; rc == AMZ_OK && i < WARM_UP; i++)
    rc = ping(link, peer, bytes, n, &both_ways_s, err);
  while (rc == AMZ_OK && done < ROUNDS_MOST && (done < ROUNDS_LEAST || amz_clock_monotonic_ns() < until_ns)) {
    rc = ping(link, peer, bytes, n, &both_ways_s, err);
    samples[done++] = both_ways_s / 2;
  }
  if (rc == AMZ_OK)
    *ret_s = amz_fit_median(samples, done).value;
  return rc;
}

static int measure_messages(const struct amz_link *link, uint32_t peer, int64_t duration_ns, struct amz_message_cost *ret,
                            struct amz_error *err)
{
  char *bytes = amz_new_array(sizes[N_SIZES - 1], 1);
  double *samples = amz_new_array(ROUNDS_MOST, sizeof *samples), x[N_SIZES], y[N_SIZES];
  int rc = bytes && samples ? AMZ_OK : amz_error_set(err, AMZ_ENOMEM, "no memory to measure messages");
  struct amz_line line;

  if (rc == AMZ_OK)
    *bytes = AMZ_LINK_PING;
  for (size_t i = 0; rc == AMZ_OK && i < N_SIZES; i++) {
    x[i] = (double)sizes[i];
    rc = ping_size(link, peer, bytes, sizes[i], duration_ns / (int64_t)N_SIZES, samples, &y[i], err);
  }
  free(bytes);
  free(samples);
  if (rc == AMZ_OK && amz_fit_cost(x, y, N_SIZES, &line) == AMZ_OK)
    *ret = (struct amz_message_cost){.alpha_s = line.a, .beta_s_per_byte = line.b};
  return rc;
}

/* ---- both sides ------------------------------------------------------------------------------------------------------- */

int amz_link_lead(struct amz_link *link, enum amz_effort effort, struct amz_node_costs *costs, struct amz_error *err)
{
  int64_t pings_ns = effort == AMZ_EFFORT_PRECISE ? INT64_C(4000000000) : INT64_C(200000000);
  int64_t chunks_ns = effort == AMZ_EFFORT_PRECISE ? INT64_C(2000000000) : INT64_C(200000000);
  uint32_t peer = link->near ? link->near : link->far;
  struct amz_error ignored;
  int rc = AMZ_OK;

  if (link->near)
    rc = measure_messages(link, link->near, pings_ns, &costs->inside, err);
  if (rc == AMZ_OK && link->far)
    rc = measure_messages(link, link->far, pings_ns, &costs->between, err);
  if (rc == AMZ_OK && peer)
    rc = amz_link_lead_chunks(link, peer, chunks_ns, costs, err);
  for (uint32_t i = 1; i < link->net->size(link->mpi); i++)
    (void)amz_link_tell(link, i, AMZ_LINK_QUIT, &ignored); /* one that doesn't hear it leaves by itself in a minute */
  return rc;
}

int amz_link_serve(struct amz_link *link, struct amz_error *err)
{
  bool chosen = false; /* it is us that rank 0 talks to: the next question comes at once */
  int rc = AMZ_OK;

  while (rc == AMZ_OK) {
    struct amz_mpi_message m;

    rc = amz_link_next(link, chosen, &m, err);
    if (rc < 0)
      return rc;
    chosen = true;
    switch (kind_of(&m)) {
    case AMZ_LINK_QUIT:
      return AMZ_OK;
    case AMZ_LINK_PING:
      rc = link->net->send(link->mpi, m.source, m.bytes, m.n);
      if (rc < 0)
        (void)amz_error_set(err, rc, "cannot answer rank %u: %s", m.source, amz_err_name(rc));
      break;
    case AMZ_LINK_WORK:
      rc = amz_link_serve_chunks(link, err);
      break;
    default:
      rc = unexpected(&m, err);
    }
  }
  return rc;
}

int amz_measure_link(const struct amz_net *net, struct amz_mpi *mpi, enum amz_effort effort, struct amz_node_costs *costs,
                     struct amz_error *err)
{
  struct amz_link link = {.net = net, .mpi = mpi};
  int rc = amz_link_gather(&link, err);

  if (rc < 0)
    return rc;
  return net->rank(mpi) == 0 ? amz_link_lead(&link, effort, costs, err) : amz_link_serve(&link, err);
}

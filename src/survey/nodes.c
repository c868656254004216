/* Rank 0: has the nodes of a launch measured, all at the same time, by the first rank of each. */
#include "survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#include "../measure/costs.h"
#include "../run/clock.h"
#include "reach.h"
#include "survey_private.h"

#define HELLO_NS INT64_C(120000000000)
#define LOOK_NS INT64_C(60000000000)
#define MEASURE_NS INT64_C(120000000000)          /* a busy machine may take long for what should take 5 s */
#define MEASURE_PRECISELY_NS INT64_C(400000000000)

/* What rank 0 knows of a node beside what it tells. */
struct place {
  uint32_t leader; /* the rank that stands for it */
  struct amz_units units;
  bool answered, failed; /* in the present step */
};

struct desk {
  struct amz_rank_link *link;
  struct amz_post post;
  const struct amz_survey_wish *wish;
  struct amz_diags *diags;
  struct place *places;
  struct amz_survey survey;
  uint32_t size;
  bool recalled, deaf; /* a node's measurements were in the cache; a rank doesn't answer */
};

void amz_survey_clear(struct amz_survey *survey)
{
  for (size_t i = 0; i < survey->count; i++) {
    amz_node_clear(&survey->nodes[i].node);
    free(survey->nodes[i].type);
  }
  free(survey->nodes);
  *survey = (struct amz_survey){NULL, 0};
}

/* ---- who is there ---------------------------------------------------------------------------------------------------------- */

static int add_rank(struct desk *d, uint32_t rank, const struct amz_hello *hello)
{
  struct amz_survey *s = &d->survey;
  size_t i = 0;

  while (i < s->count && strcmp(s->nodes[i].host, hello->node) != 0)
    i++;
  if (i == s->count) { /* there are as many rows as ranks */
    memcpy(s->nodes[i].host, hello->node, sizeof hello->node);
    d->places[i].leader = rank;
    s->count++;
  }
  if (rank < d->places[i].leader)
    d->places[i].leader = rank;
  return amz_units_join(&d->places[i].units, &hello->units);
}

static int add_self(struct desk *d, struct amz_error *err)
{
  struct amz_hello self = {.units = {NULL, 0}};
  int rc = amz_reach_of(0, &self.units);

  (void)snprintf(self.node, sizeof self.node, "%s", d->link->net->node(d->link->mpi));
  if (rc == AMZ_OK)
    rc = add_rank(d, 0, &self);
  free(self.units.items);
  return rc < 0 ? amz_error_set(err, rc, "cannot tell which CPUs rank 0 may use") : AMZ_OK;
}

static int take_hello(struct desk *d, const struct amz_mpi_message *m, struct amz_error *err)
{
  struct amz_hello hello = {.units = {NULL, 0}};
  struct amz_cursor c;
  int rc = AMZ_ECORRUPT;

  if (amz_letter_kind(m->bytes, m->n, &c) == AMZ_LETTER_HELLO && (rc = amz_hello_decode(&c, &hello)) == AMZ_OK)
    rc = add_rank(d, m->source, &hello);
  free(hello.units.items);
  return rc < 0 ? amz_error_set(err, rc, "rank %u is of another version, or no rank of ours", m->source) : AMZ_OK;
}

static int gather(struct desk *d, struct amz_error *err)
{
  int64_t deadline_ns = amz_clock_monotonic_ns() + HELLO_NS;
  struct amz_mpi_message m;
  int rc = add_self(d, err);

  for (uint32_t missing = d->size - 1; rc == AMZ_OK && missing > 0; missing--) {
    rc = amz_post_next(&d->post, deadline_ns, &m, err);
    if (rc == 0)
      rc = amz_error_set(err, AMZ_EENV, "%u of %u ranks have not spoken up", missing, d->size);
    else if (rc > 0)
      rc = take_hello(d, &m, err);
  }
  return rc;
}

/* ---- steps ----------------------------------------------------------------------------------------------------------------- */

static int send_orders(struct desk *d, struct amz_error *err)
{
  int rc = AMZ_OK;

  for (uint32_t rank = 1; rank < d->size && rc == AMZ_OK; rank++) {
    struct amz_survey_order order = {.fast = d->wish->fast, .effort = d->wish->effort, .topology = d->wish->look.topology,
                                     .root = d->wish->look.root};
    struct amz_buf bytes = AMZ_BUF_INIT;

    for (size_t i = 0; i < d->survey.count; i++)
      if (d->places[i].leader == rank) {
        order.measure = true;
        order.units = d->places[i].units;
      }
    amz_survey_order_encode(&order, &bytes);
    rc = amz_post_send(&d->post, rank, &bytes, err);
  }
  return rc;
}

static void fail(struct desk *d, size_t i, int rc, const char *text)
{
  d->places[i].failed = true;
  d->survey.nodes[i].rc = rc;
  (void)amz_error_set(&d->survey.nodes[i].err, rc, "%s", text);
}

static void take_result(struct desk *d, size_t i, struct amz_cursor *c)
{
  struct amz_survey_node *n = &d->survey.nodes[i];
  struct amz_survey_result result;
  struct amz_error err = {0};
  int rc = amz_survey_result_decode(c, &result);

  if (rc < 0)
    fail(d, i, rc, "its answer is not understood");
  else if (result.rc < 0)
    fail(d, i, result.rc, result.text);
  else if ((rc = amz_profile_parse(result.json, result.n_json, &err, &n->node)) < 0)
    fail(d, i, rc, err.text);
  else if (*result.text)
    amz_diags_add(d->diags, AMZ_WARNING, n->host, 0, 0, "%s", result.text);
}

/* Notes what a rank says. What nobody waits for any more (a node that was given up) is dropped. */
static void take_answer(struct desk *d, const struct amz_mpi_message *m)
{
  struct amz_cursor c;
  enum amz_letter kind = amz_letter_kind(m->bytes, m->n, &c);

  for (size_t i = 1; i < d->survey.count; i++)
    if (d->places[i].leader == m->source && !d->places[i].failed && !d->places[i].answered) {
      d->places[i].answered = true;
      if (kind == AMZ_LETTER_RESULT)
        take_result(d, i, &c);
      else if (kind != AMZ_LETTER_READY)
        fail(d, i, AMZ_ECORRUPT, "its answer is not understood");
    }
}

static size_t silent(const struct desk *d)
{
  size_t n = 0;

  for (size_t i = 1; i < d->survey.count; i++)
    n += !d->places[i].failed && !d->places[i].answered;
  return n;
}

/* Waits for the answers of all nodes but ours. Those that stay silent are given up. */
static int await(struct desk *d, int64_t timeout_ns, struct amz_error *err)
{
  int64_t deadline_ns = amz_clock_monotonic_ns() + timeout_ns;
  struct amz_mpi_message m;
  int rc = 1;

  while (rc > 0 && silent(d) > 0) {
    rc = amz_post_next(&d->post, deadline_ns, &m, err);
    if (rc > 0)
      take_answer(d, &m);
  }
  if (rc < 0)
    return rc;
  for (size_t i = 1; i < d->survey.count; i++) {
    if (!d->places[i].failed && !d->places[i].answered) {
      fail(d, i, AMZ_EENV, "it doesn't answer");
      d->deaf = true;
    }
    d->places[i].answered = false;
  }
  return AMZ_OK;
}

static int tell_leaders(struct desk *d, enum amz_letter kind, struct amz_error *err)
{
  int rc = AMZ_OK;

  for (size_t i = 1; i < d->survey.count && rc == AMZ_OK; i++)
    if (!d->places[i].failed)
      rc = amz_post_tell(&d->post, d->places[i].leader, kind, err);
  return rc;
}

static int tell_all(struct desk *d, enum amz_letter kind, struct amz_error *err)
{
  int rc = AMZ_OK, first = AMZ_OK;

  for (uint32_t rank = 1; rank < d->size; rank++)
    if ((rc = amz_post_tell(&d->post, rank, kind, err)) < 0 && first == AMZ_OK)
      first = rc;
  return first;
}

/* ---- the survey ------------------------------------------------------------------------------------------------------------ */

static bool measures(const struct desk *d)
{
  return !d->wish->fast && d->survey.nodes[0].node.this_machine && !d->recalled;
}

/* Our own node, while the others do theirs. With several nodes the cache isn't asked: it knows types, not nodes. */
static int look_here(struct desk *d, struct amz_error *err)
{
  struct amz_survey_node *n = &d->survey.nodes[0];
  int rc = amz_survey_look(d->wish, &d->places[0].units, d->diags, err, &n->node);

  if (rc == AMZ_OK && d->survey.count == 1 && n->node.this_machine && !d->wish->fast && !d->wish->refresh)
    d->recalled = amz_survey_recall(d->wish, d->diags, &n->node, &n->source) == AMZ_OK;
  return rc;
}

/* A message costs the same from every node, as far as one launch can tell. */
static void spread(struct desk *d, const struct amz_node_costs *costs)
{
  for (size_t i = 0; i < d->survey.count; i++) {
    struct amz_node_costs *c = &d->survey.nodes[i].node.costs;

    if (costs->inside.alpha_s.source != AMZ_UNKNOWN)
      c->inside = costs->inside;
    if (costs->between.alpha_s.source != AMZ_UNKNOWN)
      c->between = costs->between;
    if (costs->chunk_s.source != AMZ_UNKNOWN)
      c->chunk_s = costs->chunk_s;
    if (costs->service_s.source != AMZ_UNKNOWN)
      c->service_s = costs->service_s;
  }
}

static int measure_messages(struct desk *d, struct amz_error *err)
{
  struct amz_node_costs costs = {.n_launches = 0};
  int rc;

  if (d->size < 2 || d->deaf || !measures(d))
    return AMZ_OK;
  if (d->wish->observer && d->wish->observer->stage)
    d->wish->observer->stage(d->wish->observer->ctx, "messages");
  if ((rc = tell_all(d, AMZ_LETTER_LINK, err)) < 0)
    return rc;
  rc = amz_measure_link(d->link->net, d->link->mpi, d->wish->effort, &costs, err);
  if (rc == AMZ_OK)
    spread(d, &costs);
  free(costs.launches);
  return rc;
}

static int steps(struct desk *d, struct amz_error *err)
{
  int64_t patience_ns = d->wish->effort == AMZ_EFFORT_PRECISE ? MEASURE_PRECISELY_NS : MEASURE_NS;
  int rc = gather(d, err);

  if (rc < 0 || (rc = send_orders(d, err)) < 0 || (rc = look_here(d, err)) < 0 || (rc = await(d, LOOK_NS, err)) < 0 ||
      (rc = tell_leaders(d, AMZ_LETTER_GO, err)) < 0)
    return rc;
  if (measures(d) && (rc = amz_survey_measure(d->wish, d->link->exec, &d->survey.nodes[0].node, err)) < 0)
    return rc;
  rc = await(d, patience_ns, err);
  return rc < 0 ? rc : measure_messages(d, err);
}

static bool was_measured(const struct desk *d, size_t i)
{
  return d->survey.nodes[i].node.measured_at_s && !d->recalled;
}

/* The rest of each node's row: what isn't measured, its type. */
static int complete(struct desk *d, size_t i, struct amz_error *err)
{
  struct amz_survey_node *n = &d->survey.nodes[i];
  struct amz_buf type = AMZ_BUF_INIT;
  int rc;

  if (was_measured(d, i))
    amz_survey_borrow_launches(d->wish, &n->node);
  rc = amz_node_assume(&n->node, err);
  if (rc < 0 || (rc = amz_profile_key(&n->node, d->wish->effort, &type)) < 0)
    return rc;
  n->type = amz_buf_detach(&type);
  if (!n->type)
    return AMZ_ENOMEM;
  if (was_measured(d, i))
    n->source.origin = (struct amz_profile_origin){.from = AMZ_PROFILE_MEASURED, .effort = amz_effort_name(d->wish->effort)};
  return AMZ_OK;
}

struct amz_profile_host *amz_survey_hosts(const struct amz_survey *survey)
{
  struct amz_profile_host *hosts = amz_new_array(survey->count, sizeof *hosts);

  for (size_t i = 0; hosts && i < survey->count; i++) {
    const struct amz_survey_node *n = &survey->nodes[i];

    hosts[i] = (struct amz_profile_host){.host = n->host, .failure = n->rc < 0 ? n->err.text : NULL, .type = n->type,
                                         .node = &n->node,
                                         .origin = &n->source.origin};
  }
  return hosts;
}

/* The cache gets one node of each type: not a slow one, if there is another. */
static int keep_types(struct desk *d)
{
  struct amz_profile_host *hosts = amz_survey_hosts(&d->survey);

  if (!hosts)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < d->survey.count; i++)
    if (was_measured(d, i) && amz_profile_stands(hosts, d->survey.count, i))
      amz_survey_keep(d->wish, d->diags, &d->survey.nodes[i].node, &d->survey.nodes[i].source);
  free(hosts);
  return AMZ_OK;
}

static void release(struct desk *d)
{
  for (size_t i = 0; d->places && i < d->size; i++)
    free(d->places[i].units.items);
  free(d->places);
}

int amz_survey_nodes(struct amz_rank_link *link, const struct amz_survey_wish *wish, struct amz_diags *diags,
                     struct amz_error *err,
                     struct amz_survey *ret)
{
  struct desk d = {.link = link, .post = {link->net, link->mpi, link->signals, 0}, .wish = wish, .diags = diags,
                   .size = link->net->size(link->mpi)};
  struct amz_error ignored;
  int rc;

  link->used = true;
  d.places = amz_new_array(d.size, sizeof *d.places);
  d.survey.nodes = amz_new_array(d.size, sizeof *d.survey.nodes);
  rc = d.places && d.survey.nodes ? steps(&d, err) : amz_error_set(err, AMZ_ENOMEM, "out of memory for %u ranks", d.size);
  (void)tell_all(&d, AMZ_LETTER_OVER, &ignored); /* those that don't hear it give up by themselves */
  for (size_t i = 0; i < d.survey.count && rc == AMZ_OK; i++)
    if (d.survey.nodes[i].rc == AMZ_OK)
      rc = complete(&d, i, err);
  if (rc == AMZ_OK)
    rc = keep_types(&d);
  release(&d);
  if (rc < 0) {
    amz_survey_clear(&d.survey);
    return rc;
  }
  *ret = d.survey;
  return AMZ_OK;
}

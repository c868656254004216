/* Ranks other than 0: say where they are, measure their node if they stand for it, and wait, which costs no CPU: whoever waits in
 * MPI's end would spin beside those that measure. */
#include "survey.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "../measure/costs.h"
#include "../run/clock.h"
#include "reach.h"
#include "survey_private.h"

#define AWAIT_NS INT64_C(600000000000) /* precise measurements of a busy node take long */

struct server {
  const struct amz_rank_link *link;
  struct amz_post post;
  struct amz_buf bytes; /* of the order */
  struct amz_survey_order order;
  struct amz_diags diags;
  struct amz_node node;
  bool looked;
};

static int say_hello(struct server *s, struct amz_error *err)
{
  struct amz_buf bytes = AMZ_BUF_INIT;
  struct amz_hello hello = {.units = {NULL, 0}};
  int rc = amz_reach_of(0, &hello.units);

  (void)snprintf(hello.node, sizeof hello.node, "%s", s->link->net->node(s->link->mpi));
  if (rc < 0)
    return amz_error_set(err, rc, "cannot tell which CPUs rank %u may use", s->link->net->rank(s->link->mpi));
  amz_hello_encode(&hello, &bytes);
  free(hello.units.items);
  return amz_post_send(&s->post, 0, &bytes, err);
}

static struct amz_survey_wish wish_of(struct server *s, const struct amz_environment *env,
                                      const struct amz_measure_observer *observer)
{
  return (struct amz_survey_wish){.look = {.topology = s->order.topology, .root = s->order.root, .env = env},
                                  .effort = s->order.effort,
                                  .fast = s->order.fast, .refresh = true, .observer = observer};
}

static int send_result(struct server *s, int rc, const struct amz_error *why, struct amz_error *err)
{
  struct amz_buf bytes = AMZ_BUF_INIT, json = AMZ_BUF_INIT, text = AMZ_BUF_INIT;
  struct amz_survey_result result = {.rc = rc};

  if (rc == AMZ_OK)
    result.rc = amz_profile_json(&s->node, NULL, &json);
  if (rc == AMZ_OK)
    amz_diags_print(&s->diags, &text);
  result.text = rc < 0 ? why->text : amz_buf_text(&text);
  result.json = amz_buf_text(&json);
  result.n_json = result.rc == AMZ_OK ? json.len : 0;
  amz_survey_result_encode(&result, &bytes);
  amz_buf_clear(&json);
  amz_buf_clear(&text);
  return amz_post_send(&s->post, 0, &bytes, err);
}

/* A failure is the node's, told to rank 0; only what the transport says ends this rank. */
static int do_look(struct server *s, const struct amz_survey_wish *wish, struct amz_error *err)
{
  struct amz_error why = {0};
  int rc = amz_survey_look(wish, &s->order.units, &s->diags, &why, &s->node);

  s->looked = rc == AMZ_OK;
  return s->looked ? amz_post_tell(&s->post, 0, AMZ_LETTER_READY, err) : send_result(s, rc, &why, err);
}

static int do_measure(struct server *s, const struct amz_survey_wish *wish, struct amz_error *err)
{
  struct amz_error why = {0};
  int rc = AMZ_OK;

  if (!wish->fast && s->node.this_machine)
    rc = amz_survey_measure(wish, s->link->exec, &s->node, &why);
  return send_result(s, rc, &why, err);
}

static int take_order(struct server *s, const struct amz_mpi_message *m, struct amz_error *err)
{
  struct amz_cursor c;

  amz_buf_add(&s->bytes, m->bytes, m->n);
  if (amz_buf_ok(&s->bytes) < 0)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  (void)amz_letter_kind(s->bytes.data, s->bytes.len, &c);
  free(s->order.units.items);
  s->order.units.items = NULL;
  if (amz_survey_order_decode(&c, &s->order) < 0)
    return amz_error_set(err, AMZ_ECORRUPT, "rank 0's word is not understood");
  return AMZ_OK;
}

static int link_up(struct server *s, struct amz_error *err)
{
  struct amz_node_costs mine = {.n_launches = 0};

  return amz_measure_link(s->link->net, s->link->mpi, s->order.effort, &mine, err);
}

/* \return AMZ_OK: go on; 1: over; negative with *err. */
static int answer(struct server *s, const struct amz_mpi_message *m, const struct amz_environment *env,
                  const struct amz_measure_observer *observer,
                  struct amz_error *err)
{
  struct amz_survey_wish wish;
  struct amz_cursor c;
  int rc = AMZ_OK;

  switch (amz_letter_kind(m->bytes, m->n, &c)) {
  case AMZ_LETTER_ORDER:
    rc = take_order(s, m, err);
    wish = wish_of(s, env, observer);
    return rc == AMZ_OK && s->order.measure ? do_look(s, &wish, err) : rc;
  case AMZ_LETTER_GO:
    wish = wish_of(s, env, observer);
    return s->looked ? do_measure(s, &wish, err) : AMZ_OK;
  case AMZ_LETTER_LINK: return link_up(s, err);
  case AMZ_LETTER_OVER: return 1;
  default: return amz_error_set(err, AMZ_ECLOSED, "rank 0 has nothing to measure"); /* it sends us home, in other words */
  }
}

int amz_survey_serve(const struct amz_rank_link *link, struct amz_error *err)
{
  struct amz_environment env = amz_environment_of_process();
  struct server s = {.link = link, .post = {link->net, link->mpi, link->signals, 0}, .bytes = AMZ_BUF_INIT};
  struct amz_measure_observer observer = {.ctx = &s.post, .stop = amz_post_stopped};
  struct amz_mpi_message m;
  int rc;

  amz_diags_init(&s.diags);
  rc = say_hello(&s, err);
  while (rc == AMZ_OK) {
    rc = amz_post_next(&s.post, amz_clock_monotonic_ns() + AWAIT_NS, &m, err);
    if (rc == 0)
      rc = amz_error_set(err, AMZ_EENV, "rank 0 has not said what to do");
    else if (rc > 0)
      rc = answer(&s, &m, &env, &observer, err);
  }
  amz_diags_clear(&s.diags);
  amz_node_clear(&s.node);
  amz_buf_clear(&s.bytes);
  free(s.order.units.items);
  return rc > 0 ? AMZ_OK : rc;
}

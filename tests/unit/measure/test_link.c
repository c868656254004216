/* Measuring between ranks, over a transport made for the purpose: it gives what is put into it, and keeps what is sent. The other
 * side of a ping-pong is played by the transport itself. (Two real ranks are measured in tests/mpi/measure.sh.) Sizes of launches
 * and costs as text are checked by hand. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../src/measure/costs.h"
#include "../../../src/measure/link.h"
#include "../../../src/measure/sizes.h"
#include "../../../src/measure/text.h"
#include "../../support/tap.h"

/* ---- a transport ------------------------------------------------------------------------------------------------------- */

#define MAIL_MOST 64

struct mail {
  uint32_t rank; /* from, or to */
  char bytes[64]; /* the first of them */
  size_t n;
};

struct amz_mpi {
  uint32_t rank, size;
  const char *node;
  bool echoes;      /* sends pings back, as another rank would */
  int send_rc;      /* what sending says */
  struct mail in[MAIL_MOST], out[MAIL_MOST];
  size_t n_in, at, n_out, pings;
  char *echo;
  size_t echo_n, echo_from;
};

static uint32_t fake_rank(const struct amz_mpi *t)
{
  return t->rank;
}

static uint32_t fake_size(const struct amz_mpi *t)
{
  return t->size;
}

static const char *fake_node(const struct amz_mpi *t)
{
  return t->node;
}

static int fake_send(struct amz_mpi *t, uint32_t rank, const void *bytes, size_t n)
{
  struct mail *m = &t->out[t->n_out];

  if (t->send_rc < 0)
    return t->send_rc;
  if (t->echoes && n > 0 && *(const char *)bytes == AMZ_LINK_PING) {
    t->pings++;
    free(t->echo);
    t->echo = malloc(n);
    CU_ASSERT_FATAL(t->echo != NULL);
    memcpy(t->echo, bytes, n);
    t->echo_n = n;
    t->echo_from = rank;
    return AMZ_OK;
  }
  CU_ASSERT_FATAL(t->n_out < MAIL_MOST);
  t->n_out++;
  m->rank = rank;
  m->n = n;
  memcpy(m->bytes, bytes, n < sizeof m->bytes ? n : sizeof m->bytes);
  return AMZ_OK;
}

static int fake_next(struct amz_mpi *t, struct amz_mpi_message *ret, struct amz_error *err)
{
  if (t->echo_n > 0) {
    *ret = (struct amz_mpi_message){.source = (uint32_t)t->echo_from, .bytes = t->echo, .n = t->echo_n};
    t->echo_n = 0;
    return 1;
  }
  if (t->at == t->n_in) /* a real one would be waited for: here nothing comes any more */
    return amz_error_set(err, AMZ_EIO, "the test has said all");
  *ret = (struct amz_mpi_message){.source = t->in[t->at].rank, .bytes = t->in[t->at].bytes, .n = t->in[t->at].n};
  t->at++;
  return 1;
}

static int fake_wait(struct amz_mpi *t, struct pollfd *fds, size_t n_fds, int64_t deadline_ns, enum amz_mpi_haste haste,
                     struct amz_error *err)
{
  (void)t;
  (void)fds;
  (void)n_fds;
  (void)deadline_ns;
  (void)haste;
  return amz_error_set(err, AMZ_EIO, "nothing to wait for");
}

static const struct amz_net net = {.rank = fake_rank, .size = fake_size, .node = fake_node, .send = fake_send, .next = fake_next,
                                   .wait = fake_wait};

static void put(struct amz_mpi *t, uint32_t from, const char *text)
{
  struct mail *m = &t->in[t->n_in++];

  m->rank = from;
  m->n = strlen(text);
  memcpy(m->bytes, text, m->n);
}

/* ---- who is there ------------------------------------------------------------------------------------------------------ */

static void test_gather(void)
{
  static const struct {
    const char *what;
    uint32_t size;
    struct {
      uint32_t rank;
      const char *says;
    } mail[3];
    int rc;
    uint32_t near, far;
  } rows[] = {
    {"alone", 1, {{0, NULL}}, AMZ_OK, 0, 0},
    {"one on the same node", 2, {{1, "Hn1"}}, AMZ_OK, 1, 0},
    {"one on another", 2, {{1, "Hn2"}}, AMZ_OK, 0, 1},
    {"the first of each counts, in whatever order they come", 4, {{3, "Hn1"}, {2, "Hn2"}, {1, "Hn1"}}, AMZ_OK, 1, 2},
    {"a longer name is another one, and so is a shorter one", 3, {{2, "Hn11"}, {1, "Hn"}}, AMZ_OK, 0, 1},
    {"one says something else", 2, {{1, "Pn1"}}, AMZ_ECORRUPT, 0, 0},
    {"one says nothing at all", 2, {{1, ""}}, AMZ_ECORRUPT, 0, 0},
    {"one is missing", 3, {{1, "Hn1"}}, AMZ_EIO, 1, 0},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_mpi t = {.size = rows[i].size, .node = "n1"};
    struct amz_link link = {.net = &net, .mpi = &t};

    for (size_t k = 0; k < 3 && rows[i].mail[k].says; k++)
      put(&t, rows[i].mail[k].rank, rows[i].mail[k].says);
    ASSERT_ROW_I64(rows[i].what, amz_link_gather(&link, NULL), rows[i].rc);
    ASSERT_ROW_U64(rows[i].what, link.near, rows[i].near);
    ASSERT_ROW_U64(rows[i].what, link.far, rows[i].far);
  }
}

static void test_report(void)
{
  struct amz_mpi t = {.rank = 2, .size = 3, .node = "n7"};
  struct amz_link link = {.net = &net, .mpi = &t};

  ASSERT_I64(amz_link_gather(&link, NULL), AMZ_OK);
  ASSERT_U64(t.n_out, 1);
  ASSERT_U64(t.out[0].rank, 0);
  ASSERT_U64(t.out[0].n, 3);
  CU_ASSERT(memcmp(t.out[0].bytes, "Hn7", 3) == 0);
  t.send_rc = AMZ_ENOMEM;
  ASSERT_I64(amz_link_gather(&link, NULL), AMZ_ENOMEM);
}

/* ---- ping-pong --------------------------------------------------------------------------------------------------------- */

static void test_serve(void)
{
  struct amz_mpi t = {.rank = 1, .size = 2, .node = "n1"}, odd = t;
  struct amz_link link = {.net = &net, .mpi = &t}, odd_link = {.net = &net, .mpi = &odd};
  struct amz_error err = {0};

  put(&t, 0, "Pabc");
  put(&t, 0, "P");
  put(&t, 0, "Q");
  put(&t, 0, "Pnot any more");
  ASSERT_I64(amz_link_serve(&link, &err), AMZ_OK);
  ASSERT_U64(t.at, 3);
  ASSERT_U64(t.n_out, 2);
  CU_ASSERT(t.out[0].n == 4 && memcmp(t.out[0].bytes, "Pabc", 4) == 0 && t.out[1].n == 1);
  put(&odd, 0, "?");
  ASSERT_I64(amz_link_serve(&odd_link, &err), AMZ_ECORRUPT);
  ASSERT_TEXT(err.text, "rank 0 has sent what is no part of a measurement");
}

static void test_alone(void)
{
  struct amz_mpi t = {.size = 1, .node = "n1"};
  struct amz_node_costs costs = {.n_launches = 0};

  ASSERT_I64(amz_measure_link(&net, &t, AMZ_EFFORT_DEFAULT, &costs, NULL), AMZ_OK);
  ASSERT_I64(costs.inside.alpha_s.source, AMZ_UNKNOWN);
  ASSERT_I64(costs.chunk_s.source, AMZ_UNKNOWN);
}

/* The messages are real, the time is nobody's business; then the peer falls silent where chunks begin, and all the same everybody
 * is sent home. */
static void test_lead(void)
{
  struct amz_mpi t = {.size = 3, .node = "n1", .echoes = true};
  struct amz_node_costs costs = {.n_launches = 0};
  const struct amz_quantity *q = &costs.inside.alpha_s, *beta = &costs.inside.beta_s_per_byte;
  struct amz_error err = {0};

  put(&t, 1, "Hn1");
  put(&t, 2, "Hn1");
  ASSERT_I64(amz_measure_link(&net, &t, AMZ_EFFORT_DEFAULT, &costs, &err), AMZ_EIO);
  CU_ASSERT(t.pings >= 8 * 5); /* of eight sizes, five times at least */
  CU_ASSERT(q->source == AMZ_MEASURED && isfinite(q->value) && q->low >= 0 && q->low <= q->value && q->value <= q->high);
  CU_ASSERT(beta->source == AMZ_MEASURED && isfinite(beta->value) && beta->low >= 0 && beta->low <= beta->value &&
            beta->value <= beta->high);
  ASSERT_I64(costs.between.alpha_s.source, AMZ_UNKNOWN);
  CU_ASSERT_FATAL(t.n_out >= 3);
  CU_ASSERT(t.out[0].rank == 1 && t.out[0].bytes[0] == AMZ_LINK_WORK);
  CU_ASSERT(t.out[t.n_out - 2].rank == 1 && t.out[t.n_out - 2].bytes[0] == AMZ_LINK_QUIT);
  CU_ASSERT(t.out[t.n_out - 1].rank == 2 && t.out[t.n_out - 1].bytes[0] == AMZ_LINK_QUIT);
  free(t.echo);
}

/* ---- sizes and text ---------------------------------------------------------------------------------------------------- */

static void test_sizes(void)
{
  static const struct {
    uint32_t cores;
    enum amz_effort effort;
    const char *expected;
  } rows[] = {
    {0, AMZ_EFFORT_DEFAULT, "1 2 4 "},    {1, AMZ_EFFORT_DEFAULT, "1 2 4 "},         {8, AMZ_EFFORT_DEFAULT, "1 2 8 "},
    {128, AMZ_EFFORT_DEFAULT, "1 2 16 "}, {2, AMZ_EFFORT_PRECISE, "1 2 4 "},         {24, AMZ_EFFORT_PRECISE, "1 2 4 8 16 "},
    {UINT32_MAX, AMZ_EFFORT_PRECISE, "1 2 4 8 16 32 64 "},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint32_t sizes[AMZ_LAUNCH_SIZES_MOST];
    size_t n = amz_launch_sizes(rows[i].cores, rows[i].effort, sizes), at = 0;
    char text[64] = "";

    for (size_t k = 0; k < n; k++)
      at += (size_t)snprintf(text + at, sizeof text - at, "%u ", sizes[k]);
    ASSERT_TEXT(text, rows[i].expected);
  }
}

static void test_text(void)
{
  struct amz_node_costs costs = {.chunk_s = {.value = 1.0 / 3, .low = 0.1, .high = 1e300, .n = 7, .source = AMZ_MEASURED},
                                 .between.beta_s_per_byte = {.value = 1e-12, .low = 0, .high = 1e-12, .n = 1,
                                                             .source = AMZ_MEASURED},
                                 .service_s = {.value = 5, .low = 5, .high = 5, .source = AMZ_ASSUMED}};
  struct amz_node_costs back = {.n_launches = 0};
  struct amz_buf text = AMZ_BUF_INIT;
  char *line, *rest = NULL;
  unsigned lines = 0;

  amz_costs_format(&costs, &text);
  for (line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest), lines++)
    CU_ASSERT(amz_costs_parse(line, &back));
  ASSERT_U64(lines, 2); /* what was not measured isn't told */
  CU_ASSERT(memcmp(&back.chunk_s, &costs.chunk_s, sizeof back.chunk_s) == 0);
  CU_ASSERT(memcmp(&back.between.beta_s_per_byte, &costs.between.beta_s_per_byte, sizeof back.chunk_s) == 0);
  amz_buf_clear(&text);
}

static void test_nonsense(void)
{
  static const struct {
    const char *what, *line;
  } rows[] = {
    {"empty", ""},
    {"somebody else's", "mpirun: warning: cost chunk 1 1 1 1"},
    {"no such cost", "amorsize-mpi: cost lunch 1 1 1 1"},
    {"a name without end", "amorsize-mpi: cost chunkchunkchunkchunkchunkchunkchunkchunk 1 1 1 1"},
    {"too few numbers", "amorsize-mpi: cost chunk 1 1 1"},
    {"no observations", "amorsize-mpi: cost chunk 0 1 1 1"},
    {"not a number", "amorsize-mpi: cost chunk 1 nan nan nan"},
    {"without end", "amorsize-mpi: cost chunk 1 1 0 inf"},
    {"negative", "amorsize-mpi: cost chunk 1 1 -1 2"},
    {"below its interval", "amorsize-mpi: cost chunk 1 1 2 3"},
    {"above its interval", "amorsize-mpi: cost chunk 1 4 2 3"},
  };
  static const struct amz_node_costs nothing;
  struct amz_node_costs costs = {.n_launches = 0};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ASSERT_ROW_U64(rows[i].what, amz_costs_parse(rows[i].line, &costs), false);
  CU_ASSERT(memcmp(&costs, &nothing, sizeof costs) == 0);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"rank 0 learns who is where", test_gather}, {"the others say where they are", test_report},
        {"pings are sent back until it is over", test_serve},
    {"one rank measures nothing", test_alone}, {"messages are measured, and all sent home", test_lead},
    {"sizes of launches", test_sizes},
    {"costs as text, and back", test_text}, {"lines that are none are refused", test_nonsense}, {NULL, NULL}};

  return amz_test_main("measure/link", tests, 0);
}

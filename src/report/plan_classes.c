/* What a layout means on nodes that differ. */
#include "plan_classes.h"

#include <amorsize/profile.h>
#include <amorsize/units.h>

#include "words.h"

static const struct amz_node *node_of(const struct amz_plan_report *r, const struct amz_plan_class *c)
{
  return r->input->nodes[c->kind].node;
}

bool amz_plan_is_uneven(const struct amz_plan *plan)
{
  const struct amz_plan_class *c = plan->classes;

  for (size_t i = 1; i < plan->n_classes; i++)
    if (c[i].slots_per_rank != c[0].slots_per_rank || c[i].ranks_per_node != c[0].ranks_per_node)
      return true;
  return false;
}

void amz_words_classes(const struct amz_plan_report *r, struct amz_buf *out)
{
  size_t n = r->input->n_nodes > 1 ? r->plan->n_classes : 0;
  char a[AMZ_WORD];

  for (size_t i = 0; i < n; i++) {
    const struct amz_plan_class *c = &r->plan->classes[i];
    const char *host = node_of(r, c)->host;

    amz_word_name(i ? "" : "  of them", out);
    amz_buf_addf(out, "%u × %u cores", c->nodes, node_of(r, c)->cores);
    if (host && *host) {
      amz_buf_adds(out, " like ");
      amz_buf_add_printable(out, host, strlen(host), 255);
    }
    amz_buf_addf(out, ": %u rank%s × %u slot%s, a task %s\n", c->ranks_per_node, amz_plural(c->ranks_per_node),
                 c->slots_per_rank, amz_plural(c->slots_per_rank), amz_word_seconds(c->task_s, a));
  }
}

/* What a kind of nodes has, by what was planned with. */
static void put_kind(struct object *o, const struct amz_plan_nodes *kind)
{
  const struct amz_node *n = kind->node;

  put_text(o, "like", n->host ? n->host : "");
  put_count(o, "nodes", kind->count);
  put_number(o, "speed", kind->speed);
  put_count(o, "cores", n->cores);
  put_count(o, "allowed_cores", n->allowed_cores);
  put_number(o, "allowed_cpu", n->allowed_cpu);
  put_count(o, "numa_domains", n->n_domains);
  put_count(o, "memory_bytes", n->memory_bytes);
  put_count(o, "allowed_memory_bytes", n->allowed_memory_bytes);
  put_count(o, "gpus", amz_node_gpus(n));
  put(o, "measured_at_s", n->measured_at_s ? json_integer(n->measured_at_s) : json_null());
}

json_t *amz_kinds_json(const struct amz_plan_input *in, bool *ok)
{
  json_t *array = json_array();

  for (size_t i = 0; i < in->n_nodes; i++) {
    struct object o = object_new();

    put_kind(&o, &in->nodes[i]);
    if (!o.ok || json_array_append(array, o.json) < 0)
      *ok = false;
    json_decref(o.json);
  }
  return array;
}

json_t *amz_classes_json(const struct amz_plan_report *r, bool *ok)
{
  json_t *array = json_array();

  for (size_t i = 0; i < r->plan->n_classes; i++) {
    const struct amz_plan_class *c = &r->plan->classes[i];
    const char *host = node_of(r, c)->host;
    struct object o = object_new();

    put_text(&o, "like", host ? host : "");
    put_count(&o, "nodes", c->nodes);
    put_count(&o, "cores", node_of(r, c)->cores);
    put_count(&o, "ranks_per_node", c->ranks_per_node);
    put_count(&o, "slots_per_rank", c->slots_per_rank);
    put_count(&o, "threads_per_task", r->plan->chosen.layout.threads);
    put_number(&o, "speed", r->input->nodes[c->kind].speed);
    put_number(&o, "task_s", c->task_s);
    if (!o.ok || json_array_append_new(array, o.json) < 0)
      *ok = false;
  }
  return array;
}

/* Settings against one another. */
#include <string.h>

#include <amorsize/policy.h>

#include "settings.h"

/* The text that the user wrote for a key, for messages that name two of them. */
static const char *written(const struct amz_yaml *root, const char *path, char out[AMZ_YAML_SHOWN])
{
  return amz_yaml_show(amz_yaml_at(root, path), out);
}

static void wrong_order(struct amz_reader *r, const struct amz_yaml *root, const char *less, const char *more)
{
  char a[AMZ_YAML_SHOWN], b[AMZ_YAML_SHOWN];

  amz_yaml_error(r->diags, amz_yaml_at(root, less), "%s: %s is more than %s, which is %s", less, written(root, less, a), more,
                 written(root, more, b));
}

/* min <= target <= max among what is given; what isn't given follows. */
static void check_chunks(struct amz_reader *r, const struct amz_yaml *root, struct amz_settings *s)
{
  bool min = amz_yaml_at(root, "chunks.min"), target = amz_yaml_at(root, "chunks.target"), max = amz_yaml_at(root, "chunks.max");

  if (min && target && s->chunks.min_ns > s->chunks.target_ns)
    wrong_order(r, root, "chunks.min", "chunks.target");
  if (target && max && s->chunks.target_ns > s->chunks.max_ns)
    wrong_order(r, root, "chunks.target", "chunks.max");
  if (min && max && !target && s->chunks.min_ns > s->chunks.max_ns)
    wrong_order(r, root, "chunks.min", "chunks.max");
  if (!target && min && s->chunks.target_ns < s->chunks.min_ns)
    s->chunks.target_ns = s->chunks.min_ns;
  if (!target && max && s->chunks.target_ns > s->chunks.max_ns)
    s->chunks.target_ns = s->chunks.max_ns;
  if (!min && s->chunks.min_ns > s->chunks.target_ns)
    s->chunks.min_ns = s->chunks.target_ns;
  if (!max && s->chunks.max_ns < s->chunks.target_ns)
    s->chunks.max_ns = s->chunks.target_ns;
}

static bool is_given(const struct amz_yaml *root, const char *path)
{
  const struct amz_yaml *value = amz_yaml_at(root, path);

  return value && !amz_yaml_null(value);
}

/* Whoever says anything of chunks, or takes a preset that does, has something in mind that other policies know nothing of: the
 * targets of some presets are the point of them. A policy alone leaves its target open. */
static void note_what_is_free(const struct amz_yaml *root, struct amz_settings *s)
{
  static const char *const bounds[] = {"chunks.target", "chunks.min", "chunks.max", "chunks.rate"};
  bool free = s->preset == AMZ_PRESET_DEFAULT || s->preset == AMZ_PRESET_IO;

  s->chunks.target_free = free && !is_given(root, "chunks.target");
  for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
    free = free && !is_given(root, bounds[i]);
  s->chunks.policy_free = free && !is_given(root, "chunks.policy");
}

static void check_sample(struct amz_reader *r, const struct amz_yaml *root, const struct amz_settings *s)
{
  if (s->sample.tasks_min > s->sample.tasks_max)
    amz_yaml_error(r->diags, amz_yaml_at(root, "sample.tasks"), "sample.tasks: the least, %u, is more than the most, %u",
                   s->sample.tasks_min,
                   s->sample.tasks_max);
}

static void check_deadline(struct amz_reader *r, const struct amz_yaml *root, const struct amz_settings *s)
{
  const struct amz_yaml *deadline = amz_yaml_key_at(root, "plan.deadline");

  if (s->plan.goal == AMZ_GOAL_DEADLINE && !deadline)
    amz_yaml_error(r->diags, amz_yaml_at(root, "plan.goal"), "plan.goal: deadline needs plan.deadline");
  if (s->plan.deadline_ns && s->plan.goal != AMZ_GOAL_DEADLINE)
    amz_yaml_warning(r->diags, deadline, "plan.deadline has no effect without plan.goal: deadline");
}

/* Commands and streams print; they have no results that could be kept by index or reduced. */
static void check_results(struct amz_reader *r, const struct amz_yaml *root)
{
  static const char *const keys[] = {"output.results", "output.reduce"};

  for (size_t i = 0; i < sizeof keys / sizeof *keys && !amz_yaml_at(root, "tasks.plugin"); i++) {
    const struct amz_yaml *value = amz_yaml_at(root, keys[i]);

    if (value && !amz_yaml_null(value) && (value->kind != AMZ_YAML_SCALAR || strcmp(value->text, "none") != 0))
      amz_yaml_warning(r->diags, amz_yaml_key_at(root, keys[i]),
                       "%s has no effect: only tasks.plugin has results; what other tasks print is kept by output.stdout",
                       keys[i]);
  }
}

/* ---- policies ---- */

static const char *const planned[] = {"mfsc", "wf", "awf", "awf-b", "awf-c", "awf-d", "awf-e", "tap", "tfss", "fiss", "viss",
  "pls",
  "rand"};

enum { PLANNED = sizeof planned / sizeof *planned, POLICIES_MAX = 64 };

static bool is_planned(const char *name)
{
  for (size_t i = 0; i < PLANNED; i++)
    if (strcmp(planned[i], name) == 0)
      return true;
  return false;
}

static const char *nearest_policy(const char *name)
{
  const char *names[POLICIES_MAX];
  size_t n_ops, n = 0;
  const struct amz_policy_ops *const *ops = amz_policy_list(&n_ops);

  for (size_t i = 0; i < n_ops && n < POLICIES_MAX - PLANNED; i++)
    names[n++] = ops[i]->name;
  for (size_t i = 0; i < PLANNED; i++)
    names[n++] = planned[i];
  return amz_nearest(name, names, n);
}

static void check_policy(struct amz_reader *r, const struct amz_yaml *root, struct amz_settings *s)
{
  const struct amz_yaml *node = amz_yaml_at(root, "chunks.policy");
  const char *near;
  char shown[AMZ_YAML_SHOWN];

  if (!node || node->kind != AMZ_YAML_SCALAR || amz_yaml_null(node) || amz_policy_find(s->chunks.policy))
    return;
  (void)amz_yaml_show(node, shown);
  if (is_planned(s->chunks.policy)) {
    amz_yaml_warning(r->diags, node, "chunks.policy: %s is not in this version yet: adaptive is used", shown);
  } else {
    near = nearest_policy(s->chunks.policy);
    amz_yaml_error(r->diags, node, "chunks.policy: unknown policy %s%s%s%s", shown, near ? "; did you mean " : "",
                   near ? near : "",
                   near ? "?" : "");
  }
  s->chunks.policy = "adaptive";
}

void amz_settings_check(struct amz_reader *r, const struct amz_yaml *root, struct amz_settings *settings)
{
  check_chunks(r, root, settings);
  note_what_is_free(root, settings);
  check_sample(r, root, settings);
  check_deadline(r, root, settings);
  check_results(r, root);
  check_policy(r, root, settings);
}

/* Environment variables: the process's own behind the interface, and numbers in them with the doubts noted. */
#include <amorsize/environment.h>

#include <stdlib.h>
#include <string.h>

#include <amorsize/units.h>

#include "allocation_private.h"

static const char *get_from_process(void *ctx, const char *name)
{
  (void)ctx;
  return getenv(name);
}

struct amz_environment amz_environment_of_process(void)
{
  return (struct amz_environment){NULL, get_from_process};
}

const char *amz_environment_value(const struct amz_environment *env, const char *name)
{
  const char *value = env->get(env->ctx, name);

  return value && *value ? value : NULL;
}

const char *amz_environment_rank(const struct amz_environment *env)
{
  static const char *const variables[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"};
  const char *rank = NULL;

  for (size_t i = 0; !rank && i < sizeof variables / sizeof *variables; i++)
    rank = amz_environment_value(env, variables[i]);
  return rank;
}

#define SHOWN_MAX 80

void amz_doubt(struct amz_diags *diags, const char *name, const char *value, const char *why)
{
  bool cut = strnlen(value, SHOWN_MAX + 1) > SHOWN_MAX;

  if (!diags)
    return;
  amz_diags_add(diags, AMZ_WARNING, name, 0, 0, "not used: \"%.*s%s\": %s", SHOWN_MAX, value, cut ? "…" : "", why);
}

bool amz_variable_number(const struct amz_environment *env, struct amz_diags *diags, const char *name, uint64_t low,
                         uint64_t high, uint64_t *ret)
{
  const char *value = amz_environment_value(env, name);
  uint64_t number;
  int rc;

  if (!value)
    return false;
  rc = amz_parse_u64(value, &number);
  if (rc == AMZ_OK && number >= low && number <= high) {
    *ret = number;
    return true;
  }
  amz_doubt(diags, name, value, rc == AMZ_EINVAL ? "a whole number is expected" : "the number is out of its range");
  return false;
}

/* Nodes for a plan: kinds, how many of each, how fast. The first kind is the one that was sampled on: others are as fast as they
 * compute beside it. */
#include "kinds.h"

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/allocation.h>
#include <amorsize/measure.h>
#include <amorsize/units.h>

#include "../run/files.h"
#include "../run/profile.h"

#define NODES_MAX 1000000u

void cli_kinds_clear(struct cli_kinds *kinds)
{
  amz_profile_kinds_clear(&kinds->profiles);
  kinds->n = 0;
}

/* ---- this node ---------------------------------------------------------------------------------------------------------- */

/* As many as the batch system has given us; 0: it hasn't. */
static uint32_t nodes_here(void)
{
  struct amz_environment env = amz_environment_of_process();
  struct amz_allocation allocation;
  struct amz_error err = {0};
  struct amz_diags diags;
  struct amz_files files;
  struct amz_disk *disk;
  uint32_t n = 0;

  if (amz_disk_new(&disk) < 0)
    return 0;
  files = amz_disk_files(disk);
  amz_diags_init(&diags);
  if (amz_allocation_read(&env, &files, NULL, &diags, &err, &allocation) == AMZ_OK) {
    n = (uint32_t)allocation.n_nodes;
    amz_allocation_clear(&allocation);
  }
  amz_diags_clear(&diags);
  amz_disk_free(disk);
  return n;
}

static int get_this_node(struct cli_kinds *kinds)
{
  struct amz_environment env = amz_environment_of_process();
  struct amz_look look = {.env = &env};
  struct amz_profile_source source;
  struct amz_error err = {0};
  struct amz_diags diags;
  int rc;

  amz_diags_init(&diags);
  rc = amz_node_profile(&look, &diags, &err, &kinds->profiles.items[0].node, &source);
  cli_show_findings(&diags);
  amz_diags_clear(&diags);
  if (rc < 0)
    return cli_fail(rc, &err);
  kinds->profiles.n = 1;
  kinds->profiles.items[0].count = 1;
  kinds->profiles.items[0].speed = 1;
  kinds->from = source.origin.from;
  return CLI_OK;
}

/* ---- files -------------------------------------------------------------------------------------------------------------- */

static int read_kinds(const char *path, struct amz_profile_kinds *ret)
{
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_error err = {0}, cause;
  int rc = amz_disk_read_file(path, AMZ_PROFILE_BYTES_MAX, &text, &err);

  if (rc == AMZ_OK && (rc = amz_profile_parse_kinds(amz_buf_text(&text), text.len, &cause, ret)) < 0)
    (void)amz_error_set(&err, rc, "%s: %.900s", path, cause.text);
  amz_buf_clear(&text);
  return rc < 0 ? cli_fail(rc, &err) : CLI_OK;
}

/* "FILE:N". \return the length of FILE; *ret_count is 0 where no number is given. */
static size_t split(const char *text, uint64_t *ret_count)
{
  const char *colon = strrchr(text, ':');

  *ret_count = 0;
  if (!colon || colon == text || amz_parse_u64(colon + 1, ret_count) < 0)
    return strlen(text);
  return (size_t)(colon - text);
}

/* Takes the profiles of a file over. */
static int take(const char *command, const char *text, uint64_t count, struct amz_profile_kinds *from, struct cli_kinds *kinds)
{
  if (count && (from->n > 1 || from->items[0].count > 1))
    return cli_usage(command, "%s: --node %s: the file tells of several nodes, and how many there are", command, text);
  if (count > NODES_MAX)
    return cli_usage(command, "%s: --node %s: at most %u nodes", command, text, NODES_MAX);
  if (kinds->profiles.n + from->n > AMZ_PLAN_KINDS_MAX)
    return cli_usage(command, "%s: --node %s: more than %u kinds of nodes", command, text, AMZ_PLAN_KINDS_MAX);
  if (count)
    from->items[0].count = (uint32_t)count;
  for (uint32_t i = 0; i < from->n; i++)
    kinds->profiles.items[kinds->profiles.n++] = from->items[i];
  from->n = 0;
  return CLI_OK;
}

/* *ret_counted: numbers were given with it. */
static int get_file(const char *command, const char *text, struct cli_kinds *kinds, bool *ret_counted)
{
  struct amz_profile_kinds read = {.n = 0};
  uint64_t count;
  char *path = amz_strndup(text, split(text, &count));
  int status = path ? read_kinds(path, &read) : cli_fail(AMZ_ENOMEM, NULL);

  free(path);
  if (status == CLI_OK) {
    *ret_counted = *ret_counted || count || read.n > 1 || read.items[0].count > 1;
    status = take(command, text, count, &read, kinds);
  }
  amz_profile_kinds_clear(&read);
  return status;
}

/* ---- together ----------------------------------------------------------------------------------------------------------- */

static void fill(struct cli_kinds *kinds)
{
  const struct amz_profile_kind *k = kinds->profiles.items;

  for (kinds->n = 0; kinds->n < kinds->profiles.n; kinds->n++)
    kinds->items[kinds->n] = (struct amz_plan_nodes){.node = &k[kinds->n].node, .count = k[kinds->n].count,
                                                     .speed = k[kinds->n].speed * amz_profile_speed(&k[kinds->n].node,
                                                         &k[0].node)};
}

int cli_kinds_get(const char *command, const struct cli_list *files, const struct cli_count *nodes, struct cli_kinds *ret)
{
  bool counted = files->n > 1;
  int status = CLI_OK;

  ret->profiles.n = 0;
  ret->from = AMZ_PROFILE_CACHED;
  if (files->n == 0)
    status = get_this_node(ret);
  for (size_t i = 0; i < files->n && status == CLI_OK; i++)
    status = get_file(command, files->items[i], ret, &counted);
  if (status == CLI_OK && counted && nodes->set)
    status = cli_usage(command, "%s: --nodes: it is told with the profiles already how many nodes there are (--node FILE:N)",
                       command);
  if (status != CLI_OK) {
    cli_kinds_clear(ret);
    return status;
  }
  if (!counted) {
    uint32_t n = nodes->set ? (uint32_t)nodes->n : nodes_here();

    counted = n > 0;
    ret->profiles.items[0].count = counted ? n : 1;
  }
  ret->counted = counted;
  fill(ret);
  return CLI_OK;
}

/* Reading GPUs, near ones first; as many slots as there are GPUs for. */
#include "devices.h"

#include <stdio.h>
#include <stdlib.h>

#include <amorsize/alloc.h>
#include <amorsize/node.h>

#include "files.h"

/* A malformed variable is passed over for the next best; what is missing then is told by amz_devices_fit. */
int amz_devices_read(struct amz_gpus *ret, struct amz_error *err)
{
  struct amz_environment env = amz_environment_of_process();
  struct amz_diags diags;
  struct amz_gpus gpus;
  struct amz_disk *disk;
  struct amz_files files;
  int rc = amz_disk_new(&disk);

  if (rc < 0)
    return amz_error_set(err, rc, "out of memory");
  files = amz_disk_files(disk);
  amz_diags_init(&diags);
  rc = amz_gpus_read(&env, &files, &diags, &gpus);
  if (rc == AMZ_OK && (rc = amz_gpus_locate(&gpus, &env, "")) < 0)
    amz_gpus_clear(&gpus);
  amz_diags_clear(&diags);
  amz_disk_free(disk);
  if (rc < 0)
    return amz_error_set(err, rc, "out of memory");
  *ret = gpus;
  return AMZ_OK;
}

int amz_devices_fit(struct amz_layout *layout, uint32_t per_slot, uint32_t most, uint32_t gpus, const char *where,
                    const struct amz_run_observer *observer, struct amz_error *err)
{
  char text[512];

  if (per_slot == 0 || layout->slots <= most)
    return AMZ_OK;
  if (most == 0)
    return amz_error_set(err, AMZ_EENV, "each task needs %u GPU%s (resources.gpus), but %s %s %u for its slots: ask the batch "
                         "system for more, or set CUDA_VISIBLE_DEVICES", per_slot, per_slot == 1 ? "" : "s", where,
                         gpus ? "there are only" : "there are", gpus);
  (void)snprintf(text, sizeof text, "%u slot%s instead of %u %s: each task needs %u of %u GPU%s", most, most == 1 ? "" : "s",
                 layout->slots, where, per_slot, gpus, gpus == 1 ? "" : "s");
  layout->slots = most;
  if (observer && observer->note)
    observer->note(observer->ctx, AMZ_WARNING, text);
  return AMZ_OK;
}

/* ---- which slot has which -------------------------------------------------------------------------------------------------- */

/* By the same rule as amz_cores_of_slot: slots that aren't bound to cores of their own are near to nothing. */
static uint32_t domain_of_slot(const struct amz_member *m, const struct amz_order_of_work *o, uint32_t slot)
{
  uint64_t core = o->core_first + (uint64_t)slot * o->threads;

  if ((uint64_t)o->slots * o->threads > o->core_count || core >= m->n_domains)
    return AMZ_NO_DOMAIN;
  return m->core_domains[core];
}

static bool share(const struct amz_member *a, const struct amz_member *b)
{
  return a == b || amz_members_share_gpus(a, b);
}

/* One group of members that see the same GPUs: `first` is the first of them. Their slots choose together. */
static int share_in_group(const struct amz_team *team, struct amz_order_of_work *orders, uint32_t per_slot, uint32_t first,
                          uint32_t *slot_domain,
                          uint32_t *chosen)
{
  const struct amz_member *leader = &team->members[first];
  struct amz_gpu_places places = {.gpu_domain = leader->gpu_domains, .n_gpus = leader->gpus, .slot_domain = slot_domain,
                                  .per_slot = per_slot};
  int rc;

  for (uint32_t i = first; i < team->count; i++)
    for (uint32_t slot = 0; share(leader, &team->members[i]) && slot < orders[i].slots; slot++)
      slot_domain[places.slots++] = domain_of_slot(&team->members[i], &orders[i], slot);
  rc = amz_gpus_of_slots(&places, chosen);
  for (uint32_t i = first; rc == AMZ_OK && i < team->count; i++)
    if (share(leader, &team->members[i])) {
      orders[i].slot_gpus = chosen;
      orders[i].n_slot_gpus = orders[i].slots * per_slot;
      chosen += orders[i].n_slot_gpus;
    }
  return rc;
}

int amz_devices_share(const struct amz_team *team, struct amz_order_of_work *orders, uint32_t per_slot, uint32_t **ret)
{
  uint64_t slots = 0, given = 0;
  uint32_t *slot_domain, *chosen;
  int rc = AMZ_OK;

  for (uint32_t i = 0; i < team->count; i++)
    slots += orders[i].slots;
  slot_domain = amz_new_array((size_t)slots, sizeof *slot_domain);
  chosen = amz_new_array((size_t)(slots * per_slot), sizeof *chosen);
  if (!slot_domain || !chosen)
    rc = AMZ_ENOMEM;
  for (uint32_t i = 0; per_slot && rc == AMZ_OK && i < team->count; i++) {
    if (orders[i].slot_gpus)
      continue;
    rc = share_in_group(team, orders, per_slot, i, slot_domain, chosen + given);
    for (uint32_t k = i; rc == AMZ_OK && k < team->count; k++)
      given += share(&team->members[i], &team->members[k]) ? orders[k].n_slot_gpus : 0;
  }
  free(slot_domain);
  if (rc < 0)
    free(chosen);
  else
    *ret = chosen;
  return rc;
}

int amz_devices_share_alone(const struct amz_cores *cores, const struct amz_gpus *gpus, const struct amz_layout *layout,
                            uint32_t per_slot, uint32_t **ret)
{
  struct amz_member self;
  struct amz_team team = {&self, 1};
  struct amz_order_of_work order = {.slots = layout->slots, .threads = layout->threads, .core_count = cores->count};
  int rc = amz_member_describe("", cores, gpus, &self);

  if (rc == AMZ_OK)
    rc = amz_devices_share(&team, &order, per_slot, ret);
  amz_member_clear(&self);
  return rc;
}

/* Reading GPUs, near ones first; as many slots as there are GPUs for. */
#include "devices.h"

#include <stdio.h>

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
  if (rc == AMZ_OK && (rc = amz_gpus_sort(&gpus, &env, "")) < 0)
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

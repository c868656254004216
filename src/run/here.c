/* Reading the allocation and the cores for real. */
#include "here.h"

#include <amorsize/memory.h>

#include "files.h"

int amz_allocation_here(const char *hostfile, struct amz_diags *diags, struct amz_error *err, struct amz_allocation *ret)
{
  struct amz_environment env = amz_environment_of_process();
  struct amz_disk *disk;
  struct amz_files files;
  int rc = amz_disk_new(&disk);

  if (rc < 0)
    return amz_error_set(err, rc, "out of memory");
  files = amz_disk_files(disk);
  rc = amz_allocation_read(&env, &files, hostfile, diags, err, ret);
  amz_disk_free(disk);
  if (rc == AMZ_EINVAL)
    return amz_error_set(err, rc, "%s can't be used", hostfile);
  return rc == AMZ_ENOMEM ? amz_error_set(err, rc, "out of memory") : rc;
}

int amz_cores_here(struct amz_buf *ret_source, struct amz_error *err, struct amz_cores *ret)
{
  struct amz_environment env = amz_environment_of_process();
  struct amz_cores cores;
  int rc = amz_cores_allowed(err, &cores);

  if (rc < 0)
    return rc;
  if ((rc = amz_cores_limit(&cores, &env, "", ret_source)) < 0) {
    amz_cores_clear(&cores);
    return amz_error_set(err, rc, "out of memory");
  }
  *ret = cores;
  return AMZ_OK;
}

int amz_memory_here(struct amz_buf *ret_source, struct amz_error *err, uint64_t *ret_bytes)
{
  struct amz_environment env = amz_environment_of_process();

  return amz_memory_limit(&env, "", ret_bytes, ret_source) < 0 ? amz_error_set(err, AMZ_ENOMEM, "out of memory") : AMZ_OK;
}

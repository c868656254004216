/* Loading a plug-in: what may be wrong with it is told in words that say what to do. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "host.h"

#define LEAST_SIZE (offsetof(struct amz_plugin_v1, close) + sizeof(void (*)(void *)))

size_t amz_plugin_result_size(const struct amz_plugin_v1 *plugin)
{
  if (plugin->result_type == AMZ_PLUGIN_NONE)
    return 0;
  return plugin->result_bytes ? plugin->result_bytes : 8;
}

/* \return what is wrong with the table, NULL: nothing. */
static const char *fault_of(const struct amz_plugin_v1 *p)
{
  if (p->abi != AMZ_PLUGIN_ABI)
    return "it was built for another version of plugin.h: build it again with ours";
  if (p->size < LEAST_SIZE || !p->run)
    return "its table is incomplete: .size must be sizeof amz_plugin_v1, .run must be set";
  if (p->result_type > AMZ_PLUGIN_U64)
    return "its result_type is none that we know";
  if (p->result_bytes > AMZ_PLUGIN_RESULT_MAX || (p->result_type == AMZ_PLUGIN_BYTES && p->result_bytes == 0))
    return "a result has 1 to 65536 bytes (result_bytes)";
  if (p->result_type > AMZ_PLUGIN_BYTES && p->result_bytes % 8 != 0)
    return "numbers have 8 bytes each: its result_bytes are no multiple";
  if (p->result_type == AMZ_PLUGIN_NONE && p->result_bytes != 0)
    return "it has result_bytes, but its result_type is NONE";
  return NULL;
}

const struct amz_plugin_v1 *amz_host_load(const char *path, struct amz_error *err)
{
  struct amz_buf seen = AMZ_BUF_INIT; /* without a slash dlopen would look through the system's libraries */
  const struct amz_plugin_v1 *plugin = NULL;
  const char *why;
  void *object;

  amz_buf_addf(&seen, "%s%s", strchr(path, '/') ? "" : "./", path);
  object = amz_buf_ok(&seen) == AMZ_OK ? dlopen(seen.data, RTLD_NOW | RTLD_LOCAL) : NULL;
  amz_buf_clear(&seen);
  if (!object) {
    why = dlerror();
    (void)amz_error_set(err, AMZ_EENV, "cannot load the plug-in %s: %s", path, why ? why : "out of memory");
    return NULL;
  }
  plugin = dlsym(object, "amz_plugin_v1");
  why = plugin ? fault_of(plugin) : "it has no symbol amz_plugin_v1: see amorsize/plugin.h";
  if (!why)
    return plugin;
  (void)amz_error_set(err, AMZ_EENV, "cannot use the plug-in %s: %s", path, why);
  (void)dlclose(object);
  return NULL;
}

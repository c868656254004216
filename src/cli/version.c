/* --version: our version, and those of the libraries that run with us. */
#include <hwloc.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>
#include <zlib.h>

#include "../mpi/version.h"
#include "cli.h"
#include "config.h"

struct version_args {
  unsigned format;
};

static const struct cli_option options[] = {CLI_ROW_FORMAT(struct version_args), {0}};

/* The library tells only the version of its interface; that of the headers stands for both as long as they agree. */
static void hwloc_version(char *out, size_t n)
{
  unsigned runs = hwloc_get_api_version();

  if (runs == HWLOC_API_VERSION)
    (void)snprintf(out, n, "%s", HWLOC_VERSION);
  else
    (void)snprintf(out, n, "%s (interface of the library: %u.%u.%u)", HWLOC_VERSION, runs >> 16, runs >> 8 & 0xffu, runs & 0xffu);
}

static const char *jansson_version(void)
{
#if JANSSON_VERSION_HEX >= 0x020d00
  return jansson_version_str();
#else
  return JANSSON_VERSION;
#endif
}

static int run(struct cli *cli, const struct cli_parsed *parsed, const void *args)
{
  const struct version_args *a = args;
  char hwloc[96];
  const struct {
    const char *name, *version;
  } rows[] = {{PACKAGE_NAME, PACKAGE_VERSION},
              {"MPI", amz_mpi_version()},
              {"hwloc", hwloc},
              {"libyaml", yaml_get_version_string()},
              {"SQLite", sqlite3_libversion()},
              {"jansson", jansson_version()},
              {"zlib", zlibVersion()}};
  json_t *object = a->format == CLI_FORMAT_JSON ? json_object() : NULL;
  char line[160];

  (void)parsed;
  hwloc_version(hwloc, sizeof hwloc);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (a->format == CLI_FORMAT_JSON) {
      if (json_object_set_new(object, rows[i].name, json_string(rows[i].version)) < 0) {
        json_decref(object);
        return cli_fail(AMZ_ENOMEM, NULL);
      }
    } else {
      (void)snprintf(line, sizeof line, i ? "%-8s %s\n" : "%s %s\n", rows[i].name, rows[i].version);
      (void)cli_write(cli, line, strlen(line));
    }
  if (a->format == CLI_FORMAT_JSON && cli_write_json(cli, object) < 0)
    return cli_fail(AMZ_ENOMEM, NULL);
  return CLI_OK;
}

const struct cli_command cli_version = {
  .name = "version", .operands = "",
  .summary = "Prints the versions of this program and of the libraries it uses",
  .example = "amorsize-mpi --version",
  .options = options, .args_bytes = sizeof(struct version_args), .run = run,
};

/* The topology of a tree of /proc and /sys, or of an XML file that somebody gave us.
 *
 * hwloc takes a tree's root by environment variables only, prints what it thinks of contradictions, and stops the process when
 * /sys says nonsense, or crashes at XML that lacks what it counts on. All of that happens in a process of its own, which hands
 * the topology over as XML of hwloc's. What it dies of in a tree is told as far as we see it ourselves, and the units are counted
 * instead. */
#define _GNU_SOURCE
#include "topology.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cpulist.h"

#define SECONDS_MAX 10u
#define XML_MAX ((size_t)256 << 20)

/* ---- the child -------------------------------------------------------------------------------------------------------- */

static bool write_all(int fd, const char *bytes, size_t n)
{
  while (n > 0) {
    ssize_t put = write(fd, bytes, n);

    if (put < 0 && errno != EINTR)
      return false;
    bytes += put > 0 ? put : 0;
    n -= put > 0 ? (size_t)put : 0;
  }
  return true;
}

/* Dying is silent, leaves no core file, and happens in bounded time. */
static bool go_quiet(void)
{
  struct rlimit none = {0, 0};
  int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  sigset_t empty;

  if (null < 0 || dup2(null, STDERR_FILENO) < 0 || setrlimit(RLIMIT_CORE, &none) < 0 || sigemptyset(&empty) < 0 ||
      signal(SIGALRM, SIG_DFL) == SIG_ERR || sigprocmask(SIG_SETMASK, &empty, NULL) < 0)
    return false;
  (void)alarm(SECONDS_MAX);
  return true;
}

static bool tell_loaded(hwloc_topology_t t, int fd)
{
  char *xml;
  int n;

  return hwloc_topology_set_io_types_filter(t, HWLOC_TYPE_FILTER_KEEP_IMPORTANT) == 0 && hwloc_topology_load(t) == 0 &&
         hwloc_topology_export_xmlbuffer(t, &xml, &n, 0) == 0 && n > 0 && write_all(fd, xml, (size_t)n);
}

/* What the child does. \return whether all is told. */
typedef bool teller(const char *what, int fd);

static bool tell_tree(const char *root, int fd)
{
  hwloc_topology_t t;

  return go_quiet() && setenv("HWLOC_FSROOT", root, 1) == 0 && setenv("HWLOC_COMPONENTS", "linux,stop", 1) == 0 &&
         hwloc_topology_init(&t) == 0 && tell_loaded(t, fd);
}

static bool tell_file(const char *path, int fd)
{
  hwloc_topology_t t;

  return go_quiet() && hwloc_topology_init(&t) == 0 && hwloc_topology_set_xml(t, path) == 0 && tell_loaded(t, fd);
}

/* ---- the parent ------------------------------------------------------------------------------------------------------- */

static int read_all(int fd, struct amz_buf *ret)
{
  ssize_t got = 1;

  while (got > 0 && ret->len < XML_MAX) {
    size_t at = ret->len;
    char *space = amz_buf_add_space(ret, (size_t)1 << 16);

    if (!space)
      return AMZ_ENOMEM;
    while ((got = read(fd, space, (size_t)1 << 16)) < 0 && errno == EINTR)
      continue;
    ret->len = at + (got > 0 ? (size_t)got : 0);
  }
  return AMZ_OK;
}

/* \return whether it ended well; one that somebody else has waited for is judged by what it said. */
static bool ended_well(pid_t child)
{
  int status = 0;
  pid_t got;

  while ((got = waitpid(child, &status, 0)) < 0 && errno == EINTR)
    continue;
  return got < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* \return AMZ_OK with the XML; AMZ_EENV: nothing came of it; AMZ_ENOMEM. */
static int ask_child(teller *tell, const char *what, struct amz_buf *ret)
{
  int ends[2], rc;
  pid_t child;

  if (pipe2(ends, O_CLOEXEC) < 0)
    return AMZ_EENV;
  child = fork();
  if (child == 0)
    _exit(tell(what, ends[1]) ? 0 : 1);
  (void)close(ends[1]);
  rc = child < 0 ? AMZ_EENV : read_all(ends[0], ret);
  (void)close(ends[0]); /* a child that isn't done writing gets SIGPIPE, or an error */
  if (child > 0 && !ended_well(child) && rc == AMZ_OK)
    rc = AMZ_EENV;
  return rc == AMZ_OK && ret->len == 0 ? AMZ_EENV : rc;
}

/* ---- when hwloc can't ------------------------------------------------------------------------------------------------- */

/* The first three tell processors, best first. */
static const char *const lists[] = {"/sys/devices/system/cpu/online", "/sys/devices/system/cpu/present",
                                    "/sys/devices/system/cpu/possible",
                                    "/sys/devices/system/node/online", "/sys/devices/system/node/possible"};
enum { N_CPU_LISTS = 3 };

/* Tells which of the lists are malformed. With such a one hwloc stops, or finds a single unit; it isn't asked then.
 * \return whether all are sound, or not there. */
static bool lists_are_sound(const struct amz_tree *tree)
{
  char line[4096];
  bool sound = true;

  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
    if (amz_tree_line(tree, lists[i], line, sizeof line) && amz_cpulist_parse(line, NULL) == AMZ_EINVAL) {
      sound = false;
      amz_tree_doubt(tree, lists[i], line, "a list of numbers like 0-3,8 is expected");
    }
  return sound;
}

/* \return how many units there are; 0: nobody tells. */
static int count_units(const struct amz_tree *tree)
{
  hwloc_bitmap_t set = hwloc_bitmap_alloc();
  char line[4096];
  int n = 0;

  for (size_t i = 0; set && n <= 0 && i < N_CPU_LISTS; i++) {
    hwloc_bitmap_zero(set);
    if (amz_tree_line(tree, lists[i], line, sizeof line) && amz_cpulist_parse(line, set) == AMZ_OK)
      n = hwloc_bitmap_weight(set);
  }
  hwloc_bitmap_free(set);
  return n;
}

static int count_instead(hwloc_topology_t handle, const struct amz_tree *tree, struct amz_error *err)
{
  char synthetic[32], units[32];
  int n = count_units(tree);

  if (n <= 0)
    return amz_error_set(err, AMZ_EENV,
                         "no topology can be read from below %.400s, and %s doesn't tell the processors either",
                         tree->root, lists[0]);
  (void)snprintf(units, sizeof units, "%d units", n);
  amz_tree_doubt(tree, "/sys/devices/system", units, "cores and domains can't be told from this, units are counted as cores");
  (void)snprintf(synthetic, sizeof synthetic, "pu:%d", n);
  if (hwloc_topology_set_synthetic(handle, synthetic) < 0 || hwloc_topology_load(handle) < 0)
    return amz_error_set(err, AMZ_EENV, "hwloc can't describe %d processing units", n);
  return AMZ_OK;
}

/* \return AMZ_OK; AMZ_EENV: nothing came of it; AMZ_ENOMEM. */
static int load_told(hwloc_topology_t handle, teller *tell, const char *what)
{
  struct amz_buf xml = AMZ_BUF_INIT;
  int rc = ask_child(tell, what, &xml);

  if (rc == AMZ_OK && (xml.len > INT_MAX || hwloc_topology_set_xmlbuffer(handle, xml.data, (int)xml.len) < 0 ||
                       hwloc_topology_load(handle) < 0))
    rc = AMZ_EENV;
  amz_buf_clear(&xml);
  return rc;
}

int amz_topology_load_tree(hwloc_topology_t handle, const struct amz_tree *tree, struct amz_error *err)
{
  int rc = lists_are_sound(tree) ? load_told(handle, tell_tree, tree->root) : AMZ_EENV;

  return rc == AMZ_EENV ? count_instead(handle, tree, err) : rc == AMZ_OK ? rc : amz_error_set(err, rc, "out of memory");
}

int amz_topology_load_file(hwloc_topology_t handle, const char *path)
{
  return load_told(handle, tell_file, path);
}

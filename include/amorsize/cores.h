/* The node that we are on: which cores we may use, and how many of them at once. (What they can do is measured elsewhere.) */
#ifndef AMORSIZE_CORES_H
#define AMORSIZE_CORES_H

#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/environment.h>
#include <amorsize/error.h>

/* Physical cores allowed to this process, by their lowest units, each with the operating system's numbers of its allowed
 * processing units. Processing units that belong to no core object (some machines report none) count as a core each. */
struct amz_cores {
  uint32_t count;
  uint32_t most;    /* how many may be busy at once: all, or fewer where a quota of CPU time or the batch system says so. Which of
                     * them is then left open, and slots are bound to all of them */
  uint32_t *cpus;   /* all cores' units, one core's after the other's */
  uint32_t *starts; /* count + 1 positions in cpus: core c has cpus[starts[c]] .. cpus[starts[c + 1] - 1] */
};

/* By the kernel's lists and this process's affinity mask (cgroup cpusets are in it); by hwloc, which takes longer, where these
 * don't tell or one of its variables (HWLOC_SYNTHETIC, HWLOC_XMLFILE …) is set.
 * \return AMZ_OK; AMZ_EENV: the topology can't be read or nothing is allowed; AMZ_ENOMEM. Release with amz_cores_clear. */
int amz_cores_allowed(struct amz_error *err, struct amz_cores *ret);
void amz_cores_clear(struct amz_cores *cores);

/* Lowers `most` to what quotas of our control groups (whole cores, at least one) and Slurm allow; hwloc and the affinity mask
 * don't know of them. `root`: where /proc and /sys are looked for, "" for the machine itself. Takes well below a millisecond.
 * Who says it is appended to *ret_source (may be NULL; nothing when nobody does); values that are malformed are passed over.
 * \return AMZ_OK; AMZ_ENOMEM. */
int amz_cores_limit(struct amz_cores *cores, const struct amz_environment *env, const char *root, struct amz_buf *ret_source);

/* Keeps cores [first, first + count) alone: a rank's share of a node. Out of range: as far as there are any. Where fewer may be
 * busy than there are, all stay and `count` of them may be busy: who has which is open. */
void amz_cores_keep(struct amz_cores *cores, uint32_t first, uint32_t count);

/* The units that slot `slot` of `slots` binds to when each takes `threads` cores: its own cores when they suffice for all slots,
 * else (more slots than cores, or fewer cores may be busy than there are) all units, unbound among themselves.
 * *ret_cpus points into `cores`. */
void amz_cores_of_slot(const struct amz_cores *cores, uint32_t slot, uint32_t slots, uint32_t threads, const uint32_t **ret_cpus,
                       size_t *ret_n);

#endif

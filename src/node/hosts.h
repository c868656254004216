/* A list of host names in the order in which they came, each once. */
#ifndef AMZ_NODE_HOSTS_H
#define AMZ_NODE_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>

struct amz_host {
  size_t name;        /* where it begins in names */
  uint64_t slots;     /* summed over its mentions by who mentions it */
  uint32_t max_slots;
  uint32_t mentions;  /* how often it came */
  bool counted;       /* some mention came with a number of slots */
};

struct amz_hosts {
  struct amz_buf names; /* NUL-terminated, one after the other */
  struct amz_host *items;
  size_t count, cap;
  uint32_t *buckets;    /* open addressing: position + 1, 0 is empty; a power of two, at most half full */
  size_t n_buckets;
};

#define AMZ_HOSTS_INIT {AMZ_BUF_INIT, NULL, 0, 0, NULL, 0}

void amz_hosts_clear(struct amz_hosts *h);
/* Forgets all hosts, keeps the memory. */
void amz_hosts_reset(struct amz_hosts *h);
/* Mentions a host: appends it when it is new.
 * \return AMZ_OK with its position; AMZ_EINVAL: no host name; AMZ_ERANGE: more than AMZ_NODES_MAX hosts; AMZ_ENOMEM. */
int amz_hosts_add(struct amz_hosts *h, const char *name, size_t n, size_t *ret_at);

/* Slurm's host list: names separated by commas, each with any number (up to 8) of brackets that hold numbers and ranges;
 * leading zeros keep their width. "n[1-3,07],login,rack[0-1]node[01-16]". With several brackets the last runs fastest, then
 * the first, the second …: Slurm's order, to which its lists of counts refer.
 * \return AMZ_OK; AMZ_EINVAL, AMZ_ERANGE (too many hosts, too large numbers) with *err, and h is then empty; AMZ_ENOMEM. */
int amz_hostlist_expand(const char *text, struct amz_hosts *h, struct amz_error *err);

/* Slurm's counts: "2(x3),1" is 2 2 2 1. Exactly n of them are expected, each from 1 to AMZ_NODE_SLOTS_MAX.
 * \return AMZ_OK; AMZ_EINVAL, AMZ_ERANGE with *err (ret[] is then spoilt). */
int amz_counts_expand(const char *text, uint32_t *ret, size_t n, struct amz_error *err);

#endif

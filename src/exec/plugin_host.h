/* The rank's side of plug-in hosts: their memory, orders to their lanes, what the lanes tell. Room-private (and run's executor).
 *
 * Who starts the process, and what is done when it dies, is the executor's business (src/run/executor_plugin.c). Nothing
 * blocks. */
#ifndef AMZ_EXEC_PLUGIN_HOST_H
#define AMZ_EXEC_PLUGIN_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>
#include <amorsize/reduce.h>

#include "plugin_shared.h"

/* ---- what all hosts of a rank share ----------------------------------------------------------------------------------- */

struct amz_host_common;

/* `recording` is copied: hosts compute values from it. \return AMZ_OK; AMZ_EIO with *err. Release with amz_host_common_free
 * (accepts NULL). */
int amz_host_common_new(const void *recording, size_t n_recording, struct amz_error *err, struct amz_host_common **ret);
void amz_host_common_free(struct amz_host_common *c);
/* \return a descriptor that is readable when a lane has woken us. */
int amz_host_common_fd(const struct amz_host_common *c);
/* Before the rank sleeps, then look at the lanes once more; and after it. */
void amz_host_common_sleep(struct amz_host_common *c);
void amz_host_common_wake(struct amz_host_common *c);

/* ---- a host ----------------------------------------------------------------------------------------------------------- */

struct amz_host_config {
  const char *path, *args, *log; /* args NULL: "" */
  uint32_t rank, first_slot, lanes, threads;
  bool gpus_apart;               /* each slot needs a process of its own */
  uint64_t tasks;
  enum amz_reduce reduce;
  const char *results;           /* path of the results' file; NULL: none is kept */
  bool results_asked;
  const char *job, *run;         /* for its header */
  const uint32_t *const *cpus;   /* per lane, n_cpus[lane] of them */
  const size_t *n_cpus;
};

/* The memory of one host; a process that is started anew gets a new one. */
struct amz_host_link;

int amz_host_link_new(const struct amz_host_config *config, const struct amz_host_common *common, struct amz_error *err,
                      struct amz_host_link **ret);
void amz_host_link_free(struct amz_host_link *h);
/* Appends the words (each with its NUL) that start the process. \return AMZ_OK; AMZ_EENV with *err: the program isn't there;
 * AMZ_ENOMEM. */
int amz_host_link_words(const struct amz_host_link *h, struct amz_error *err, struct amz_buf *ret);

enum amz_host_state amz_host_link_state(const struct amz_host_link *h);
/* What the host says of itself, once it serves or refuses: read only. */
const struct amz_host_shared *amz_host_link_shared(const struct amz_host_link *h);

/* \return whether there is something to be heard of a lane; with `state`, or the host has said that it serves or refuses. */
bool amz_host_link_has_news(const struct amz_host_link *h, bool state);
/* Room for the next order, to be filled in (number is set) and sent. There is room for two beside what was withdrawn. */
struct amz_order_to_run *amz_host_link_order(struct amz_host_link *h, uint32_t lane);
void amz_host_link_send(struct amz_host_link *h, uint32_t lane);
/* \return the lane's next telling, valid until the next call; NULL: none now. */
const struct amz_telling *amz_host_link_next(struct amz_host_link *h, uint32_t lane);
/* The partials beside a telling, valid as long; partials_bytes of them, which is checked to be within bounds. \return NULL: none,
 * or damaged. */
const void *amz_host_link_partials(const struct amz_host_link *h, uint32_t lane, const struct amz_telling *telling);
/* Orders up to this number are to end with the task that runs. */
void amz_host_link_yield(struct amz_host_link *h, uint32_t lane, uint64_t number);
/* Takes the lane's last order back. \return false: it has been begun, or too many of them were; it is told of as any other. */
bool amz_host_link_withdraw(struct amz_host_link *h, uint32_t lane, uint64_t number);
/* Which order's task runs (0: none), and which of its tasks. */
uint64_t amz_host_link_running(const struct amz_host_link *h, uint32_t lane, uint64_t *ret_at);
/* \return whether the lane's own task ended the process, as far as that is known. */
bool amz_host_link_guilty(const struct amz_host_link *h, uint32_t lane);
/* Lets all lanes end when they have done what was ordered. */
void amz_host_link_close(struct amz_host_link *h);

#endif

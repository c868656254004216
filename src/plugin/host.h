/* The plug-in host: the process in which plug-in tasks run. What its files share.
 *
 * A rank has its helper start it (src/exec/plugin_host.h), with shared memory between the two (src/exec/plugin_shared.h). The
 * main thread loads the plug-in, starts a thread per lane that it serves (all when the plug-in is thread-safe, else the first),
 * and waits for them. A lane's thread opens the plug-in, takes orders, runs their tasks and tells what came of them. No MPI, and
 * nothing that a crash of the plug-in could damage for others: that is what it is for. */
#ifndef AMZ_PLUGIN_HOST_H
#define AMZ_PLUGIN_HOST_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/job.h>
#include <amorsize/plugin.h>
#include <amorsize/results.h>

#include "../exec/plugin_shared.h"

/* The job, made from its recording when a value is asked for the first time. */
struct amz_host_values {
  pthread_mutex_t lock;
  const void *recording;
  size_t n_recording;
  bool tried;
  struct amz_job *job; /* NULL: couldn't be made */
};

struct amz_host {
  struct amz_host_shared *shared;
  struct amz_common_shared *common;
  int wake_fd;
  const struct amz_plugin_v1 *plugin;
  size_t result_bytes;
  struct amz_results *results; /* the file of all results; NULL: they aren't kept */
  struct amz_reduce_kind reduce; /* op NONE: nothing is reduced */
  struct amz_host_values values;
};

/* A lane's thread. */
struct amz_slot_thread {
  struct amz_host *host;
  struct amz_lane *lane;
  uint32_t number;     /* of the slot in its rank */
  pthread_t thread;
  void *state;         /* the plug-in's */
  struct amz_plugin_task task;
  struct amz_buf *texts; /* a value per name, of task text_index */
  uint64_t text_index;
  size_t n_texts;
  unsigned char *results; /* room of results_most of them */
  size_t results_most;
  struct amz_reducer *reducer; /* of what wasn't told yet, from index reduced_to on; NULL: nothing is reduced */
  uint64_t reduced_to;
  struct amz_buf partials;     /* what wasn't told yet, of indexes that don't adjoin what the reducer has */
  double mean_ns;      /* of a task, lately; 0: not known */
  bool forked;         /* this isn't the host, but a child of it */
  char error[AMZ_TELLING_TEXT];
};

/* load.c: \return the plug-in, fit to be used; NULL with *err. It stays loaded. */
const struct amz_plugin_v1 *amz_host_load(const char *path, struct amz_error *err);
size_t amz_plugin_result_size(const struct amz_plugin_v1 *plugin);

/* slot.c: a thread's main function; its argument is a struct amz_slot_thread. */
void *amz_slot_main(void *arg);
/* Waits for room, writes the telling, wakes the rank if it sleeps. */
void amz_slot_tell(struct amz_slot_thread *s, const struct amz_telling *telling);
/* The plug-in doesn't want to begin, or we can't: the rank is told, the thread ends. */
void amz_host_refuse(struct amz_host *h, const char *text);
void amz_host_wake_rank(struct amz_host *h);

/* keep.c: what becomes of results. \return whether all can be as it was asked for; false: the rank has been told. */
bool amz_host_keep(struct amz_host *h);
bool amz_slot_keep_begin(struct amz_slot_thread *s);
void amz_slot_keep_end(struct amz_slot_thread *s);
/* Writes results. \return 0; errno. */
int amz_slot_write(struct amz_slot_thread *s, uint64_t first, uint64_t count, const void *results);
/* Takes the results of as many tasks into the reduction as a telling has room for. \return how many; 0: tell first. */
uint64_t amz_slot_reduce(struct amz_slot_thread *s, uint64_t first, uint64_t count, const void *results);
/* Gathers the partials of all that was taken in s->partials. */
void amz_slot_gather(struct amz_slot_thread *s);

/* work.c: runs an order to its end. */
void amz_slot_work(struct amz_slot_thread *s, const struct amz_order_to_run *order);

/* values.c: what amz_plugin_task.value is. */
const char *amz_slot_value(const struct amz_plugin_task *task, const char *name);
void amz_slot_clear_values(struct amz_slot_thread *s);

/* guilt.c: whoever ends the process from a lane's thread, by a signal or exit(), marks the lane. */
bool amz_guilt_watch(void);
/* To be called in the lane's thread; `stack` (amz_guilt_stack_bytes) is what its signals are handled on. */
bool amz_guilt_begin(struct amz_slot_thread *s, void *stack);
size_t amz_guilt_stack_bytes(void);
void amz_guilt_end(void);
/* Ends the process when it is one that the slot's task has forked. Before anything is told or written. */
void amz_guilt_leave_fork(const struct amz_slot_thread *s);

#endif

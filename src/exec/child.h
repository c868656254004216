/* One slot of the helper: the task that runs on it, its pipes, and what it has printed so far. Room-private.
 *
 * Output is held back until AMZ_TASK_HOLD bytes of a stream are there, and then goes to the sink; what is left at the end
 * goes with the end record in one write. A sink that fails stops getting output of this task, but the pipes are drained
 * on, so that the task can end. */
#ifndef AMZ_EXEC_CHILD_H
#define AMZ_EXEC_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <amorsize/buf.h>
#include <amorsize/exec.h>
#include <amorsize/pack.h>

#include "helper.h"

#define AMZ_TASK_HOLD AMZ_PACK_DATA_MAX

struct amz_child {
  pid_t pid; /* 0: the slot is idle */
  uint64_t index, tag;
  uint32_t attempt, slot;
  uint64_t ok_exit[4];
  enum amz_outcome as; /* 0: judged by its exit status */
  int64_t start_ns, began_ns; /* CLOCK_REALTIME, CLOCK_MONOTONIC */
  bool cpus_differ;
  bool service;        /* nothing of it is kept */
  bool watched;        /* its pipes are known to epoll */
  int fds[2];          /* read ends, -1 when closed */
  int input;           /* of a stream's program: the write end of its standard input, else -1 */
  struct amz_coprocess *co; /* the slot is a stream's; owned by streams.c */
  struct amz_buf held[2];
  uint64_t bytes[2];   /* that it has printed */
  uint64_t link;       /* of the sink's chain */
  int sink_errno;
  struct amz_child *before, *after; /* among those whose pipes are not watched yet, in order of start; or of those that wait */
  struct amz_buf wish; /* the bytes of a START that waits for a descriptor or process to become free; empty: none */
};

/* In order of arrival. A task is in one list at most. */
struct amz_child_list {
  struct amz_child *first, *last;
};

/* How a process ended, before it is judged. */
struct amz_child_status {
  int wait_status;
  int start_errno; /* it never ran; exit_code says how the shell would put it */
  int exit_code;
  const struct rusage *usage;
  uint64_t input_bytes; /* 0: not counted */
  int64_t waited_ns;    /* likewise */
};

/* Where output goes: the sink, or nowhere. `scratch` is room for AMZ_TASK_HOLD bytes, shared by all tasks. */
struct amz_child_output {
  const struct amz_exec_sink *sink; /* NULL: no records at all */
  bool discard;
  int epoll;     /* which watches the pipes of those tasks that say so */
  char *scratch;
};

void amz_child_list_add(struct amz_child_list *l, struct amz_child *t);
void amz_child_list_remove(struct amz_child_list *l, struct amz_child *t);
void amz_child_init(struct amz_child *t, uint32_t slot);
void amz_child_clear(struct amz_child *t);
/* Takes over who it is from the command; clears what the slot's last task left. */
void amz_child_begin(struct amz_child *t, const struct amz_exec_command *command);
/* Counts and keeps bytes of a stream (0 stdout, 1 stderr), no more than what its frame still holds; hands full frames to
 * the sink. */
void amz_child_keep(struct amz_child *t, int stream, const char *bytes, size_t n, const struct amz_child_output *to);
/* Reads once from a stream that epoll says is readable; closes it at its end. */
void amz_child_read(struct amz_child *t, int stream, const struct amz_child_output *to);
/* Writes the record of an end, with what was kept of the output, and forgets that. Fills in pack_seq, pack_offset, output_bytes
 * and sink_errno. */
void amz_child_record(struct amz_child *t, const struct amz_child_output *to, struct amz_exec_end *end);
/* Closes a stream that epoll may watch. */
void amz_child_close(struct amz_child *t, int stream, const struct amz_child_output *to);
/* Judges the end, writes its record, makes the slot idle. */
void amz_child_finish(struct amz_child *t, const struct amz_child_status *status, const struct amz_child_output *to,
                     struct amz_exec_end *ret);

/* Has what a process that has ended left in its process group killed. Before it is reaped: until then nobody else can have got
 * the group's number. */
void amz_child_kill_group(const struct amz_child *t);

/* \return what a process that has ended and isn't reaped yet has read, with the children it has reaped itself; 0: the system
 * doesn't say. */
uint64_t amz_child_input_bytes(pid_t pid);
/* \return for how long the first thread of such a process has waited for a CPU; 0: the system doesn't say. */
int64_t amz_child_waited_ns(pid_t pid);

int64_t amz_clock_ns(int clock);
/* User and system. */
int64_t amz_child_cpu_ns(const struct rusage *usage);

#endif

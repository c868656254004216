/* Starts one process by vfork. Room-private.
 *
 * The child runs in the helper's memory until it has become the task, so it makes system calls only: no allocation, no stdio, no
 * locks. All that it needs is laid out before, in struct amz_spawn, and what it finds out it leaves there. */
#ifndef AMZ_EXEC_SPAWN_H
#define AMZ_EXEC_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>

/* Where in the start the child failed. */
enum amz_spawn_stage {
  AMZ_SPAWN_STARTED = 0,
  AMZ_SPAWN_FORK,
  AMZ_SPAWN_PREPARE, /* process group, signals, descriptors, limits */
  AMZ_SPAWN_WORKDIR,
  AMZ_SPAWN_STDIN,
  AMZ_SPAWN_CPUS,
  AMZ_SPAWN_EXEC
};

struct amz_spawn {
  /* in */
  char **argv;              /* argv[-1] is spare: a script without "#!" is given to /bin/sh, as shells do */
  char *const *env;
  const char *known;        /* where argv[0] was found the last time, or NULL */
  const char *workdir;      /* NULL: stay */
  const char *stdin_path;   /* NULL: keep descriptor 0, which is /dev/null; relative to workdir */
  int in_fd;                /* -1: as stdin_path says; likewise above 2: */
  int out_fd, err_fd;       /* above 2, closed on exec */
  int script_fd;            /* becomes AMZ_SPAWN_SCRIPT_FD and stays open; -1: none */
  const void *cpus;         /* affinity mask of cpus_size bytes, NULL: stay */
  void *cpus_now;           /* room for as many bytes */
  size_t cpus_size;
  const struct rlimit *nofile; /* to be set for the task, or NULL */
  pid_t parent;             /* getpid() */
  char *candidate;          /* set up by amz_spawn_prepare: room for a PATH entry, '/', argv[0] */
  const char *path;         /* the task's PATH */
  /* out, written by the child */
  enum amz_spawn_stage stage;
  int error;                /* errno of the stage */
  bool cpus_differ;
  bool used_known;
};

#define AMZ_SPAWN_SCRIPT_FD 3

/* Finds PATH in s->env and makes room for s->candidate in *room. \return AMZ_OK; AMZ_ENOMEM. */
int amz_spawn_prepare(struct amz_spawn *s, struct amz_buf *room) AMZ_MUST_CHECK;

/* Starts it; returns when it has become the task or has failed. A failed child has been reaped already.
 * \return its pid, s->stage AMZ_SPAWN_STARTED; else -1 with s->stage and s->error. */
pid_t amz_spawn_start(struct amz_spawn *s);

/* \return whether it failed for want of what the end of another task gives back. */
bool amz_spawn_is_shortage(const struct amz_spawn *s);

/* Appends what failed, on what, and what would help: the words of a message. */
void amz_spawn_say(const struct amz_spawn *s, struct amz_buf *out);

/* Appends a line for the task's stderr that says what failed, on what, and what would help.
 * \return the exit status as shells have it: 127 when the command was not found, else 126. */
int amz_spawn_explain(const struct amz_spawn *s, struct amz_buf *out);

#endif

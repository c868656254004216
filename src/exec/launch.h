/* From a decoded command to a running process with pipes. Room-private. */
#ifndef AMZ_EXEC_LAUNCH_H
#define AMZ_EXEC_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>

#include "environ.h"
#include "known.h"
#include "spawn.h"
#include "child.h"
#include "wire.h"

#define AMZ_LAUNCH_CPUS 8192 /* the largest that Linux is built for */

/* What all starts share. */
struct amz_launcher {
  struct amz_environ environ;
  struct amz_known known;
  struct amz_buf room;      /* for a program's candidate place */
  struct rlimit nofile;     /* what tasks get, when ours was raised */
  bool nofile_raised;
  pid_t pid;
  unsigned char own[AMZ_LAUNCH_CPUS / 8], wanted[AMZ_LAUNCH_CPUS / 8], now[AMZ_LAUNCH_CPUS / 8];
};

/* Raises the limit of open files as far as `slots` need and the system lets us.
 * \return AMZ_OK; AMZ_ENOMEM. Release with amz_launcher_clear. */
int amz_launcher_init(struct amz_launcher *l, char *const *environment, uint32_t slots) AMZ_MUST_CHECK;
void amz_launcher_clear(struct amz_launcher *l);

/* Starts the command on an idle task's slot: t gets its pid and pipes.
 * \return AMZ_OK; AMZ_EINVAL: it couldn't be started, *ret says why (for amz_spawn_explain), t has no pipes. */
int amz_launch(struct amz_launcher *l, struct amz_child *t, struct amz_wire_start *start, struct amz_spawn *ret) AMZ_MUST_CHECK;

#endif

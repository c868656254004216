/* A helper, a pack file in a directory of its own, and commands run one after the other. For the tests of the executor. */
#ifndef AMZ_TESTS_EXEC_RIG_H
#define AMZ_TESTS_EXEC_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/exec.h>

struct amz_rig {
  struct amz_exec *x;
  char dir[64];   /* scratch */
  char pack[96];  /* in dir */
};

/* How an attempt ended, and what it printed as the pack file has it. */
struct amz_rig_result {
  struct amz_exec_end end;
  struct amz_buf out, err;
};

/* `program` beside the helper in the build tree; "amorsize-mpi-helper" for the real one. \return whether all is ready. */
bool amz_rig_init(struct amz_rig *r, const char *program, uint32_t slots, bool with_pack);
void amz_rig_clear(struct amz_rig *r);

/* Waits for the next end, a minute at most. \return 1; 0: none came; AMZ_ECLOSED. */
int amz_rig_wait(struct amz_rig *r, struct amz_exec_end *ret);
/* Sends what is queued. */
int amz_rig_flush(struct amz_rig *r);
/* Runs one command to its end; reads its output when there is a pack record. Release with amz_rig_result_clear. */
bool amz_rig_run(struct amz_rig *r, const struct amz_exec_command *command, struct amz_rig_result *ret);
/* The same for a line given to /bin/sh. */
bool amz_rig_shell(struct amz_rig *r, const char *text, struct amz_rig_result *ret);
void amz_rig_result_clear(struct amz_rig_result *result);

/* Waits until a condition holds, a minute at most, looking every ms. */
bool amz_rig_until(bool (*holds)(void *ctx), void *ctx);

/* The pid of the helper: our only child. 0: none. */
int amz_rig_helper_pid(void);
/* Descriptors that a process has open; -1: no such process. */
int amz_rig_open_files(int pid);

#endif

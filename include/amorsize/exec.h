/* The command executor, the rank's side: tells the spawn helper what to start and hears what became of it.
 *
 * The helper (src/exec/helper.h, program amorsize-mpi-helper) is a small process of its own, started before MPI: it starts
 * tasks by vfork, reaps them, drains their pipes and writes what they print to a sink. The rank never forks. When the rank
 * dies, the helper sees its socket close, kills its tasks and exits; when the helper dies, its tasks die with it
 * (PR_SET_PDEATHSIG). */
#ifndef AMORSIZE_EXEC_H
#define AMORSIZE_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>
#include <amorsize/buf.h>
#include <amorsize/message.h>

struct amz_exec;

struct amz_exec_config {
  const char *helper_path; /* program; NULL: looked for beside our own program, then where it is installed */
  const char *pack_path;   /* file to which the helper appends outputs and end records; NULL: outputs are dropped */
  uint32_t slots;
  uint32_t rank, epoch;    /* go into pack records */
  bool discard_output;     /* end records only */
  const char *workdir;     /* where tasks start; NULL: where the helper was started */
  /* hearing nothing from the rank for so long, the helper kills its tasks and ends; 0: it waits for ever */
  int64_t silence_ns;
};

struct amz_exec_command {
  uint32_t slot;            /* must be idle */
  uint64_t index;           /* of the task, for pack records */
  uint64_t tag;             /* given back with the end */
  uint32_t attempt;
  bool shell;               /* argv is {"/bin/sh", "-c", TEXT}; a TEXT too long for execve (128 KiB) becomes a nameless file */
  bool service;             /* no task, but a program that serves many: its end is told, nothing of it goes to the pack */
  const char *const *argv;  /* NULL-terminated */
  const char *const *env;   /* added to the helper's own without the MPI launcher's variables; NULL-terminated, or NULL */
  const char *workdir;      /* NULL: the helper's */
  const char *stdin_path;   /* NULL: /dev/null; relative to workdir */
  const uint32_t *cpus;     /* OS numbers of the CPUs to bind to */
  size_t n_cpus;            /* 0: as the helper */
  const uint64_t *ok_exit;  /* bit set over 0..255, 4 words: decides the status byte in the pack record; NULL: 0 alone */
};

/* How an attempt ended. */
struct amz_exec_end {
  uint32_t slot;
  uint64_t tag;
  enum amz_outcome outcome; /* by ok_exit, or as amz_exec_kill said */
  int32_t exit_code;       /* 0..255; 127, 126 when it couldn't be started (its stderr says why); -1 by signal */
  int32_t signal;          /* 0 when it exited */
  /* why it couldn't be started, or 0; for want of descriptors or processes it waits for other tasks' ends */
  int32_t start_errno;
  int32_t sink_errno;      /* its output or end record couldn't be kept (ENOSPC …): there is no record of it; or 0 */
  int64_t start_ns;        /* CLOCK_REALTIME */
  int64_t wall_ns;         /* by CLOCK_MONOTONIC, until reaped */
  int64_t cpu_ns;
  uint64_t max_rss_bytes;  /* at least what the helper has itself (about 2 MiB): a child's peak begins at its spawner's */
  uint64_t output_bytes;
  uint64_t input_bytes;    /* read by it and by children it waited for, from files and pipes, their programs' first pages included; 0: not counted, as
                              with those that ended within 5 ms */
  /* for a CPU, while it could have computed: its first thread's, without children; 0: not counted, as above */
  int64_t waited_ns;
  uint64_t pack_seq;       /* number of its end record, from 1; 0 when there is no pack or the sink failed */
  uint64_t pack_offset;    /* of its end record */
  bool cpus_differ;        /* the mask it really had isn't the one asked for */
};

/* A stream: a program that stays, is given a task's line after the other on its standard input, and writes a result for each, in
 * their order, on its standard output. The helper starts it when there are lines and it isn't there, keeps `window` lines with
 * it, and starts it anew when it has ended:
 *  - The oldest line without a result is the suspect. Was it the only one there, it has failed, with the program's exit status or
 *    signal; were there more, they are all given again, one at a time, so that the guilty one is found. The others haven't
 *    failed.
 *  - A program that has read nothing of what it was given is no line's fault; when that happens AMZ_EXEC_BAD_STARTS times in a
 *  row,
 *    all lines of the slot fail from then on.
 *  - timeout_ns after it was given a line, or its last result came, it gets SIGTERM, kill_after_ns later SIGKILL; the oldest line
 *    has timed out, the others are given to the next.
 *  - A program that has written more than max_result bytes for the oldest line is killed; that line has failed, the others are
 *    given to the next.
 * A result is the task's standard output; an end without a newline is none. What the program writes to standard error goes with
 * the line that is the oldest without a result at that moment. Lines that the program was not given soon come back as
 * AMZ_CANCELLED, so that others may have them. wall_ns and cpu_ns of several results that came together are shared out among
 * them; max_rss_bytes is the program's peak so far, as of the last second. cpu_ns and max_rss_bytes don't know of programs that
 * it has started itself. */
struct amz_exec_stream {
  struct amz_exec_command command; /* of the program; index, tag, attempt, ok_exit and stdin_path mean nothing */
  uint32_t window;                 /* >= 1 */
  const char *sentinel;            /* ends a result of many lines; NULL: each line is one */
  const char *fail_prefix;         /* a result that begins so is AMZ_FAILED, exit code 1; NULL: each is a success */
  int64_t timeout_ns;              /* 0: none */
  int64_t kill_after_ns;           /* 0: 5 s */
  int64_t advice_ns;               /* without any result and without computing for so long: a note asks for flushing; 0: none */
  uint64_t max_result;             /* bytes, of both its streams; 0: no bound */
};
#define AMZ_EXEC_BAD_STARTS 3

struct amz_exec_line {
  uint64_t index, tag;
  const char *text; /* ends with its only newline */
  size_t bytes;     /* with it */
};

/* Appends the path of one of our own programs: beside the running one, in ../libexec/amorsize-mpi from there, or where it was
 * installed.
 * \return AMZ_OK; AMZ_EENV with *err: none can be executed; AMZ_ENOMEM. */
int amz_exec_find_program(const char *name, struct amz_error *err, struct amz_buf *ret);

/* Starts the helper; it waits to be set up. Call before MPI_Init, whose descriptors and threads a new process shouldn't meet.
 * `helper_path` as in amz_exec_config.
 * \return AMZ_OK; AMZ_EENV: helper not found or not startable; AMZ_EIO; AMZ_ENOMEM. Release with amz_exec_free (accepts NULL). */
int amz_exec_launch(const char *helper_path, struct amz_error *err, struct amz_exec **ret);
/* Tells a launched helper, once, what it is to serve (config->helper_path is not looked at), and waits until it is ready.
 * \return AMZ_OK; AMZ_EENV: it doesn't answer, or is of another version; AMZ_EINVAL: no slots, or too many; AMZ_ENOMEM; what
 * opening the pack file said. */
int amz_exec_set_up(struct amz_exec *x, const struct amz_exec_config *config, struct amz_error *err);
/* Both in one. */
int amz_exec_new(const struct amz_exec_config *config, struct amz_error *err, struct amz_exec **ret);
/* Kills what runs, ends the helper, waits for it. */
void amz_exec_free(struct amz_exec *x);
/* \return a descriptor that is readable when amz_exec_next may have something. */
int amz_exec_fd(const struct amz_exec *x);
/* Queue a start (or a signal to what runs on a slot: to its process group); amz_exec_flush sends what is queued as far as
 * the socket takes it, without blocking. \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL: slot out of range or busy (start), no
 * argv[0], a command of more than 256 MiB. */
int amz_exec_start(struct amz_exec *x, const struct amz_exec_command *command);
/* `as`: AMZ_TIMED_OUT or AMZ_CANCELLED when the attempt is to be recorded as that however it ends; 0: judged by its exit
 * status. The first reason given to an attempt counts; what its process group has left when it ends so is killed. A slot
 * that is idle by the time the helper hears of it is no error. */
int amz_exec_kill(struct amz_exec *x, uint32_t slot, int signal, enum amz_outcome as);
/* Makes an idle slot a stream's, for good, and queues lines for it: each is told of by an end with its tag. amz_exec_kill on such
 * a slot is for its program, and for all its lines.
 * \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL: slot out of range, busy, a stream's already (or, for lines, not one's); no argv[0];
 * more than 256 MiB at once. */
int amz_exec_open_stream(struct amz_exec *x, const struct amz_exec_stream *stream);
int amz_exec_add_lines(struct amz_exec *x, uint32_t slot, uint32_t attempt, const struct amz_exec_line *lines, size_t n);
/* Closes the programs' standard inputs and waits until they have ended, grace_ns at most; then they get SIGTERM, and a second
 * later SIGKILL. All lines must have been told of. Blocks. \return AMZ_OK; AMZ_ECLOSED; AMZ_ENOMEM. */
int amz_exec_close_streams(struct amz_exec *x, int64_t grace_ns);
/* \return what is to be told to the user, the oldest first, valid until the next call of any function here; NULL: nothing. */
const char *amz_exec_next_note(struct amz_exec *x);
/* Queues a sign of life, for a helper that was told silence_ns. \return AMZ_OK; AMZ_ENOMEM. */
int amz_exec_alive(struct amz_exec *x);
/* \return AMZ_OK; AMZ_ECLOSED: the helper is gone. *ret_pending: bytes remain, wait until the descriptor is writable. */
int amz_exec_flush(struct amz_exec *x, bool *ret_pending);
/* The next end, without blocking. Call it until it says 0: the descriptor tells of what the socket holds, not of what was
 * received already.
 * \return 1 with *ret; 0: none now; AMZ_ECLOSED: the helper is gone (ends already received come first). */
int amz_exec_next(struct amz_exec *x, struct amz_exec_end *ret);

#endif

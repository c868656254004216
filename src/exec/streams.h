/* The co-processes of a helper: a program per slot that is fed task lines and answers each. Room-private; what it promises is in
 * <amorsize/exec.h>, struct amz_exec_stream.
 *
 * streams.c knows all of them: what the rank says, clocks, what the rank is told. coprocess.c is the life of one, coprocess_end.c
 * its end; lines.c what it was given, answer.c what it says.
 *
 * Nothing here waits. A program with much in flight isn't listened to all the time: it is looked at when, by its own pace, half
 * of that should be answered, so that many short tasks cost one turn of the helper. */
#ifndef AMZ_EXEC_STREAMS_H
#define AMZ_EXEC_STREAMS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "answer.h"
#include "child.h"
#include "launch.h"
#include "lines.h"

#define AMZ_STREAMS_NEVER INT64_MAX

struct amz_coprocess {
  struct amz_child *child;       /* its process, its pipes, what its head has printed; pid 0: there is none now */
  struct amz_buf order;          /* the body of its STREAM: */
  size_t command_at;             /* the command begins here, decoded anew at each start */
  struct amz_answer_rules rules; /* texts in `order` */
  uint32_t window;
  int64_t timeout_ns, kill_after_ns, advice_ns;
  uint64_t max_result;           /* 0: no bound */

  struct amz_lines lines;
  struct amz_answer answer;
  size_t careful;                /* so many lines are given one at a time: one of them has killed a program */
  uint64_t answers;              /* results of this process */
  uint32_t bad_starts;           /* programs in a row that have read nothing */
  uint32_t shortages;            /* starts in a row for which the system had no room */
  bool condemned;                /* all lines fail, as */
  struct amz_exec_end verdict;
  struct amz_buf why;

  bool deaf, mute;               /* it has closed its input, its output */
  bool reaped;                   /* it has ended, and its process group's number may be another's */
  bool armed, input_known;       /* epoll tells of its output; knows its input */
  bool termed;                   /* while closing: it was asked to end */
  enum amz_outcome as;           /* it was killed for this; 0: not */
  clockid_t cpu_clock;
  bool has_cpu_clock;
  int64_t cpu_ns, advice_cpu_ns;
  int64_t head_ns;               /* since when it works on its head */
  int64_t mean_ns;               /* running mean of a task; 0: unknown */
  uint64_t max_rss_bytes;        /* its peak, as seen before measure_ns - 1 s */
  int64_t measure_ns;            /* when that is to be looked at again */
  int64_t look_ns, kill_ns, retry_ns, back_ns, advise_ns; /* when something is due, or NEVER */
};

/* What all of them share; the pointers are the helper's. */
struct amz_streams {
  struct amz_launcher *launcher;
  const struct amz_child_output *output;
  struct amz_wire_start *start;  /* room for decoding */
  struct amz_buf *out;           /* to the rank */
  struct amz_child *slots;
  uint32_t n_slots, alive, doomed; /* doomed: killed for a reason, not ended yet */
  int epoll, timer;
  struct amz_exec_end *ends;     /* of what is being handled */
  size_t n_ends, cap_ends;
  struct amz_buf told;           /* ENDs that wait for company */
  int64_t told_ns;               /* since when; NEVER: none waits */
  int64_t alarm_ns;              /* what the timer is set to */
  int64_t real_ns;               /* CLOCK_REALTIME - CLOCK_MONOTONIC */
  bool urgent;                   /* what is told now matters to the rank */
  bool closing, advised, surplus_told, flood_told, failed; /* failed: out of memory, or epoll refuses */
};

/* ---- streams.c: for the helper. Those that return an int: AMZ_OK; AMZ_ECORRUPT: the rank makes no sense; AMZ_ENOMEM. */
int amz_streams_init(struct amz_streams *s); /* the pointers are set; makes the timer. \return AMZ_EIO, too */
void amz_streams_clear(struct amz_streams *s);
int amz_streams_open(struct amz_streams *s, struct amz_cursor *body) AMZ_MUST_CHECK;
int amz_streams_add(struct amz_streams *s, struct amz_cursor *body) AMZ_MUST_CHECK;
int amz_streams_close(struct amz_streams *s, struct amz_cursor *body) AMZ_MUST_CHECK;
int amz_streams_kill(struct amz_streams *s, struct amz_child *t, const struct amz_wire_kill *order) AMZ_MUST_CHECK;
/* A descriptor is ready: `data` is what AMZ_STREAMS_EVENT made. */
int amz_streams_ready(struct amz_streams *s, uint64_t data) AMZ_MUST_CHECK;
/* A program was reaped. */
int amz_streams_ended(struct amz_streams *s, struct amz_child *t, const struct amz_child_status *status) AMZ_MUST_CHECK;
/* Does what is due, if anything. To be called when the timer is readable. */
int amz_streams_due(struct amz_streams *s) AMZ_MUST_CHECK;
/* Sets the timer to what is due next. Before each wait. */
int amz_streams_arm(struct amz_streams *s) AMZ_MUST_CHECK;
/* What a program killed for a reason has left in its process group, before it is reaped. */
void amz_streams_kill_doomed(const struct amz_streams *s);

#define AMZ_STREAMS_EVENT(slot, what) (UINT64_C(1) << 62 | (uint64_t)(slot) << 2 | (unsigned)(what))
#define AMZ_STREAMS_IS_EVENT(data) ((data) >> 62 == 1)
enum amz_streams_what { AMZ_STREAMS_OUT, AMZ_STREAMS_ERR, AMZ_STREAMS_IN };

/* ---- coprocess.c: for streams.c */
/* Starts it if there is something to do and it isn't there, and gives it lines. */
void amz_coprocess_pump(struct amz_streams *s, struct amz_coprocess *co, int64_t now_ns);
/* Takes what it has said. */
void amz_coprocess_listen(struct amz_streams *s, struct amz_coprocess *co, int64_t now_ns);
void amz_coprocess_read_errors(struct amz_streams *s, struct amz_coprocess *co);
void amz_coprocess_ended(struct amz_streams *s, struct amz_coprocess *co, const struct amz_child_status *status, int64_t now_ns);
/* Gives lines that weren't begun back to the rank; `all`: those that were begun, too. */
void amz_coprocess_give_back(struct amz_streams *s, struct amz_coprocess *co, bool all);
/* Signals its process group. */
void amz_coprocess_signal(struct amz_streams *s, struct amz_coprocess *co, int signal, enum amz_outcome as);
void amz_coprocess_close_input(struct amz_streams *s, struct amz_coprocess *co);
/* \return the CPU time it has used, ns; -1: not known. */
int64_t amz_coprocess_cpu(const struct amz_coprocess *co);

/* ---- coprocess.c, for coprocess_end.c */
/* Reads what it has written, once. \return how much that was; 0: its end; -1: nothing now. */
ssize_t amz_coprocess_read(struct amz_streams *s, struct amz_coprocess *co, int64_t now_ns);

/* ---- coprocess_head.c, for those two */
/* The child takes over who it is from the oldest line. What was printed on standard output before belongs to nobody. */
void amz_coprocess_take_head(struct amz_coprocess *co);
/* Keeps what was printed on a stream (0, 1) for the head; ends the program when that is more than a result may have. */
void amz_coprocess_keep(struct amz_streams *s, struct amz_coprocess *co, int stream, const char *bytes, size_t n);
/* The head is done with: that is recorded, and told. Of `how`, who it was is filled in. */
void amz_coprocess_finish(struct amz_streams *s, struct amz_coprocess *co, const struct amz_exec_end *how);
/* From now on all lines fail, as `verdict` says: the program can't be started, or does nothing. */
void amz_coprocess_condemn(struct amz_streams *s, struct amz_coprocess *co, const struct amz_exec_end *verdict, const char *why);
void amz_coprocess_fail_all(struct amz_streams *s, struct amz_coprocess *co);

/* ---- streams.c, for all of them */
/* Keeps an end to be told when what is being handled is done. */
void amz_streams_push(struct amz_streams *s, const struct amz_exec_end *end);
/* Something to be told to the user. */
void amz_streams_note(struct amz_streams *s, const struct amz_coprocess *co, const char *format, ...) AMZ_PRINTF(3, 4);
void amz_streams_watch(struct amz_streams *s, int fd, uint32_t events, uint64_t data, int operation);

#endif

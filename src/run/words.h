/* What ranks tell each other beside the scheduler's messages, and waiting for it.
 *
 * These words are the shell's own business: who is there, what each is to do, signals, the collecting of packs. The machines
 * never see them. Their first byte tells them from messages, which begin with AMZ_MESSAGE_VERSION. */
#ifndef AMZ_RUN_WORDS_H
#define AMZ_RUN_WORDS_H

#include <stdbool.h>

#include <amorsize/buf.h>

#include "net.h"
#include "run.h"

#define AMZ_WORDS_VERSION 8 /* the second byte: ranks of different builds refuse each other */

enum amz_word {
  AMZ_WORD_REPORT = 0x52, /* to rank 0: who and where I am (team.h) */
  AMZ_WORD_FAILED = 0x46, /* to rank 0: why I can't take part; the rest is text */
  AMZ_WORD_HERE = 0x48,   /* from rank 0: it lives, as this process, and prepares the run (team.h) */
  AMZ_WORD_ORDER = 0x4f,  /* from rank 0: what to do (team.h) */
  AMZ_WORD_ASK = 0x41,    /* from rank 0: about packs on a node (gather_words.h) */
  AMZ_WORD_GIVE = 0x47,   /* to rank 0: the answer */
  AMZ_WORD_SIGNAL = 0x53, /* to rank 0: I was sent a signal, u32 */
  AMZ_WORD_SHAPE = 0x54,  /* from rank 0: threads and slots from now on, u32 each (shape.h) */
};

/* Begins a word in *out, which is emptied. */
void amz_word_begin(enum amz_word word, struct amz_buf *out);
bool amz_word_is(const struct amz_mpi_message *got, enum amz_word word);
/* Sends what was written. \return AMZ_OK, also to a rank that was given up; AMZ_ENOMEM, AMZ_ERANGE with *err. */
int amz_word_send(const struct amz_rank_link *link, uint32_t rank, const struct amz_buf *word, struct amz_error *err);
/* Tells rank 0 of a signal. \return AMZ_OK; AMZ_ENOMEM. */
int amz_word_send_signal(const struct amz_net *net, struct amz_mpi *mpi, int number);
/* \return the number, 0: no word of ours. */
int amz_word_signal(const struct amz_mpi_message *got);

enum amz_heard { AMZ_HEARD_NOTHING, AMZ_HEARD_MESSAGE, AMZ_HEARD_SIGNAL };
/* Waits for the next message, a signal to this process, or the deadline (MESSAGE: *ret, as of amz_mpi_next; SIGNAL: *ret_signal).
 * \return an amz_heard; negative with *err: the transport is done for. */
int amz_words_wait(const struct amz_rank_link *link, int64_t deadline_ns, struct amz_mpi_message *ret, int *ret_signal,
                   struct amz_error *err);

/* \return true when a process of this node, counted in our own pid name space, is gone; false also for pid 0. */
bool amz_process_is_gone(int64_t pid);

#endif

/* The first byte of what ranks tell each other beside the scheduler's messages, which begin with AMZ_MESSAGE_VERSION.
 *
 * These are the shell's own business: who is there, what each is to do, signals, the collecting of packs. The machines never see them. */
#ifndef AMZ_RUN_WORDS_H
#define AMZ_RUN_WORDS_H

#define AMZ_WORDS_VERSION 4 /* the second byte: ranks of different builds refuse each other */

enum amz_word {
  AMZ_WORD_REPORT = 0x52, /* to rank 0: who and where I am (team.h) */
  AMZ_WORD_ORDER = 0x4f,  /* from rank 0: what to do (team.h) */
  AMZ_WORD_SIGNAL = 0x53, /* to rank 0: I was sent a signal (stops.c) */
};

#endif

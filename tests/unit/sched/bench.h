/* A master or a worker on the bench: events by hand, actions told as short text. */
#ifndef AMZ_TESTS_SCHED_BENCH_H
#define AMZ_TESTS_SCHED_BENCH_H

#include <amorsize/buf.h>
#include <amorsize/sched.h>

#define SEC INT64_C(1000000000)

/* Appends the actions, one word each, blanks between:
 *   assign1[0+5 9+1#2]  SEND of chunks to rank 1: first+count, #attempt when it isn't 1; assign1[] is the empty message
 *   stop1:done|drain|cancel   hello   report(h2 d7 [outcomes]) bye(...): messages of a worker, hunger and receipt when not 0
 *   record0[5:ok 6:failed...] record0~[...] not final; record0[bulk 0+10]   fence1   run0[5+1]   kill0:term   sync   finish */
void bench_tell(const struct amz_actions *actions, struct amz_buf *out);

#endif

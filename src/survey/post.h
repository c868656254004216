/* Sending and awaiting letters between the ranks of a survey; signals end the waiting. */
#ifndef AMZ_SURVEY_POST_H
#define AMZ_SURVEY_POST_H

#include <amorsize/measure.h>

#include "../run/net.h"
#include "../run/signals.h"
#include "letters.h"

struct amz_post {
  const struct amz_net *net;
  struct amz_mpi *mpi;
  struct amz_signals *signals;
  int signal; /* that has come; 0: none */
};

/* Sends and releases the bytes. \return AMZ_OK; AMZ_ENOMEM and others of the transport with *err. */
int amz_post_send(const struct amz_post *post, uint32_t rank, struct amz_buf *bytes, struct amz_error *err);
/* A letter without content. */
int amz_post_tell(const struct amz_post *post, uint32_t rank, enum amz_letter kind, struct amz_error *err);
/* The next message. \return 1; 0: none came before the deadline; AMZ_ECLOSED: a signal came; others of the transport with
 * *err. */
int amz_post_next(struct amz_post *post, int64_t deadline_ns, struct amz_mpi_message *ret, struct amz_error *err);
/* \return whether a signal has come: for observers. `ctx` is the post. */
bool amz_post_stopped(void *ctx);

#endif

/* The giving side of output.gather: a rank that lets rank 0 take the packs of its node.
 *
 * It answers questions and remembers little: which directory was listed last. Rank 0 decides what is read and, once it is durable
 * there, what is removed here. The bytes of questions and answers are said in gather_words.h. */
#ifndef AMZ_RUN_GIVE_H
#define AMZ_RUN_GIVE_H

#include "words.h"

struct amz_giver {
  int out_fd;         /* the listed directory's out/, -1: none */
  char **names;       /* of packs in it; owned */
  size_t n, cap;
  int file_fd;        /* of names[file], -1: none is open */
  size_t file;
  bool told_to_leave;
  struct amz_buf word;
};
#define AMZ_GIVER_INIT {.out_fd = -1, .file_fd = -1, .word = AMZ_BUF_INIT}

void amz_giver_clear(struct amz_giver *g);
/* Leaves the answer to a question (the bytes of a whole AMZ_WORD_ASK) in g->word; nothing when it has none. \return AMZ_OK;
 * AMZ_ENOMEM. */
int amz_giver_answer(struct amz_giver *g, const void *question, size_t n);
/* Answers one AMZ_WORD_ASK of rank 0. What can't be read is told to rank 0, not to the caller.
 * \return AMZ_OK; AMZ_ENOMEM, AMZ_ERANGE with *err. */
int amz_giver_hear(struct amz_giver *g, const struct amz_rank_link *link, const struct amz_mpi_message *got,
                   struct amz_error *err);
/* Answers until rank 0 says that it has all, or is gone (master_pid: its process when it is on our node, else 0). What was not
 * taken stays.
 * \return AMZ_OK; AMZ_EENV: rank 0 is gone; AMZ_ENOMEM, AMZ_EIO. */
int amz_giver_serve(struct amz_giver *g, const struct amz_rank_link *link, int64_t master_pid, struct amz_error *err);

#endif

/* What the files of gathering share: one node's directory, asked for through one rank. */
#ifndef AMZ_RUN_GATHER_SOURCE_H
#define AMZ_RUN_GATHER_SOURCE_H

#include "gather_words.h"
#include "give.h"
#include "launch.h"

#define AMZ_GATHER_WINDOW 4u /* pieces under way: a few megabytes cover a hundred milliseconds of a fast network */

struct amz_gather_source {
  struct amz_launch *l;
  uint32_t rank;
  const char *path;
  struct amz_giver *own; /* the rank is this process; else NULL */
  struct amz_buf word;
  char **names;
  uint64_t *sizes;
  size_t n, cap_names, cap_sizes;
  int signal;
};

/* Begins a question in s->word, and asks it. \return AMZ_OK; AMZ_EENV: the rank is gone; AMZ_ENOMEM. */
void amz_gather_question(struct amz_gather_source *s, enum amz_ask what);
int amz_gather_ask(struct amz_gather_source *s, struct amz_error *err);
/* The answer, behind what it is. \return AMZ_OK; AMZ_EENV: the rank can't, isn't there, or talks nonsense; AMZ_ECLOSED: a signal
 * came; others. */
int amz_gather_hear(struct amz_gather_source *s, enum amz_give expected, struct amz_cursor *ret, struct amz_error *err);
/* Asks for n bytes of a file, and takes what is answered. \return of both: AMZ_OK; as amz_gather_hear, also when bytes arrive
 * damaged. */
int amz_gather_ask_piece(struct amz_gather_source *s, uint32_t file, uint64_t offset, uint32_t n, struct amz_error *err);
int amz_gather_hear_piece(struct amz_gather_source *s, uint32_t file, uint64_t offset, const char **ret, size_t *ret_n,
                          struct amz_error *err);

/* gather_results.c: the results by index that a rank has kept in a file of its own (results.h): those that are recorded as its
 * own go to their places in the run's file, which is durable then. \return AMZ_OK; AMZ_EENV: they can't be had, or are damaged;
 * AMZ_ECLOSED, AMZ_EIO, AMZ_ENOMEM with *err. */
int amz_gather_results(struct amz_gather_source *s, uint32_t file, uint32_t rank, uint32_t epoch, struct amz_error *err);

#endif

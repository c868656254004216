/* Finding out about nodes: looking, then measurements from the cache, or made now and kept. On this node alone, or on all nodes
 * of an MPI launch at the same time, by one rank of each. */
#ifndef AMZ_SURVEY_SURVEY_H
#define AMZ_SURVEY_SURVEY_H

#include <stdbool.h>
#include <stddef.h>

#include <amorsize/diag.h>
#include <amorsize/error.h>
#include <amorsize/measure.h>
#include <amorsize/node.h>

#include "../run/profile.h"
#include "../run/run.h"

struct amz_survey_wish {
  struct amz_look look;
  enum amz_effort effort;
  bool fast;    /* nothing is measured, nothing recalled: values are assumed */
  bool refresh; /* nothing is recalled */
  const struct amz_measure_observer *observer; /* may be NULL */
};

/* This node. A described one isn't measured: its values are assumed. A cache that can't be written is a warning in *diags.
 * \return AMZ_OK; AMZ_ECLOSED: the observer said stop, nothing was kept; as amz_node_look and the measuring functions, with
 * *err. */
int amz_survey_here(const struct amz_survey_wish *wish, struct amz_diags *diags, struct amz_error *err, struct amz_node *ret,
                    struct amz_profile_source *ret_source);

/* A node of a launch. */
struct amz_survey_node {
  char host[256];
  struct amz_node node;
  struct amz_profile_source source;
  char *type;          /* nodes with the same text are of one type */
  int rc;              /* AMZ_OK; else why there is no profile, */
  struct amz_error err; /* in words */
};

struct amz_survey {
  struct amz_survey_node *nodes; /* in the order of their first ranks */
  size_t count;
};

void amz_survey_clear(struct amz_survey *survey);

/* Its nodes as reports compare them (profile.h), which point into it. \return an array of survey->count, to be freed; NULL when
 * out of memory. */
struct amz_profile_host *amz_survey_hosts(const struct amz_survey *survey);

/* Rank 0 of a launch: has one rank on each node measure it, all at the same time. When all ranks are on one node, it is what
 * amz_survey_here would say. With several, every one is measured now: the cache knows types of nodes, not which of them is slow;
 * one of each type is kept. A node that fails or stays silent is told in its row; the others are there.
 * \return AMZ_OK; AMZ_ECLOSED: stopped by a signal; AMZ_EENV, AMZ_ENOMEM, AMZ_EIO with *err. The other ranks have been told in
 * any case. */
int amz_survey_nodes(struct amz_rank_link *link, const struct amz_survey_wish *wish, struct amz_diags *diags,
                     struct amz_error *err,
                     struct amz_survey *ret);

/* The other ranks. \return AMZ_OK; AMZ_ECLOSED: rank 0 has nothing to survey; others with *err. */
int amz_survey_serve(const struct amz_rank_link *link, struct amz_error *err);

#endif

/* What the files of this room share. */
#ifndef AMZ_SURVEY_PRIVATE_H
#define AMZ_SURVEY_PRIVATE_H

#include "post.h"
#include "survey.h"

struct amz_exec;

/* Measurements of a node from the cache. \return AMZ_OK; negative: none. */
int amz_survey_recall(const struct amz_survey_wish *wish, struct amz_diags *diags, struct amz_node *node,
                      struct amz_profile_source *ret);
/* Keeps them; what can't be kept is a warning. */
void amz_survey_keep(const struct amz_survey_wish *wish, struct amz_diags *diags, const struct amz_node *node,
                     struct amz_profile_source *source);
/* Launches can't be measured in a launch: takes them from what was kept earlier, if there is anything. */
void amz_survey_borrow_launches(const struct amz_survey_wish *wish, struct amz_node *node);

/* A rank that stands for its node, in two steps so that all of a launch's nodes measure at the same time. Looks; a rank that was
 * bound says so in a finding. */
int amz_survey_look(const struct amz_survey_wish *wish, const struct amz_units *units, struct amz_diags *diags,
                    struct amz_error *err,
                    struct amz_node *ret);
/* Measures what one rank can: memory and process starts, with the helper that was launched before MPI. */
int amz_survey_measure(const struct amz_survey_wish *wish, struct amz_exec *helper, struct amz_node *node, struct amz_error *err);

#endif

/* How a step appends its actions. Room-private. */
#ifndef AMZ_SRC_SCHED_ACTIONS_H
#define AMZ_SRC_SCHED_ACTIONS_H

#include <amorsize/sched.h>

/* Appends a zeroed action. \return it, valid until the next append; NULL when out of memory. */
struct amz_action *amz_actions_add(struct amz_actions *a, enum amz_action_kind kind) AMZ_MUST_CHECK;
/* \return memory for an array that lives until amz_actions_clear, not zeroed; NULL when out of memory. */
void *amz_actions_room(struct amz_actions *a, size_t count, size_t size) AMZ_MUST_CHECK;
/* Appends a SEND of a zeroed message. \return the message, which lives until amz_actions_clear; NULL when out of memory. */
struct amz_message *amz_actions_send(struct amz_actions *a, uint32_t rank, enum amz_message_kind kind) AMZ_MUST_CHECK;

#endif

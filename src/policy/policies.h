/* The policies of this room, one file each; the registry (registry.c) lists them. Room-private. */
#ifndef AMZ_SRC_POLICY_POLICIES_H
#define AMZ_SRC_POLICY_POLICIES_H

#include <amorsize/policy.h>

extern const struct amz_policy_ops amz_policy_static;
extern const struct amz_policy_ops amz_policy_ss;
extern const struct amz_policy_ops amz_policy_gss;
extern const struct amz_policy_ops amz_policy_fac2;

/* \return a / b rounded up, without the overflow of (a + b - 1) / b; b >= 1. */
static inline uint64_t amz_ceil_div(uint64_t a, uint64_t b)
{
  return a / b + (a % b != 0);
}

#endif

/* The two ways to read a command's text, and the symbols that both read. Private to commands. */
#ifndef AMZ_JOB_COMMAND_IMPL_H
#define AMZ_JOB_COMMAND_IMPL_H

#include <stdint.h>

#include "parts.h"

/* A template's parts as a row of symbols, so that a reader of shell syntax can look ahead over them: a byte, or a whole
 * placeholder. */
#define AMZ_SYM_SHELL UINT32_C(0x100)       /* set for the bytes of a "${…}" */
#define AMZ_SYM_PLACEHOLDER UINT32_C(0x200) /* and from here on: plus the number of the part */
#define AMZ_SYM_END UINT32_MAX

struct amz_syms {
  uint32_t *items; /* count of them, then AMZ_SYM_END twice */
  size_t count;
};

/* \return AMZ_OK, and *ret->items is to be freed; AMZ_ENOMEM. */
int amz_syms_new(const struct amz_parts *parts, struct amz_syms *ret) AMZ_MUST_CHECK;
/* \return the offset in the user's text of symbol i. */
size_t amz_syms_at(const struct amz_parts *parts, size_t i);

static inline bool amz_sym_is_placeholder(uint32_t sym)
{
  return sym >= AMZ_SYM_PLACEHOLDER && sym != AMZ_SYM_END;
}

/* Splits into arguments as sh would, each ended by an AMZ_PART_BREAK in *ret.
 * \return the number of arguments; 0: only a shell can read this (*ret is to be cleared); AMZ_ENOMEM. */
int64_t amz_command_split(const struct amz_parts *parts, const struct amz_syms *syms, struct amz_parts *ret) AMZ_MUST_CHECK;

/* Sets how each placeholder of a shell text is to be quoted, by where it stands.
 * \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL with *err and *ret_at: a placeholder where no quoting is right, or a quote without its
 * end. */
int amz_command_place(struct amz_parts *parts, const struct amz_syms *syms, struct amz_error *err, size_t *ret_at) AMZ_MUST_CHECK;

#endif

/* How every function of this project reports failure.
 *
 * Conventions, said once for all headers:
 *  - A function that can fail returns an int: AMZ_OK (0) or a negative enum amz_err.
 *  - A function that has more to say takes a struct amz_error * as well; it may be NULL. It is written
 *    only on failure, and holds what failed, on what, and what to do.
 *  - Out-parameters come last and are named ret_x; they are untouched on failure unless said otherwise.
 *  - S_new/S_free own memory on the heap; S_init/S_clear work on the caller's. Destructors accept NULL.
 *  - Strings are NUL-terminated UTF-8 or raw file-system bytes; `const char *` arguments are borrowed for
 *    the call only, unless the comment says that they are kept.
 *  - Times are int64_t nanoseconds with the suffix _ns, or double seconds with the suffix _s; sizes are
 *    uint64_t or size_t bytes with the suffix _bytes where it isn't plain.
 *  - Nothing here prints, exits, or keeps mutable global state.
 */
#ifndef AMORSIZE_ERROR_H
#define AMORSIZE_ERROR_H

#include <stdarg.h>
#include <stdint.h>

enum amz_err {
  AMZ_OK = 0,
  AMZ_ENOMEM = -1,   /* out of memory */
  AMZ_EINVAL = -2,   /* the caller's or the user's input is wrong */
  AMZ_ERANGE = -3,   /* a number is too large or too small for what it is for */
  AMZ_ENOENT = -4,   /* what was asked for does not exist */
  AMZ_EIO = -5,      /* the operating system refused; sys_errno says how */
  AMZ_ECORRUPT = -6, /* bytes that do not decode: truncated, damaged, another version */
  AMZ_EBUSY = -7,    /* somebody else holds it, alive */
  AMZ_ECLOSED = -8,  /* the other side has gone */
  AMZ_EENV = -9,     /* the environment lacks something we need */
};

#define AMZ_ERROR_TEXT 1024

struct amz_error {
  int code;      /* enum amz_err */
  int sys_errno; /* errno of the failing call, or 0 */
  char text[AMZ_ERROR_TEXT];
};

#if defined(__GNUC__)
#define AMZ_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define AMZ_MUST_CHECK __attribute__((warn_unused_result))
#else
#define AMZ_PRINTF(f, a)
#define AMZ_MUST_CHECK
#endif

/* Fills *err (when not NULL) with a formatted text, cut to fit.
 * \return code, so that one can write `return amz_error_set(err, AMZ_EINVAL, …)`. */
int amz_error_set(struct amz_error *err, int code, const char *format, ...) AMZ_PRINTF(3, 4);

/* The same with ": " and the system's words for sys_errno appended.
 * \return code. */
int amz_error_sys(struct amz_error *err, int code, int sys_errno, const char *format, ...) AMZ_PRINTF(4, 5);

/* \return a few fixed words for an enum amz_err; never NULL. */
const char *amz_err_name(int code);

#endif

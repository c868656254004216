/* Numbers with units, as users write and read them. The whole text must be consumed; leading and trailing
 * blanks are not accepted. No locale is consulted: the decimal sign is a point. */
#ifndef AMORSIZE_UNITS_H
#define AMORSIZE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>

/* "200ms" "1.5s" "10m" "2h" "1d" "3us" "50ns"; "0" needs no unit; also "1h30m" and "HH:MM:SS".
 * \return AMZ_OK; AMZ_EINVAL: no duration; AMZ_ERANGE: negative or more than 292 years. */
int amz_parse_duration(const char *text, int64_t *ret_ns);

/* "4096" "64K" "4KiB" "4GiB" "1.5G" "2TB": K, Ki, KiB are 1024; KB, MB, GB, TB are powers of 1000 (as SI has it), K M G T alone
 * are powers of 1024 (as Slurm has it).
 * \return AMZ_OK; AMZ_EINVAL: no size; AMZ_ERANGE: negative or more than 2^63-1. */
int amz_parse_bytes(const char *text, uint64_t *ret_bytes);

/* Decimal integer with optional sign.
 * \return AMZ_OK; AMZ_EINVAL: no integer; AMZ_ERANGE: does not fit. */
int amz_parse_i64(const char *text, int64_t *ret);
/* Decimal integer without sign.
 * \return AMZ_OK; AMZ_EINVAL; AMZ_ERANGE. */
int amz_parse_u64(const char *text, uint64_t *ret);
/* Finite decimal number, optional exponent.
 * \return AMZ_OK; AMZ_EINVAL (also for nan and inf); AMZ_ERANGE. */
int amz_parse_f64(const char *text, double *ret);

/* Writes at most n bytes with the NUL: "1.24 s", "213 ms", "12 us", "2 h 05 min". \return out. */
char *amz_format_duration(int64_t ns, char *out, size_t n);
/* Seconds since the epoch as "2026-11-23 11:40" in UTC, which means the same on all hosts; "-" beyond the years 0 to 9999.
 * \return out. */
char *amz_format_time(int64_t s, char *out, size_t n);
/* "4.0 GiB", "512 B". \return out. */
char *amz_format_bytes(uint64_t bytes, char *out, size_t n);
/* "12 345 678": thousands set apart by a blank. \return out. */
char *amz_format_count(uint64_t count, char *out, size_t n);
/* What a noun takes behind a number: "" or "s". */
const char *amz_plural(uint64_t n);

#endif

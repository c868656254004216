/* What a sample showed, in words, as JSON, and back: the file sample.json of a run directory. Pure. */
#ifndef AMORSIZE_SAMPLE_REPORT_H
#define AMORSIZE_SAMPLE_REPORT_H

#include <stddef.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>
#include <amorsize/workload.h>

#define AMZ_SAMPLE_BYTES_MAX ((size_t)1 << 30)

struct amz_sample {
  char *job, *host;      /* owned */
  uint64_t tasks;        /* of the job */
  uint32_t slots, threads; /* under which most of them ran */
  struct amz_quantity gap_s; /* between a task's end and its slot's next start */
  struct amz_observation *seen; /* owned */
  size_t n;
};

void amz_sample_clear(struct amz_sample *s); /* accepts what is zeroed */

/* The sample's own section of a plan: what tasks are like. `w` is the fit of s->seen. */
void amz_report_sample(const struct amz_sample *s, const struct amz_workload *w, struct amz_buf *out);
/* One JSON object and a newline: the contract's keys (tasks, mean_s, cv, kind) and all observations. \return AMZ_OK;
 * AMZ_ENOMEM. */
int amz_report_sample_json(const struct amz_sample *s, const struct amz_workload *w, struct amz_buf *out);
/* Reads what that wrote. \return AMZ_OK, release with amz_sample_clear; AMZ_EINVAL with *err, which names what is wrong;
 * AMZ_ENOMEM. */
int amz_sample_parse(const char *json, size_t n, struct amz_error *err, struct amz_sample *ret);

#endif

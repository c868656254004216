/* Environment variables, injected, so that what reads them is tested by tables. */
#ifndef AMORSIZE_ENVIRONMENT_H
#define AMORSIZE_ENVIRONMENT_H

struct amz_environment {
  void *ctx;
  /* \return the value, valid until the environment changes; NULL: not set. */
  const char *(*get)(void *ctx, const char *name);
};

/* \return this process's own. */
struct amz_environment amz_environment_of_process(void);
/* \return the rank that a launcher of MPI processes has given this one, as text; NULL: none has started it. */
const char *amz_environment_rank(const struct amz_environment *env);

#endif

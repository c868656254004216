/* Which job it is: the text that its runs are found by. */
#include <amorsize/history.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/digest.h>

#include "program.h"

#define VERSION 1

int amz_history_key_make(const struct amz_job *job, const struct amz_node *node, const struct amz_environment *env,
                         struct amz_history_key *ret, struct amz_error *err)
{
  struct amz_buf text = AMZ_BUF_INIT;
  int rc;

  amz_buf_addf(&text, "history %d\n", VERSION);
  rc = amz_job_identity(job, &text, err);
  if (rc == AMZ_OK)
    rc = amz_history_programs(job, env, &text, err);
  if (rc == AMZ_OK && (rc = amz_node_type(node, &text)) < 0)
    (void)amz_error_set(err, rc, "out of memory");
  if (rc < 0) {
    amz_buf_clear(&text);
    return rc;
  }
  (void)snprintf(ret->id, sizeof ret->id, "%016" PRIx64, amz_digest_add(AMZ_DIGEST_EMPTY, text.data, text.len));
  ret->text = amz_buf_detach(&text);
  return ret->text ? AMZ_OK : amz_error_set(err, AMZ_ENOMEM, "out of memory");
}

void amz_history_key_clear(struct amz_history_key *key)
{
  free(key->text);
  memset(key, 0, sizeof *key);
}

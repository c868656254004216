/* Takes into the database what only the packs hold yet. */
#ifndef AMZ_STORE_TAKEOVER_H
#define AMZ_STORE_TAKEOVER_H

#include "db.h"

/* Inside a transaction. Reads each pack in DIR/out from behind its last recorded END frame on. An attempt whose output is
 * damaged is left out: its task runs again. *ret_epoch: the highest epoch that any pack's name tells, 0: none. */
int amz_takeover(struct amz_db *db, uint64_t tasks, const struct amz_store_config *config, struct amz_error *err,
                 uint32_t *ret_epoch);

#endif

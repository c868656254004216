/* Adding to a profile's findings: for whoever fills profiles in. */
#ifndef AMZ_NODE_FINDINGS_H
#define AMZ_NODE_FINDINGS_H

#include <amorsize/error.h>
#include <amorsize/node.h>

/* \return AMZ_OK; AMZ_ENOMEM. `advice`: "" when there is nothing to do. */
int amz_findings_add(struct amz_node *node, enum amz_finding_level level, const char *advice, const char *format,
                     ...) AMZ_PRINTF(4, 5);

#endif

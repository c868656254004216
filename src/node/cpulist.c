/* Lists of processing units. hwloc has a reader of its own, which takes any number and as much memory as it asks for. */
#include "cpulist.h"

#include <amorsize/error.h>

/* \return the digits' end; NULL when there are none, or too large a number. */
static const char *take_unit(const char *at, unsigned *ret)
{
  unsigned n = 0;

  if (*at < '0' || *at > '9')
    return NULL;
  for (; *at >= '0' && *at <= '9'; at++)
    if ((n = n * 10 + (unsigned)(*at - '0')) >= AMZ_UNITS_MAX)
      return NULL;
  *ret = n;
  return at;
}

int amz_cpulist_parse(const char *list, hwloc_bitmap_t set)
{
  for (const char *at = list;; at++) {
    unsigned first, last;

    if (!(at = take_unit(at, &first)))
      return AMZ_EINVAL;
    last = first;
    if (*at == '-' && !(at = take_unit(at + 1, &last)))
      return AMZ_EINVAL;
    if (last < first || (*at != ',' && *at != '\0'))
      return AMZ_EINVAL;
    if (set && hwloc_bitmap_set_range(set, first, (int)last) < 0)
      return AMZ_ENOMEM;
    if (*at == '\0')
      return AMZ_OK;
  }
}

/* Allowed cores on substituted machines. The expected counts follow from the synthetic descriptions by multiplication. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>

#include <amorsize/cores.h>

#include "../../support/tap.h"

static void counts_cores_of_synthetic_machines(void)
{
  static const struct {
    const char *machine;
    uint32_t cores, units;
  } rows[] = {
    {"pack:2 numa:4 l3:2 core:8 pu:2", 128, 256}, {"pack:1 core:1 pu:1", 1, 1}, {"pu:8", 8, 8}, {"numa:4 pu:2", 8, 8}, {"core:3 pu:4", 3, 12},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_cores cores;
    struct amz_error err;

    CU_ASSERT_FATAL(setenv("HWLOC_SYNTHETIC", rows[i].machine, 1) == 0);
    CU_ASSERT_FATAL(amz_cores_allowed(&err, &cores) == AMZ_OK);
    ASSERT_ROW_U64(rows[i].machine, cores.count, rows[i].cores);
    ASSERT_ROW_U64(rows[i].machine, cores.starts[cores.count], rows[i].units);
    amz_cores_clear(&cores);
  }
  CU_ASSERT_FATAL(unsetenv("HWLOC_SYNTHETIC") == 0);
}

static void slots_get_their_own_cores_while_they_last(void)
{
  struct amz_cores cores;
  struct amz_error err;
  const uint32_t *cpus;
  size_t n;

  CU_ASSERT_FATAL(setenv("HWLOC_SYNTHETIC", "core:4 pu:2(indexes=0,4,1,5,2,6,3,7)", 1) == 0);
  CU_ASSERT_FATAL(amz_cores_allowed(&err, &cores) == AMZ_OK);
  amz_cores_of_slot(&cores, 1, 2, 2, &cpus, &n); /* cores 2 and 3: units 2 6 3 7 */
  ASSERT_U64(n, 4);
  for (size_t i = 0; i < n; i++)
    CU_ASSERT(cpus[i] % 4 == 2 || cpus[i] % 4 == 3);
  amz_cores_of_slot(&cores, 3, 4, 1, &cpus, &n);
  CU_ASSERT(n == 2 && cpus[0] % 4 == 3 && cpus[1] % 4 == 3);
  amz_cores_of_slot(&cores, 4, 5, 1, &cpus, &n); /* more slots than cores: unbound */
  ASSERT_U64(n, 8);
  amz_cores_of_slot(&cores, 0, UINT32_MAX, UINT32_MAX, &cpus, &n);
  ASSERT_U64(n, 8);
  amz_cores_clear(&cores);
  CU_ASSERT_FATAL(unsetenv("HWLOC_SYNTHETIC") == 0);
}

static void honours_the_affinity_mask(void)
{
  struct amz_cores cores;
  struct amz_error err;
  cpu_set_t all, one;
  size_t first = 0;

  CU_ASSERT_FATAL(sched_getaffinity(0, sizeof all, &all) == 0);
  while (!CPU_ISSET(first, &all))
    first++;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  CU_ASSERT_FATAL(sched_setaffinity(0, sizeof one, &one) == 0);
  CU_ASSERT_FATAL(amz_cores_allowed(&err, &cores) == AMZ_OK);
  CU_ASSERT(sched_setaffinity(0, sizeof all, &all) == 0);
  ASSERT_U64(cores.count, 1);
  ASSERT_U64(cores.starts[1], 1);
  ASSERT_U64(cores.cpus[0], first);
  amz_cores_clear(&cores);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"counts cores of synthetic machines", counts_cores_of_synthetic_machines},
    {"slots get their own cores while they last", slots_get_their_own_cores_while_they_last},
    {"honours the affinity mask", honours_the_affinity_mask},
    {NULL, NULL},
  };

  return amz_test_main("cores", tests, 0);
}

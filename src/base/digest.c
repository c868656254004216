/* FNV-1a. */
#include <amorsize/digest.h>

uint64_t amz_digest_add(uint64_t digest, const void *bytes, size_t n)
{
  const unsigned char *at = bytes;

  for (size_t i = 0; i < n; i++)
    digest = (digest ^ at[i]) * UINT64_C(1099511628211);
  return digest;
}

/* The MPI's name and version, from what its header says: asking its library would load it, which costs a tenth of a second. */
#include "version.h"

#include <mpi.h>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char *amz_mpi_version(void)
{
#if defined(OMPI_MAJOR_VERSION)
  return "Open MPI " TEXT(OMPI_MAJOR_VERSION) "." TEXT(OMPI_MINOR_VERSION) "." TEXT(OMPI_RELEASE_VERSION);
#elif defined(MPICH_VERSION)
  return "MPICH " MPICH_VERSION;
#else
  return "MPI " TEXT(MPI_VERSION) "." TEXT(MPI_SUBVERSION) " (unknown implementation)";
#endif
}

/* Which MPI this was built with. */
#ifndef AMZ_MPI_VERSION_H
#define AMZ_MPI_VERSION_H

/* \return "Open MPI 4.1.4", "MPICH 4.0.2", "MPI 3.1 (unknown implementation)"; constant. No MPI function is called. */
const char *amz_mpi_version(void);

#endif

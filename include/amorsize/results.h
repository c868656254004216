/* Results by index: one file for a whole run, which all ranks write into and everybody can read.
 *
 * The file is AMZ_RESULTS_HEADER bytes of header and then the tasks' results, that of task i at AMZ_RESULTS_HEADER + i · (bytes
 * of a result). The header is that of NumPy's format .npy, version 1.0, which other languages read, too; it tells element type,
 * byte order and number of tasks, and behind a '#', for people, the job's, plug-in's and run's names:
 *
 *     \x93NUMPY 1 0, u16 length (little-endian), then ASCII up to a newline at its end:
 *     {'descr': '<f8', 'fortran_order': False, 'shape': (1000000,), } # amorsize-mpi results 1; job pi; plug-in montecarlo; run
 *     pi.runs/004
 *
 *     numpy.load("results.bin", mmap_mode="r")
 *     numpy.memmap("results.bin", dtype="<f8", mode="r", offset=4096)
 *
 * The place of a task without a result (it failed, or hasn't run) is zero or stale: which ones count is known by the run's
 * database. A result is told to the master as durable only when amz_results_sync, or the store's sync of this path, has come
 * back.
 *
 * Writers open it for writing alone: then a network file system's client never reads a page in, and writes back just the bytes
 * that were written, so that ranks on different nodes may share a page. Needs neither SQLite nor threads. */
#ifndef AMORSIZE_RESULTS_H
#define AMORSIZE_RESULTS_H

#include <stdint.h>

#include <amorsize/error.h>
#include <amorsize/reduce.h>

#define AMZ_RESULTS_HEADER 4096u
#define AMZ_RESULTS_NAME "results.bin" /* unless the job says otherwise */

struct amz_results_format {
  uint64_t tasks;
  enum amz_value type;
  uint32_t width;  /* values per task, >= 1; for BYTES: bytes per task */
  const char *job, *plugin, *run; /* for people, and so that files of other runs are known; any may be NULL */
};

/* \return bytes of one task's result. */
uint64_t amz_results_bytes(const struct amz_results_format *format);
/* Where a job's output.results is: a relative NAME in RUN_DIR/out, so that each run has its own; an absolute one there; NULL:
 * AMZ_RESULTS_NAME. \return AMZ_OK with the path (free it); AMZ_EINVAL with *err: ends in '/', or is the name of a pack;
 * AMZ_ENOMEM. */
int amz_results_path(const char *run_dir, const char *name, struct amz_error *err, char **ret);

/* Where a node doesn't see the run directory, a rank keeps a file of its own beside its pack, rRRRRR-eEEEEE.results, like the
 * run's in all but that only the places of its own tasks are filled. \return AMZ_OK with its path (free it); AMZ_ENOMEM. */
int amz_results_apart_path(const char *pack_path, char **ret);
/* \return 1 with rank and epoch when the file name is such a one's; else 0. */
int amz_results_apart_name(const char *file, uint32_t *ret_rank, uint32_t *ret_epoch);

struct amz_results;

/* Opens the file for writing; makes it, at its full size but without using the space, when it isn't there. Any number of
 * processes may do that at the same time.
 * \return AMZ_OK; AMZ_EBUSY: the file is another run's or no results file: it isn't touched; AMZ_EINVAL: too large a file;
 * AMZ_EIO, AMZ_ENOMEM; with *err. Release with amz_results_close. */
int amz_results_open(const char *path, const struct amz_results_format *format, struct amz_error *err, struct amz_results **ret);
/* The same for a run of so many tasks, as the header of another file says, AMZ_RESULTS_HEADER bytes, and its size.
 * \return likewise; AMZ_ECORRUPT with *err: no such header, or not of so many tasks. */
int amz_results_open_like(const char *path, const void *header, uint64_t file_bytes, uint64_t tasks, struct amz_error *err,
                          struct amz_results **ret);
/* \return bytes of one task's result. */
uint64_t amz_results_each(const struct amz_results *r);
/* Writes the results of tasks first .. first+count-1, one behind the other in memory. From any thread.
 * \return AMZ_OK; AMZ_EIO with *err: the disk is full …; AMZ_EINVAL: beyond the tasks. */
int amz_results_write(const struct amz_results *r, uint64_t first, uint64_t count, const void *results, struct amz_error *err);
/* What was written so far is on disk. \return AMZ_OK; AMZ_EIO with *err. */
int amz_results_sync(const struct amz_results *r, struct amz_error *err);
void amz_results_close(struct amz_results *r); /* accepts NULL; doesn't sync */

#endif

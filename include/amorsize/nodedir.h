/* Directories of a node's own, for the packs of a rank whose scratch no other node sees.
 *
 * One directory per run and node, BASE/amorsize-mpi-KEY, built like a run directory: out/ holds packs. BASE may be open to
 * everybody, as /tmp is: the key is random, the directory is ours alone (mode 0700), no symbolic link is followed to it, and what
 * is there already is used only when it is a directory of our own that nobody else can enter. */
#ifndef AMORSIZE_NODEDIR_H
#define AMORSIZE_NODEDIR_H

#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>

#define AMZ_NODEDIR_KEY 33 /* bytes: 32 hexadecimal digits and a NUL */

/* \return AMZ_OK with a random key; AMZ_EENV with *err: the system gives no random numbers. */
int amz_nodedir_key(char ret[AMZ_NODEDIR_KEY], struct amz_error *err);
/* \return AMZ_OK with BASE/amorsize-mpi-KEY (free it); AMZ_ENOMEM. */
int amz_nodedir_path(const char *base, const char *key, char **ret);
/* Makes the directory and its out/, or uses ours. \return AMZ_OK; AMZ_EENV with *err, which says what is wrong with the place. */
int amz_nodedir_make(const char *path, struct amz_error *err);
/* Opens its out/. \return AMZ_OK with a descriptor; AMZ_ENOENT: there is none; AMZ_EENV with *err: it isn't ours. */
int amz_nodedir_open(const char *path, struct amz_error *err, int *ret_fd);
/* Removes the directory, and what was made in it, as far as all is empty; logs of plug-ins that are empty go, too. */
void amz_nodedir_remove(const char *path);
/* Where tasks start on a node that doesn't see the directory in which the run was started: PATH/work. \return AMZ_OK with it
 * (free it); AMZ_EENV, AMZ_ENOMEM. */
int amz_nodedir_work(const char *path, struct amz_error *err, char **ret);

/* ---- packs that arrive ------------------------------------------------------------------------------------------------ */

/* A pack on its way into a run directory's out/: under another name until it is whole and durable. One at a time per run
 * directory. */
struct amz_incoming {
  int fd;
  char *aside, *path, *out;
  uint64_t size, have;
};

/* \return AMZ_OK: write to it; AMZ_ENOENT: nothing to do, a pack of this name and at least this size is there already;
 * AMZ_EINVAL: no pack's name; AMZ_EIO, AMZ_ENOMEM with *err. */
int amz_incoming_begin(struct amz_incoming *in, const char *run_dir, const char *name, uint64_t size, struct amz_error *err);
/* Appends. \return AMZ_OK; AMZ_ERANGE: more than was announced; AMZ_EIO with *err. */
int amz_incoming_add(struct amz_incoming *in, const void *bytes, size_t n, struct amz_error *err);
/* Makes it durable and gives it its name. \return AMZ_OK; AMZ_ECORRUPT: it is short, or no pack of that name; AMZ_EIO with *err.
 * It is released in any case. */
int amz_incoming_finish(struct amz_incoming *in, struct amz_error *err);
/* Gives up what was not finished. */
void amz_incoming_drop(struct amz_incoming *in);

/* CRC-32, for pieces on their way. */
uint32_t amz_incoming_sum(const void *bytes, size_t n);

/* \return 1 with a pack's rank and epoch when the file name is a pack's; else 0. */
int amz_pack_name(const char *file, uint32_t *ret_rank, uint32_t *ret_epoch);

#endif

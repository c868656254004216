/* The world as the job room sees it (amorsize/files.h), in three kinds: the disk; a recorder around another one, which keeps
 * every answer; and a replayer, which gives the recorded answers again. A resumed run so sees the task list that the run began
 * with.
 *
 * A recording holds the whole text of each file that a source has read, a big file of task lines too: that copy in the run
 * directory is the price of a task list that nobody can change under a run.
 *
 * None of them is shared between threads. */
#ifndef AMZ_RUN_FILES_H
#define AMZ_RUN_FILES_H

#include <stddef.h>

#include <amorsize/error.h>
#include <amorsize/files.h>

/* ---- disk ------------------------------------------------------------------------------------------------------------- */

struct amz_disk;

/* \return AMZ_OK; AMZ_ENOMEM. Release with amz_disk_free (accepts NULL). */
int amz_disk_new(struct amz_disk **ret);
void amz_disk_free(struct amz_disk *disk);
/* The interface onto the disk; valid as long as it. Standard input is read once and remembered. Patterns: `**` stands alone
 * between slashes, doesn't enter symbolic links and, as the last part, means every entry below; `\` takes the next byte
 * literally; a `[` without its `]` is literal (as in sh). A directory that can't be listed is AMZ_EIO, so that no task is left
 * out in silence. */
struct amz_files amz_disk_files(struct amz_disk *disk);
/* One file of at most `most` bytes, for who reads nothing else. \return as amz_files.read: AMZ_OK, what it holds appended to
 * *ret; others with *err. */
int amz_disk_read_file(const char *path, uint64_t most, struct amz_buf *ret, struct amz_error *err);

/* ---- recorder --------------------------------------------------------------------------------------------------------- */

struct amz_recorder;

/* Records around `inner`, which must outlive it. \return AMZ_OK; AMZ_ENOMEM. Release with amz_recorder_free (accepts NULL). */
int amz_recorder_new(const struct amz_files *inner, struct amz_recorder **ret);
void amz_recorder_free(struct amz_recorder *rec);
/* Answers (failures too, except out of memory) are kept; a question asked again gets the answer it had. */
struct amz_files amz_recorder_files(struct amz_recorder *rec);
/* Keeps bytes under a key of the caller's (job text, settings, …), each key once.
 * \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL: the key is taken, or the recording is sealed. */
int amz_recorder_note(struct amz_recorder *rec, const char *key, const void *bytes, size_t n);
/* Seals the recording: no question is answered and no note taken afterwards. The encoded bytes, to be written to a file as they
 * are, belong to the recorder.
 * \return AMZ_OK; AMZ_ENOMEM: some answer couldn't be kept. */
int amz_recorder_seal(struct amz_recorder *rec, const void **ret_bytes, size_t *ret_n);

/* ---- replayer --------------------------------------------------------------------------------------------------------- */

struct amz_replayer;

/* Over the bytes of a sealed recording, which are borrowed and must outlive it; all of them are checked now.
 * \return AMZ_OK; AMZ_ENOMEM; AMZ_ECORRUPT with *err: truncated, damaged, or of another version. Release with amz_replayer_free
 * (accepts NULL). */
int amz_replayer_new(const void *bytes, size_t n, struct amz_error *err, struct amz_replayer **ret);
void amz_replayer_free(struct amz_replayer *rep);
/* The recorded answers; a question that was never asked is AMZ_ECORRUPT with *err. */
struct amz_files amz_replayer_files(struct amz_replayer *rep);
/* \return AMZ_OK with the bytes (within those given to amz_replayer_new); AMZ_ENOENT: no such note. */
int amz_replayer_note(const struct amz_replayer *rep, const char *key, const void **ret_bytes, size_t *ret_n);

#endif

/* The entries of a recording and finding them again; shared by recorder and replayer. Private to src/run/files*.c.
 *
 * Encoding, integers little-endian:
 *   "AMZINPUT", u32 version
 *   entries: u8 operation, u32 result (two's complement), u32 errno, u32 and bytes: key, u32 and bytes: words of the error,
 *            u64 and bytes: answer, u32 CRC-32 of the entry up to here
 *   end: u8 'E', u64 number of entries, u32 CRC-32 of these nine bytes; nothing follows
 * Each entry has a checksum of its own, so that damage is told apart by what it hit; the end says that nothing is missing. */
#ifndef AMZ_RUN_FILES_RECORDING_H
#define AMZ_RUN_FILES_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>

#define AMZ_RECORDING_MAGIC "AMZINPUT"
#define AMZ_RECORDING_VERSION UINT32_C(1)

enum amz_recorded {
  AMZ_RECORDED_READ = 'R',
  AMZ_RECORDED_GLOB = 'G',
  AMZ_RECORDED_SIZE = 'S',
  AMZ_RECORDED_NOTE = 'N',
  AMZ_RECORDED_END = 'E'
};

struct amz_entry {
  uint8_t operation;
  int result;
  int sys_errno;
  size_t key, key_len; /* offsets in the encoded bytes, which move while they grow */
  size_t words, words_len;
  size_t answer, answer_len;
};

struct amz_entries {
  struct amz_entry *items;
  size_t count, cap;
  size_t *slots; /* hash table: number of the entry + 1, or 0; its size is a power of two */
  size_t n_slots;
};

void amz_entries_clear(struct amz_entries *e);
/* \return AMZ_OK; AMZ_ENOMEM. */
int amz_entries_add(struct amz_entries *e, const char *base, const struct amz_entry *entry) AMZ_MUST_CHECK;
/* \return the entry, or NULL. */
const struct amz_entry *amz_entries_find(const struct amz_entries *e, const char *base, uint8_t operation, const char *key);
/* Gives the recorded answer: appends it to *ret, and fills *err when it was a failure. \return the recorded result; AMZ_ERANGE:
 * longer than max_bytes; AMZ_ENOMEM. */
int amz_entry_answer(const struct amz_entry *entry, const char *base, uint64_t max_bytes, struct amz_buf *ret,
                     struct amz_error *err);
uint32_t amz_recording_crc(const void *bytes, size_t n);

#endif

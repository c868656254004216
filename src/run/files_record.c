/* The recorder: asks another struct amz_files, keeps what it says, and says the same when asked again. Encoding in
 * files_recording.h. */
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "files_recording.h"

struct amz_recorder {
  struct amz_files inner;
  struct amz_buf bytes; /* the recording so far, encoded */
  struct amz_entries entries;
  bool sealed;
  bool failed; /* some answer couldn't be kept: the recording is worthless */
};

/* Encodes an entry and takes it into the list. */
static int keep(struct amz_recorder *rec, uint8_t operation, const char *key, int result, const struct amz_error *e,
                const void *answer, size_t n)
{
  struct amz_entry entry = {.operation = operation, .result = result, .sys_errno = e->sys_errno, .key_len = strlen(key),
                            .words_len = strlen(e->text), .answer_len = n};
  struct amz_buf *b = &rec->bytes;
  size_t begin = b->len;

  amz_buf_add_u8(b, operation);
  amz_buf_add_u32(b, (uint32_t)result);
  amz_buf_add_u32(b, (uint32_t)e->sys_errno);
  amz_buf_add_bytes(b, key, entry.key_len);
  entry.key = b->len - entry.key_len;
  amz_buf_add_bytes(b, e->text, entry.words_len);
  entry.words = b->len - entry.words_len;
  amz_buf_add_u64(b, n);
  entry.answer = b->len;
  amz_buf_add(b, answer, n);
  if (amz_buf_ok(b) == AMZ_OK)
    amz_buf_add_u32(b, amz_recording_crc(b->data + begin, b->len - begin));
  if (amz_buf_ok(b) < 0 || amz_entries_add(&rec->entries, b->data, &entry) < 0) {
    rec->failed = true;
    return AMZ_ENOMEM;
  }
  return AMZ_OK;
}

/* The answer to a question that has been asked before; 1: it hasn't. */
static int asked_before(struct amz_recorder *rec, uint8_t operation, const char *key, uint64_t max_bytes, struct amz_buf *ret,
                        struct amz_error *err)
{
  const struct amz_entry *entry;

  if (rec->sealed)
    return amz_error_set(err, AMZ_EINVAL, "the recording of the run's inputs is closed");
  entry = amz_entries_find(&rec->entries, rec->bytes.data, operation, key);
  return entry ? amz_entry_answer(entry, rec->bytes.data, max_bytes, ret, err) : 1;
}

/* Keeps the answer just got, which is what was appended to *ret behind `before`, or the failure in *e. */
static int keep_answer(struct amz_recorder *rec, uint8_t operation, const char *key, int result, const struct amz_error *e,
                       const struct amz_buf *ret, size_t before, struct amz_error *err)
{
  static const struct amz_error none = {0, 0, ""};

  if (result < 0 && err)
    *err = *e;
  if (result == AMZ_ENOMEM)
    return result; /* says nothing about the world */
  if (keep(rec, operation, key, result, result < 0 ? e : &none, result < 0 ? "" : amz_buf_text(ret) + before,
           result < 0 ? 0 : ret->len - before) < 0)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory while recording the run's inputs");
  return result;
}

static int record_read(void *ctx, const char *path, uint64_t max_bytes, struct amz_buf *ret, struct amz_error *err)
{
  struct amz_recorder *rec = ctx;
  struct amz_error e = {0, 0, ""};
  size_t before = ret->len;
  int rc = asked_before(rec, AMZ_RECORDED_READ, path, max_bytes, ret, err);

  if (rc <= 0)
    return rc;
  rc = rec->inner.read(rec->inner.ctx, path, max_bytes, ret, &e);
  return keep_answer(rec, AMZ_RECORDED_READ, path, rc, &e, ret, before, err);
}

static int record_glob(void *ctx, const char *pattern, struct amz_buf *ret, struct amz_error *err)
{
  struct amz_recorder *rec = ctx;
  struct amz_error e = {0, 0, ""};
  size_t before = ret->len;
  int rc = asked_before(rec, AMZ_RECORDED_GLOB, pattern, UINT64_MAX, ret, err);

  if (rc <= 0)
    return rc;
  rc = rec->inner.glob(rec->inner.ctx, pattern, ret, &e);
  return keep_answer(rec, AMZ_RECORDED_GLOB, pattern, rc, &e, ret, before, err);
}

static int ask_size(struct amz_recorder *rec, const char *path, struct amz_buf *answer, struct amz_error *err)
{
  struct amz_error e = {0, 0, ""};
  uint64_t bytes = 0;
  int rc = asked_before(rec, AMZ_RECORDED_SIZE, path, UINT64_MAX, answer, err);

  if (rc <= 0)
    return rc;
  rc = rec->inner.size(rec->inner.ctx, path, &bytes, &e);
  amz_buf_add_u64(answer, bytes);
  if (amz_buf_ok(answer) < 0)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory while recording the run's inputs");
  return keep_answer(rec, AMZ_RECORDED_SIZE, path, rc, &e, answer, 0, err);
}

static int record_size(void *ctx, const char *path, uint64_t *ret_bytes, struct amz_error *err)
{
  struct amz_buf answer = AMZ_BUF_INIT;
  int rc = ask_size(ctx, path, &answer, err);
  struct amz_cursor c = amz_cursor_over(answer.data, answer.len);

  if (rc == AMZ_OK)
    *ret_bytes = amz_cursor_u64(&c);
  amz_buf_clear(&answer);
  return rc;
}

int amz_recorder_new(const struct amz_files *inner, struct amz_recorder **ret)
{
  struct amz_recorder *rec = calloc(1, sizeof *rec);

  if (!rec)
    return AMZ_ENOMEM;
  rec->inner = *inner;
  amz_buf_adds(&rec->bytes, AMZ_RECORDING_MAGIC);
  amz_buf_add_u32(&rec->bytes, AMZ_RECORDING_VERSION);
  if (amz_buf_ok(&rec->bytes) < 0) {
    amz_recorder_free(rec);
    return AMZ_ENOMEM;
  }
  *ret = rec;
  return AMZ_OK;
}

void amz_recorder_free(struct amz_recorder *rec)
{
  if (!rec)
    return;
  amz_buf_clear(&rec->bytes);
  amz_entries_clear(&rec->entries);
  free(rec);
}

struct amz_files amz_recorder_files(struct amz_recorder *rec)
{
  return (struct amz_files){rec, record_read, record_glob, record_size};
}

int amz_recorder_note(struct amz_recorder *rec, const char *key, const void *bytes, size_t n)
{
  static const struct amz_error none = {0, 0, ""};

  if (rec->sealed || amz_entries_find(&rec->entries, rec->bytes.data, AMZ_RECORDED_NOTE, key))
    return AMZ_EINVAL;
  return keep(rec, AMZ_RECORDED_NOTE, key, AMZ_OK, &none, bytes, n);
}

int amz_recorder_seal(struct amz_recorder *rec, const void **ret_bytes, size_t *ret_n)
{
  struct amz_buf *b = &rec->bytes;
  size_t begin = b->len;

  if (!rec->sealed && !rec->failed) {
    amz_buf_add_u8(b, AMZ_RECORDED_END);
    amz_buf_add_u64(b, rec->entries.count);
    if (amz_buf_ok(b) == AMZ_OK)
      amz_buf_add_u32(b, amz_recording_crc(b->data + begin, b->len - begin));
    rec->failed = amz_buf_ok(b) < 0;
    rec->sealed = true;
  }
  if (rec->failed)
    return AMZ_ENOMEM;
  *ret_bytes = b->data;
  *ret_n = b->len;
  return AMZ_OK;
}

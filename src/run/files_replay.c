/* The replayer: a recording's answers, and no others. All of the recording is checked before the first answer is given. */
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "files_recording.h"

struct amz_replayer {
  const char *bytes;
  struct amz_entries entries;
};

static int corrupt(struct amz_error *err, const char *what)
{
  return amz_error_set(err, AMZ_ECORRUPT, "the recording of the run's inputs is damaged: %s", what);
}

/* Steps over n bytes. \return where they begin. */
static size_t skip(struct amz_cursor *c, uint64_t n)
{
  size_t at = c->pos;

  if (amz_cursor_left(c) < n)
    c->failed = true;
  else
    c->pos += (size_t)n;
  return at;
}

static size_t read_span(struct amz_cursor *c, uint64_t n, size_t *ret_len)
{
  *ret_len = (size_t)n;
  return skip(c, n);
}

static bool checksum_fits(struct amz_cursor *c, size_t begin)
{
  uint32_t crc = c->failed ? 0 : amz_recording_crc(c->data + begin, c->pos - begin);

  return amz_cursor_u32(c) == crc && !c->failed;
}

static int read_end(struct amz_replayer *rep, struct amz_cursor *c, size_t begin, struct amz_error *err)
{
  uint64_t count = amz_cursor_u64(c);

  if (!checksum_fits(c, begin) || amz_cursor_left(c) != 0 || count != rep->entries.count)
    return corrupt(err, "its end is wrong");
  return 1;
}

static bool is_sound(const struct amz_replayer *rep, const struct amz_entry *e)
{
  return strchr("RGSN", e->operation) && e->operation != 0 && e->result <= 0 && e->result >= AMZ_EENV &&
         !memchr(rep->bytes + e->key, '\0', e->key_len) &&
         (e->operation != AMZ_RECORDED_SIZE || e->result < 0 || e->answer_len == 8);
}

/* \return AMZ_OK: an entry; 1: the end of the recording; a failure. */
static int read_entry(struct amz_replayer *rep, struct amz_cursor *c, struct amz_error *err)
{
  size_t begin = c->pos;
  struct amz_entry e = {.operation = amz_cursor_u8(c)};

  if (e.operation == AMZ_RECORDED_END)
    return read_end(rep, c, begin, err);
  e.result = (int)(int32_t)amz_cursor_u32(c);
  e.sys_errno = (int)(int32_t)amz_cursor_u32(c);
  e.key = read_span(c, amz_cursor_u32(c), &e.key_len);
  e.words = read_span(c, amz_cursor_u32(c), &e.words_len);
  e.answer = read_span(c, amz_cursor_u64(c), &e.answer_len);
  if (c->failed)
    return corrupt(err, "it is cut short");
  if (!checksum_fits(c, begin) || !is_sound(rep, &e))
    return corrupt(err, "an entry's checksum is wrong");
  if (amz_entries_add(&rep->entries, rep->bytes, &e) < 0)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory for the recording of the run's inputs");
  return AMZ_OK;
}

static int read_recording(struct amz_replayer *rep, size_t n, struct amz_error *err)
{
  struct amz_cursor c = amz_cursor_over(rep->bytes, n);
  size_t magic = strlen(AMZ_RECORDING_MAGIC);
  uint32_t version;
  int rc = AMZ_OK;

  if (n < magic || memcmp(rep->bytes, AMZ_RECORDING_MAGIC, magic) != 0)
    return corrupt(err, "it doesn't begin like one");
  (void)skip(&c, magic);
  version = amz_cursor_u32(&c);
  if (!c.failed && version != AMZ_RECORDING_VERSION)
    return amz_error_set(err, AMZ_ECORRUPT, "the recording of the run's inputs has version %u, this program reads version %u",
                         (unsigned)version, (unsigned)AMZ_RECORDING_VERSION);
  while (rc == AMZ_OK)
    rc = read_entry(rep, &c, err);
  return rc < 0 ? rc : AMZ_OK;
}

int amz_replayer_new(const void *bytes, size_t n, struct amz_error *err, struct amz_replayer **ret)
{
  struct amz_replayer *rep = calloc(1, sizeof *rep);
  int rc;

  if (!rep)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory for the recording of the run's inputs");
  rep->bytes = bytes;
  rc = read_recording(rep, n, err);
  if (rc < 0) {
    amz_replayer_free(rep);
    return rc;
  }
  *ret = rep;
  return AMZ_OK;
}

void amz_replayer_free(struct amz_replayer *rep)
{
  if (!rep)
    return;
  amz_entries_clear(&rep->entries);
  free(rep);
}

static int replay(const struct amz_replayer *rep, uint8_t operation, const char *verb, const char *key, uint64_t max_bytes,
                  struct amz_buf *ret, struct amz_error *err)
{
  const struct amz_entry *entry = amz_entries_find(&rep->entries, rep->bytes, operation, key);

  if (!entry)
    return amz_error_set(err, AMZ_ECORRUPT, "the run's inputs, as recorded when it began, don't tell %s %.400s", verb, key);
  return amz_entry_answer(entry, rep->bytes, max_bytes, ret, err);
}

static int replay_read(void *ctx, const char *path, uint64_t max_bytes, struct amz_buf *ret, struct amz_error *err)
{
  return replay(ctx, AMZ_RECORDED_READ, "what is in", path, max_bytes, ret, err);
}

static int replay_glob(void *ctx, const char *pattern, struct amz_buf *ret, struct amz_error *err)
{
  return replay(ctx, AMZ_RECORDED_GLOB, "what matches", pattern, UINT64_MAX, ret, err);
}

static int replay_size(void *ctx, const char *path, uint64_t *ret_bytes, struct amz_error *err)
{
  struct amz_buf answer = AMZ_BUF_INIT;
  int rc = replay(ctx, AMZ_RECORDED_SIZE, "the size of", path, UINT64_MAX, &answer, err);
  struct amz_cursor c = amz_cursor_over(answer.data, answer.len);

  if (rc == AMZ_OK)
    *ret_bytes = amz_cursor_u64(&c);
  amz_buf_clear(&answer);
  return rc;
}

struct amz_files amz_replayer_files(struct amz_replayer *rep)
{
  return (struct amz_files){rep, replay_read, replay_glob, replay_size};
}

int amz_replayer_note(const struct amz_replayer *rep, const char *key, const void **ret_bytes, size_t *ret_n)
{
  const struct amz_entry *entry = amz_entries_find(&rep->entries, rep->bytes, AMZ_RECORDED_NOTE, key);

  if (!entry)
    return AMZ_ENOENT;
  *ret_bytes = rep->bytes + entry->answer;
  *ret_n = entry->answer_len;
  return AMZ_OK;
}

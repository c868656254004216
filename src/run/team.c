/* Who shares what with whom, and the bytes of what ranks say of themselves and are told. Nothing is sent here (meeting.c). */
#define _GNU_SOURCE
#include "team.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/alloc.h>
#include <amorsize/node.h>

#include "words.h"

void amz_member_clear(struct amz_member *m)
{
  free(m->units);
  free(m->gpu_domains);
  free(m->core_domains);
  m->units = m->gpu_domains = m->core_domains = NULL;
}

void amz_team_clear(struct amz_team *team)
{
  for (uint32_t i = 0; i < team->count; i++)
    amz_member_clear(&team->members[i]);
  free(team->members);
  *team = (struct amz_team){NULL, 0};
}

/* ---- dividing --------------------------------------------------------------------------------------------------------- */

static bool share_cores(const struct amz_member *a, const struct amz_member *b)
{
  return strcmp(a->node, b->node) == 0 && a->n_units == b->n_units &&
         (a->n_units == 0 || memcmp(a->units, b->units, a->n_units * sizeof *a->units) == 0);
}

bool amz_members_share_gpus(const struct amz_member *a, const struct amz_member *b)
{
  return strcmp(a->node, b->node) == 0 && a->gpus == b->gpus && a->gpus_digest == b->gpus_digest;
}

void amz_team_divide(struct amz_team *team)
{
  for (uint32_t i = 0; i < team->count; i++) {
    struct amz_member *m = &team->members[i];

    m->local_rank = 0;
    m->local_size = 0;
    m->gpu_rank = m->gpu_size = 0;
    m->node_rank = m->node_size = 0;
    m->same_node = strcmp(m->node, team->members[0].node) == 0 && m->pid_space == team->members[0].pid_space;
    for (uint32_t k = 0; k < team->count; k++) {
      if (share_cores(m, &team->members[k])) {
        m->local_size++;
        m->local_rank += k < i;
      }
      if (strcmp(m->node, team->members[k].node) == 0) {
        m->node_size++;
        m->node_rank += k < i;
      }
      if (amz_members_share_gpus(m, &team->members[k])) {
        m->gpu_size++;
        m->gpu_rank += k < i;
      }
    }
  }
}

void amz_member_share(const struct amz_member *m, uint32_t *ret_first, uint32_t *ret_count)
{
  uint64_t cores = m->cores, size = m->local_size ? m->local_size : 1, from = cores * m->local_rank / size,
           to = cores * (m->local_rank + 1) / size;

  if (to == from) { /* more ranks than cores */
    from = cores ? m->local_rank % cores : 0;
    to = from + 1;
  }
  *ret_first = (uint32_t)from;
  *ret_count = (uint32_t)(to - from);
}

uint32_t amz_member_gpu_slots(const struct amz_member *m, uint32_t per_slot)
{
  uint64_t all = per_slot ? m->gpus / per_slot : 0, size = m->gpu_size ? m->gpu_size : 1, from = all * m->gpu_rank / size;

  return (uint32_t)(all * (m->gpu_rank + 1) / size - from);
}

/* ---- words ------------------------------------------------------------------------------------------------------------ */

static int by_number(const void *a, const void *b)
{
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

  return (x > y) - (x < y);
}

/* FNV-1a over the names: tells whether two ranks see the same GPUs. */
static uint64_t digest_of(const struct amz_gpus *gpus)
{
  uint64_t h = UINT64_C(14695981039346656037);

  for (uint32_t i = 0; i < gpus->count; i++)
    for (const char *c = gpus->ids[i];; c++) {
      h = (h ^ (unsigned char)*c) * UINT64_C(1099511628211);
      if (!*c)
        break;
    }
  return h;
}

uint64_t amz_pid_space(void)
{
  struct stat st;

  return stat("/proc/self/ns/pid", &st) == 0 ? (uint64_t)st.st_ino : 0;
}

/* Where this node keeps what is for a while. */
static const char *temporary(size_t room)
{
  const char *dir = getenv("TMPDIR");

  return dir && *dir == '/' && strlen(dir) < room ? dir : "/tmp";
}

/* Where GPUs and cores are, as far as anybody has looked. */
static int describe_places(const struct amz_cores *own, const struct amz_gpus *gpus, struct amz_member *ret)
{
  ret->n_domains = gpus->domains && own->most == own->count ? own->count : 0;
  ret->gpu_domains = amz_new_array(gpus->count, sizeof *ret->gpu_domains);
  ret->core_domains = amz_new_array(ret->n_domains, sizeof *ret->core_domains);
  if (!ret->gpu_domains || !ret->core_domains)
    return AMZ_ENOMEM;
  for (uint32_t i = 0; i < gpus->count; i++)
    ret->gpu_domains[i] = gpus->domains ? gpus->domains[i] : AMZ_NO_DOMAIN;
  for (uint32_t i = 0; i < ret->n_domains; i++) {
    uint32_t unit = own->cpus[own->starts[i]];

    ret->core_domains[i] = unit < gpus->n_units ? gpus->unit_domains[unit] : AMZ_NO_DOMAIN;
  }
  return AMZ_OK;
}

int amz_member_describe(const char *node, const struct amz_cores *own, const struct amz_gpus *gpus, struct amz_member *ret)
{
  uint32_t n = own->starts[own->count];

  memset(ret, 0, sizeof *ret);
  (void)snprintf(ret->node, sizeof ret->node, "%s", node);
  (void)snprintf(ret->tmp, sizeof ret->tmp, "%s", temporary(sizeof ret->tmp));
  ret->pid = (int64_t)getpid();
  ret->pid_space = amz_pid_space();
  ret->cores = own->most;
  ret->gpus = gpus->count;
  ret->gpus_digest = digest_of(gpus);
  ret->n_units = n;
  ret->units = amz_new_array(n, sizeof *ret->units);
  if (!ret->units)
    return AMZ_ENOMEM;
  memcpy(ret->units, own->cpus, n * sizeof *ret->units);
  qsort(ret->units, n, sizeof *ret->units, by_number);
  return describe_places(own, gpus, ret);
}

static void add_numbers(const uint32_t *numbers, uint32_t n, struct amz_buf *out)
{
  amz_buf_add_u32(out, n);
  for (uint32_t i = 0; i < n; i++)
    amz_buf_add_u32(out, numbers[i]);
}

/* \return AMZ_OK with *ret (free it) and *ret_n; AMZ_ECORRUPT; AMZ_ENOMEM. */
static int read_numbers(struct amz_cursor *c, uint32_t **ret, uint32_t *ret_n)
{
  uint32_t n = amz_cursor_u32(c), *numbers;

  if (c->failed || n > amz_cursor_left(c) / 4)
    return AMZ_ECORRUPT;
  numbers = amz_new_array(n, sizeof *numbers);
  if (!numbers)
    return AMZ_ENOMEM;
  for (uint32_t i = 0; i < n; i++)
    numbers[i] = amz_cursor_u32(c);
  *ret = numbers;
  *ret_n = n;
  return AMZ_OK;
}

void amz_member_encode(const struct amz_member *m, struct amz_buf *out)
{
  amz_word_begin(AMZ_WORD_REPORT, out);
  amz_buf_add_bytes(out, m->node, strlen(m->node));
  amz_buf_add_bytes(out, m->tmp, strlen(m->tmp));
  amz_buf_add_i64(out, m->pid);
  amz_buf_add_u64(out, m->pid_space);
  amz_buf_add_u64(out, m->memory_bytes);
  amz_buf_add_u32(out, m->cores);
  amz_buf_add_u32(out, m->gpus);
  amz_buf_add_u64(out, m->gpus_digest);
  add_numbers(m->gpu_domains, m->gpus, out);
  add_numbers(m->core_domains, m->n_domains, out);
  add_numbers(m->units, m->n_units, out);
}

/* A text of at most size - 1 bytes. */
static bool read_name(struct amz_cursor *c, char *out, size_t size)
{
  const void *bytes;
  size_t n;

  amz_cursor_bytes(c, &bytes, &n);
  if (c->failed || n >= size || (n && memchr(bytes, '\0', n)))
    return false;
  if (n)
    memcpy(out, bytes, n);
  return true;
}

static int read_arrays(struct amz_cursor *c, struct amz_member *ret)
{
  uint32_t n_gpus = 0;
  int rc = read_numbers(c, &ret->gpu_domains, &n_gpus);

  if (rc == AMZ_OK && (rc = read_numbers(c, &ret->core_domains, &ret->n_domains)) == AMZ_OK)
    rc = read_numbers(c, &ret->units, &ret->n_units);
  return rc == AMZ_OK && (n_gpus != ret->gpus || amz_cursor_left(c)) ? AMZ_ECORRUPT : rc;
}

int amz_member_decode(const void *bytes, size_t n, struct amz_member *ret)
{
  struct amz_cursor c = amz_cursor_over(bytes, n);
  int rc;

  memset(ret, 0, sizeof *ret);
  if (amz_cursor_u8(&c) != AMZ_WORD_REPORT || amz_cursor_u8(&c) != AMZ_WORDS_VERSION)
    return AMZ_ECORRUPT;
  if (!read_name(&c, ret->node, sizeof ret->node) || !read_name(&c, ret->tmp, sizeof ret->tmp))
    return AMZ_ECORRUPT;
  ret->pid = amz_cursor_i64(&c);
  ret->pid_space = amz_cursor_u64(&c);
  ret->memory_bytes = amz_cursor_u64(&c);
  ret->cores = amz_cursor_u32(&c);
  ret->gpus = amz_cursor_u32(&c);
  ret->gpus_digest = amz_cursor_u64(&c);
  rc = read_arrays(&c, ret);
  if (rc < 0)
    amz_member_clear(ret);
  return rc;
}

void amz_order_encode(const struct amz_order_of_work *o, struct amz_buf *out)
{
  amz_word_begin(AMZ_WORD_ORDER, out);
  amz_buf_add_u32(out, (uint32_t)-o->status);
  if (o->status < 0)
    return;
  amz_buf_add_u32(out, o->epoch);
  amz_buf_add_u32(out, o->slots);
  amz_buf_add_u32(out, o->capacity);
  amz_buf_add_u32(out, o->threads);
  amz_buf_add_u32(out, o->core_first);
  amz_buf_add_u32(out, o->core_count);
  amz_buf_add_u64(out, o->memory_bytes);
  amz_buf_add_u8(out, o->barred);
  add_numbers(o->slot_gpus, o->n_slot_gpus, out);
  amz_buf_add_i64(out, o->master_pid);
  amz_buf_add_bytes(out, o->dir, strlen(o->dir) + 1);
  amz_buf_add_bytes(out, o->cwd, strlen(o->cwd) + 1);
  amz_buf_add_bytes(out, o->node_dir ? o->node_dir : "", o->node_dir ? strlen(o->node_dir) + 1 : 1);
  amz_buf_add_u64(out, o->n_ranges);
  amz_buf_add_u64(out, o->n_first);
  for (size_t i = 0; i < o->n_ranges; i++) {
    amz_buf_add_u64(out, o->ranges[i].first);
    amz_buf_add_u64(out, o->ranges[i].count);
  }
  amz_buf_add(out, o->recording, o->n_recording); /* the rest: may be longer than 32 bits count */
}

/* \return the string, which ends with its NUL; NULL when it doesn't. */
static const char *read_text(struct amz_cursor *c)
{
  const void *bytes;
  size_t n;

  amz_cursor_bytes(c, &bytes, &n);
  return n > 0 && ((const char *)bytes)[n - 1] == '\0' ? bytes : NULL;
}

static int read_ranges(struct amz_cursor *c, struct amz_range **ret, size_t *ret_n, size_t *ret_first)
{
  uint64_t n = amz_cursor_u64(c), n_first = amz_cursor_u64(c);
  struct amz_range *ranges;

  if (c->failed || n > amz_cursor_left(c) / 16 || n_first > n)
    return AMZ_ECORRUPT;
  ranges = amz_new_array((size_t)n, sizeof *ranges);
  if (!ranges)
    return AMZ_ENOMEM;
  for (uint64_t i = 0; i < n; i++) {
    ranges[i].first = amz_cursor_u64(c);
    ranges[i].count = amz_cursor_u64(c);
  }
  *ret = ranges;
  *ret_n = (size_t)n;
  *ret_first = (size_t)n_first;
  return AMZ_OK;
}

void amz_order_parts_clear(struct amz_order_parts *parts)
{
  free(parts->ranges);
  free(parts->slot_gpus);
  *parts = (struct amz_order_parts){NULL, NULL};
}

int amz_order_decode(const struct amz_buf *bytes, struct amz_order_parts *ret_parts, struct amz_order_of_work *ret)
{
  struct amz_cursor c = amz_cursor_over(bytes->data, bytes->len);
  int rc;

  memset(ret, 0, sizeof *ret);
  if (amz_cursor_u8(&c) != AMZ_WORD_ORDER || amz_cursor_u8(&c) != AMZ_WORDS_VERSION)
    return AMZ_ECORRUPT;
  ret->status = -(int)(amz_cursor_u32(&c) & 0xffff);
  if (ret->status < 0)
    return AMZ_OK;
  ret->epoch = amz_cursor_u32(&c);
  ret->slots = amz_cursor_u32(&c);
  ret->capacity = amz_cursor_u32(&c);
  ret->threads = amz_cursor_u32(&c);
  ret->core_first = amz_cursor_u32(&c);
  ret->core_count = amz_cursor_u32(&c);
  ret->memory_bytes = amz_cursor_u64(&c);
  ret->barred = amz_cursor_u8(&c) != 0;
  rc = read_numbers(&c, &ret_parts->slot_gpus, &ret->n_slot_gpus);
  if (rc < 0)
    return rc;
  ret->master_pid = amz_cursor_i64(&c);
  ret->dir = read_text(&c);
  ret->cwd = read_text(&c);
  ret->node_dir = read_text(&c);
  if (c.failed || !ret->dir || !ret->cwd || !ret->node_dir || !ret->slots || !ret->threads || ret->capacity < ret->slots)
    return AMZ_ECORRUPT;
  rc = read_ranges(&c, &ret_parts->ranges, &ret->n_ranges, &ret->n_first);
  if (rc < 0)
    return rc;
  if (!*ret->node_dir)
    ret->node_dir = NULL;
  ret->ranges = ret_parts->ranges;
  ret->slot_gpus = ret_parts->slot_gpus;
  ret->recording = c.data + c.pos;
  ret->n_recording = amz_cursor_left(&c);
  return AMZ_OK;
}

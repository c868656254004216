/* Collecting packs, and results by index, from other nodes. */
#define _GNU_SOURCE
#include "gather.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/alloc.h>
#include <amorsize/results.h>

#include "gather_source.h"
#include "meeting.h"

static void note(const struct amz_launch *l, const char *text)
{
  if (l->observer && l->observer->note)
    l->observer->note(l->observer->ctx, AMZ_WARNING, text);
}

/* ---- one pack ------------------------------------------------------------------------------------------------------------ */

static uint32_t piece_of(uint64_t left)
{
  return left < AMZ_GATHER_PIECE ? (uint32_t)left : AMZ_GATHER_PIECE;
}

static int take_piece(struct amz_gather_source *s, uint32_t file, struct amz_incoming *in, struct amz_error *err)
{
  const char *bytes;
  size_t n;
  int rc = amz_gather_hear_piece(s, file, in->have, &bytes, &n, err);

  if (rc == AMZ_OK)
    rc = amz_incoming_add(in, bytes, n, err);
  return rc == AMZ_ERANGE ? AMZ_EENV : rc;
}

static int take_pieces(struct amz_gather_source *s, uint32_t file, struct amz_incoming *in, struct amz_error *err)
{
  uint64_t asked = 0, ahead = (uint64_t)AMZ_GATHER_PIECE * (s->own ? 1 : AMZ_GATHER_WINDOW);
  int rc = AMZ_OK;

  while (rc == AMZ_OK && in->have < in->size) {
    for (; rc == AMZ_OK && asked < in->size && asked < in->have + ahead; asked += piece_of(in->size - asked))
      rc = amz_gather_ask_piece(s, file, asked, piece_of(in->size - asked), err);
    if (rc == AMZ_OK)
      rc = take_piece(s, file, in, err);
  }
  return rc;
}

static int take_pack(struct amz_gather_source *s, uint32_t file, struct amz_error *err)
{
  struct amz_incoming in;
  int rc = amz_incoming_begin(&in, s->l->dir, s->names[file], s->sizes[file], err);

  if (rc == AMZ_ENOENT) /* it is here already: whoever took it died before this was said */
    return AMZ_OK;
  if (rc == AMZ_OK) {
    rc = take_pieces(s, file, &in, err);
    if (rc == AMZ_OK)
      rc = amz_incoming_finish(&in, err);
    else
      amz_incoming_drop(&in);
  }
  return rc == AMZ_ECORRUPT || rc == AMZ_EINVAL ? AMZ_EENV : rc;
}

/* ---- one directory ------------------------------------------------------------------------------------------------------- */

static int take_file(struct amz_gather_source *s, uint32_t file, struct amz_error *err)
{
  uint32_t rank, epoch;
  struct amz_cursor c;
  int rc = amz_results_apart_name(s->names[file], &rank, &epoch) ? amz_gather_results(s, file, rank, epoch, err) : take_pack(s,
      file, err);

  if (rc < 0)
    return rc;
  amz_gather_question(s, AMZ_ASK_DROP);
  amz_buf_add_u32(&s->word, file);
  rc = amz_gather_ask(s, err);
  return rc < 0 ? rc : amz_gather_hear(s, AMZ_GIVE_DROPPED, &c, err);
}

/* Results come before packs: where a rank's pack is here, nothing of it is missing. */
static int take_files(struct amz_gather_source *s, bool results, struct amz_error *err)
{
  uint32_t rank, epoch;
  int rc = AMZ_OK;

  for (uint32_t i = 0; rc == AMZ_OK && i < s->n; i++)
    if ((amz_results_apart_name(s->names[i], &rank, &epoch) != 0) == results)
      rc = take_file(s, i, err);
  return rc;
}

static void forget_list(struct amz_gather_source *s)
{
  for (size_t i = 0; i < s->n; i++)
    free(s->names[i]);
  s->n = 0;
}

static int read_list(struct amz_gather_source *s, struct amz_cursor *c)
{
  uint32_t n = amz_cursor_u32(c);

  for (uint32_t i = 0; i < n && !c->failed; i++) {
    const void *name;
    size_t len;

    amz_cursor_bytes(c, &name, &len);
    if (amz_grow((void **)&s->names, &s->cap_names, s->n + 1, sizeof *s->names) < 0 ||
        amz_grow((void **)&s->sizes, &s->cap_sizes, s->n + 1, sizeof *s->sizes) < 0 ||
        !(s->names[s->n] = amz_strndup(len ? name : "", len)))
      return AMZ_ENOMEM;
    s->sizes[s->n++] = amz_cursor_u64(c);
  }
  return c->failed ? AMZ_ECORRUPT : AMZ_OK;
}

static int with_path(struct amz_gather_source *s, enum amz_ask what, struct amz_error *err)
{
  amz_gather_question(s, what);
  amz_buf_add_bytes(&s->word, s->path, strlen(s->path));
  return amz_gather_ask(s, err);
}

static int list(struct amz_gather_source *s, struct amz_error *err)
{
  struct amz_cursor c;
  int rc = with_path(s, AMZ_ASK_LIST, err);

  forget_list(s);
  if (rc == AMZ_OK)
    rc = amz_gather_hear(s, AMZ_GIVE_FILES, &c, err);
  if (rc < 0)
    return rc;
  rc = read_list(s, &c);
  return rc < 0 ? amz_error_set(err, rc == AMZ_ENOMEM ? rc : AMZ_EENV, "rank %u: its list of packs is not understood",
                                s->rank) : AMZ_OK;
}

static int take_all(struct amz_gather_source *s, struct amz_error *err)
{
  int rc = list(s, err);

  while (rc == AMZ_OK && s->n > 0) {
    rc = take_files(s, true, err);
    if (rc == AMZ_OK)
      rc = take_files(s, false, err);
    if (rc == AMZ_OK) /* until none is left: a list has its bounds */
      rc = list(s, err);
  }
  return rc == AMZ_OK ? with_path(s, AMZ_ASK_CLEAR, err) : rc;
}

/* All packs below `path` on a rank's node. \return AMZ_OK with *ret_had: it was done; false: it is told why not. AMZ_ECLOSED: a
 * signal; AMZ_EIO, AMZ_ENOMEM. */
static int take_from(struct amz_launch *l, uint32_t rank, bool own, const char *node, const char *path, bool *ret_had,
                     int *ret_signal, struct amz_error *err)
{
  struct amz_giver giver = AMZ_GIVER_INIT;
  struct amz_gather_source s = {.l = l, .rank = rank, .path = path, .own = own ? &giver : NULL, .word = AMZ_BUF_INIT};
  char text[AMZ_ERROR_TEXT + 640];
  int rc = take_all(&s, err);

  *ret_had = rc == AMZ_OK;
  if (rc == AMZ_EENV) {
    (void)snprintf(text, sizeof text, "outputs could not be gathered from node %s, where they stay in %s: %s", node, path,
                   err->text);
    note(l, text);
    rc = AMZ_OK;
  }
  *ret_signal = s.signal;
  forget_list(&s);
  free(s.names);
  free(s.sizes);
  amz_buf_clear(&s.word);
  amz_giver_clear(&giver);
  return rc;
}

/* ---- what earlier launches left ------------------------------------------------------------------------------------------ */

static const char *own_node(const struct amz_launch *l)
{
  return l->link ? l->link->net->node(l->link->mpi) : l->host;
}

/* From all ranks of its node, as each may have a /tmp of its own. */
static int take_place(struct amz_launch *l, const struct amz_pack_place *place, bool *ret_had, int *ret_signal,
                      struct amz_error *err)
{
  int rc = AMZ_OK;
  bool had = false, all = true, any = false;

  if (strcmp(place->node, own_node(l)) == 0) {
    any = true;
    rc = take_from(l, 0, true, place->node, place->path, &all, ret_signal, err);
  }
  for (uint32_t i = 1; rc == AMZ_OK && i < l->team.count; i++) {
    if (strcmp(place->node, l->team.members[i].node) != 0)
      continue;
    any = true;
    rc = take_from(l, i, false, place->node, place->path, &had, ret_signal, err);
    all &= had;
  }
  *ret_had = rc == AMZ_OK && any && all;
  return rc;
}

int amz_gather_before(struct amz_launch *l, int *ret_signal, struct amz_error *err)
{
  bool had = false, changed = false;
  int rc = amz_places_read(l->dir, &l->places, err), write_rc;
  struct amz_error write_err;

  for (size_t i = 0; rc == AMZ_OK && i < l->places.n; i += !had) {
    rc = take_place(l, &l->places.items[i], &had, ret_signal, err);
    if (had)
      amz_places_remove(&l->places, i);
    changed |= had;
  }
  if (!changed)
    return rc;
  write_rc = amz_places_write(l->dir, &l->places, &write_err);
  if (rc == AMZ_OK && write_rc < 0) {
    *err = write_err;
    rc = write_rc;
  }
  return rc;
}

/* ---- this launch --------------------------------------------------------------------------------------------------------- */

static bool is_gathered(const struct amz_launch *l, uint32_t rank)
{
  return l->gathers && !l->team.members[rank].same_node;
}

/* stage.scratch, seen from where the run was started; else what the node says. */
static int path_on(const struct amz_launch *l, const struct amz_member *m, char **ret)
{
  const char *scratch = amz_job_scratch(l->job);
  struct amz_buf base = AMZ_BUF_INIT;
  int rc;

  if (scratch && *scratch != '/')
    amz_buf_addf(&base, "%s/", amz_buf_text(&l->cwd));
  amz_buf_adds(&base, scratch ? scratch : m->tmp);
  rc = amz_buf_ok(&base);
  if (rc == AMZ_OK)
    rc = amz_nodedir_path(base.data, l->places.key, ret);
  amz_buf_clear(&base);
  return rc;
}

static int plan_rank(struct amz_launch *l, uint32_t rank, struct amz_error *err)
{
  const struct amz_member *m = &l->team.members[rank];
  char *path = NULL;
  int rc = path_on(l, m, &path);

  if (rc == AMZ_OK)
    rc = amz_places_add(&l->places, m->node, path);
  if (rc == AMZ_OK)
    l->node_dirs[rank] = path;
  else
    free(path);
  return rc < 0 ? amz_error_set(err, rc, "node %s: outputs cannot be gathered from there: %s", m->node,
                                amz_err_name(rc)) : AMZ_OK;
}

int amz_gather_plan(struct amz_launch *l, struct amz_error *err)
{
  int rc = AMZ_OK;

  l->gathers = l->link && amz_job_settings(l->job)->output.gather;
  if (!l->gathers)
    return AMZ_OK;
  l->node_dirs = amz_new_array(l->team.count, sizeof *l->node_dirs);
  l->kept = amz_new_array(l->team.count, sizeof *l->kept);
  if (!l->node_dirs || !l->kept)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  if (!*l->places.key)
    rc = amz_nodedir_key(l->places.key, err);
  for (uint32_t i = 1; rc == AMZ_OK && i < l->team.count; i++)
    if (is_gathered(l, i))
      rc = plan_rank(l, i, err);
  return rc < 0 ? rc : amz_places_write(l->dir, &l->places, err);
}

const char *amz_gather_node_dir(const struct amz_launch *l, uint32_t rank)
{
  return l->node_dirs ? l->node_dirs[rank] : NULL;
}

static bool is_here(const struct amz_launch *l, uint32_t rank)
{
  char *path = NULL;
  bool here = amz_rundir_pack_path(l->dir, rank, l->epoch, &path) == AMZ_OK && access(path, F_OK) == 0;

  free(path);
  return here;
}

/* A place is done with when the packs of all its ranks are here. */
static int forget_places(struct amz_launch *l, struct amz_error *err)
{
  for (size_t k = l->places.n; k-- > 0;) {
    bool used = false, all = true;

    for (uint32_t i = 1; i < l->team.count; i++) {
      if (!l->node_dirs[i] || strcmp(l->team.members[i].node, l->places.items[k].node) != 0 ||
          strcmp(l->node_dirs[i], l->places.items[k].path) != 0)
        continue;
      used = true;
      all &= is_here(l, i);
    }
    if (used && all)
      amz_places_remove(&l->places, k);
  }
  return amz_places_write(l->dir, &l->places, err);
}

static void tell_elsewhere(const struct amz_launch *l, const char *node, uint64_t tasks)
{
  const char *path = amz_places_find(&l->places, node);
  struct amz_buf dir = AMZ_BUF_INIT;
  char text[2048];

  amz_report_path(l->shown_dir, &dir);
  if (path)
    (void)snprintf(text, sizeof text, "outputs of %" PRIu64 " tasks are on node %s in %.900s: amorsize-mpi resume %.500s gathers "
                                                            "them when a rank runs there; if "
                   "they are lost, resume --retry-lost runs those tasks again", tasks, node, path, amz_buf_text(&dir));
  else
    (void)snprintf(text, sizeof text, "outputs of %" PRIu64 " tasks that ran on node %s are lost: amorsize-mpi resume "
                                                            "--retry-lost %.500s runs those tasks again",
                   tasks, node, amz_buf_text(&dir));
  amz_buf_clear(&dir);
  note(l, text);
}

void amz_gather_tell_absent(const struct amz_launch *l)
{
  for (size_t i = 0; i < l->n_absent; i++)
    tell_elsewhere(l, l->absent[i].node, l->absent[i].tasks);
}

static void count_elsewhere(struct amz_launch *l)
{
  for (uint32_t i = 1; i < l->team.count; i++) {
    if (!l->node_dirs[i] || l->kept[i] == 0 || is_here(l, i))
      continue;
    l->elsewhere += l->kept[i];
    tell_elsewhere(l, l->team.members[i].node, l->kept[i]);
  }
}

int amz_gather_after(struct amz_launch *l, int *ret_signal, struct amz_error *err)
{
  struct amz_error places_err;
  int rc = AMZ_OK, places_rc;
  bool had;

  if (!l->gathers)
    return AMZ_OK;
  for (uint32_t i = 1; rc == AMZ_OK && i < l->team.count; i++)
    if (l->node_dirs[i])
      rc = take_from(l, i, false, l->team.members[i].node, l->node_dirs[i], &had, ret_signal, err);
  amz_gather_leave(l);
  places_rc = forget_places(l, &places_err);
  count_elsewhere(l);
  if (rc == AMZ_OK && places_rc < 0) {
    *err = places_err;
    rc = places_rc;
  }
  return rc;
}

void amz_gather_leave(struct amz_launch *l)
{
  struct amz_buf word = AMZ_BUF_INIT;
  struct amz_error ignored; /* they leave by themselves when nothing is heard of us */

  amz_word_begin(AMZ_WORD_ASK, &word);
  amz_buf_add_u8(&word, AMZ_ASK_LEAVE);
  for (uint32_t i = 1; l->told && !l->left_alone && i < l->team.count; i++)
    if (amz_gather_node_dir(l, i))
      (void)amz_word_send(l->link, i, &word, &ignored);
  l->left_alone = true;
  amz_buf_clear(&word);
}

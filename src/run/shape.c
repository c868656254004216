/* How many threads tasks get, and on how many slots they run: both may change between tasks.
 *
 * A rank begins with the slots and threads of its layout; its cores are what both are carved out of. With t threads, slot s has
 * cores [s·t, (s + 1)·t), and as many slots are open as fit; where more are asked for than that, they share all of the rank's
 * cores. Tasks that run keep what they were started with: who wants nobody to overlap opens no slot, waits, and shapes then.
 * Streams and plug-ins are started once, so that their threads stay as they are; only their slots change. */
#include "shape.h"

#include <amorsize/job.h>

#include "layout.h"
#include "loop_state.h"
#include "words.h"

static uint32_t least(uint32_t a, uint32_t b)
{
  return a < b ? a : b;
}

/* Slots of this rank that tasks of so many threads can have. */
static uint32_t fit_here(const struct amz_loop *l, uint32_t threads)
{
  return amz_layout_fit(&l->config->layout, l->config->cores->most, threads);
}

/* What waits for I/O may have more slots than cores, as far as the rank was made for. */
static uint32_t room(const struct amz_loop *l)
{
  const struct amz_layout *layout = &l->config->layout;
  uint32_t fit = fit_here(l, l->threads);

  if (l->wanted == AMZ_ALL_SLOTS || l->threads != layout->threads || layout->capacity < fit)
    return fit;
  return layout->capacity;
}

void amz_loop_cores(struct amz_loop *l, uint32_t slot, uint32_t threads, const uint32_t **ret_cpus, size_t *ret_n)
{
  uint32_t slots = fit_here(l, l->threads);

  slots = slots > l->yield.slots ? slots : l->yield.slots;
  if (l->carver)
    amz_carver_take(l->carver, slot, threads, ret_cpus, ret_n);
  else
    amz_cores_of_slot(l->config->cores, slot, slots > slot ? slots : slot + 1, l->threads, ret_cpus, ret_n);
}

void amz_loop_leave_cores(struct amz_loop *l, uint32_t slot)
{
  if (l->carver)
    amz_carver_release(l->carver, slot);
}

int amz_loop_open(struct amz_loop *l)
{
  struct amz_event event = {.kind = AMZ_EV_OPEN, .slots = least(l->wanted, l->yield.open)};

  return amz_loop_worker_event(l, &event);
}

/* Another number of slots for good, as far as the scheduler is concerned: those that stay ask ahead. All of them are open then,
 * so that none at all (`wanted` 0) is left to amz_loop_open. */
static int resize(struct amz_loop *l)
{
  struct amz_event event = {.kind = AMZ_EV_RESIZE, .slots = least(l->wanted, room(l))};

  if (event.slots == 0 || event.slots == l->yield.slots)
    return AMZ_OK;
  amz_yield_resize(&l->yield, event.slots);
  return amz_loop_worker_event(l, &event);
}

static int set(struct amz_loop *l, uint32_t threads, uint32_t slots)
{
  int rc;

  if (amz_job_kind(l->config->job) == AMZ_TASK_COMMAND && threads > 0)
    l->threads = threads;
  l->wanted = l->config->barred ? 0 : slots;
  if ((rc = resize(l)) < 0)
    return rc;
  return amz_loop_open(l);
}

/* Counts are said of ranks like this one; those that began with fewer slots, or more, get their share, so that none has more than
 * its cores allow because another one has more of them. */
static uint32_t of_rank(const struct amz_loop *l, uint32_t rank, uint32_t slots)
{
  uint32_t own = l->config->shares ? l->config->shares[rank].slots : l->config->layout.slots;
  uint64_t part = (uint64_t)slots * own / (l->config->layout.slots ? l->config->layout.slots : 1);

  if (slots == 0 || slots >= AMZ_ONE_A_NODE)
    return slots;
  return part ? (uint32_t)part : own > 0;
}

uint32_t amz_loop_slots(const struct amz_loop *l, uint32_t slots)
{
  uint32_t sum = 0;

  for (uint32_t i = 0; i < l->config->layout.ranks; i++)
    sum += of_rank(l, i, slots);
  return sum;
}

uint32_t amz_loop_slots_most(const struct amz_loop *l, uint32_t slots)
{
  uint32_t most = 0;

  for (uint32_t i = 0; i < l->config->layout.ranks; i++)
    most = of_rank(l, i, slots) > most ? of_rank(l, i, slots) : most;
  return most;
}

/* Of ranks that share cores the first one has it. */
static uint32_t one_a_node(const struct amz_loop *l, uint32_t rank)
{
  const struct amz_team *team = l->config->team;

  return team && rank < team->count && team->members[rank].local_rank ? 0 : 1;
}

/* each NULL: the same is said of all, seen from rank 0. */
static uint32_t slots_for(const struct amz_loop *l, uint32_t rank, uint32_t slots, const uint32_t *each)
{
  if (each)
    return each[rank];
  return slots == AMZ_ONE_A_NODE ? one_a_node(l, rank) : of_rank(l, rank, slots);
}

static int tell(struct amz_loop *l, uint32_t threads, uint32_t slots, const uint32_t *each)
{
  const struct amz_loop_config *c = l->config;
  struct amz_buf word = AMZ_BUF_INIT;
  int rc = AMZ_OK;

  for (uint32_t i = 1; rc == AMZ_OK && i < c->layout.ranks; i++) {
    amz_word_begin(AMZ_WORD_SHAPE, &word);
    amz_buf_add_u32(&word, threads);
    amz_buf_add_u32(&word, slots_for(l, i, slots, each));
    rc = amz_buf_ok(&word);
    if (rc < 0)
      break;
    rc = c->net->send(c->mpi, i, word.data, word.len);
    if (rc == AMZ_ECLOSED) /* it was given up */
      rc = AMZ_OK;
  }
  amz_buf_clear(&word);
  return rc;
}

int amz_loop_shape(struct amz_loop *l, uint32_t threads, uint32_t slots)
{
  int rc = l->master && l->config->net ? tell(l, threads, slots, NULL) : AMZ_OK;

  return rc < 0 ? rc : set(l, threads, slots == AMZ_ONE_A_NODE ? one_a_node(l, l->config->rank) : slots);
}

int amz_loop_shape_each(struct amz_loop *l, uint32_t threads, const uint32_t *slots)
{
  int rc = l->config->net ? tell(l, threads, 0, slots) : AMZ_OK;

  return rc < 0 ? rc : set(l, threads, slots[l->config->rank]);
}

int amz_loop_hear_shape(struct amz_loop *l, const void *word, size_t n)
{
  struct amz_cursor c = amz_cursor_over(word, n);
  uint32_t threads, slots;

  c.pos = 2;
  threads = amz_cursor_u32(&c);
  slots = amz_cursor_u32(&c);
  if (l->master || c.failed || threads == 0) /* no rank of this build would send that */
    return AMZ_OK;
  return set(l, threads, slots);
}

/* What ranks have in hand: the pieces of their chunks of which they haven't told yet. Room-private. */
#ifndef AMZ_SRC_SCHED_HELD_H
#define AMZ_SRC_SCHED_HELD_H

#include <amorsize/sched.h>

#define AMZ_NO_PIECE UINT32_MAX

/* At first a whole chunk; shorter, or several pieces with the chunk's id, as its rank tells of parts of it. */
struct amz_piece {
  struct amz_chunk chunk;
  uint32_t rank;
  uint32_t next, prev; /* of the same rank; oldest first; `next` of an unused one: the next unused one */
};

/* The pieces of one rank. */
struct amz_held_list {
  uint32_t head, tail;
};
#define AMZ_HELD_LIST_EMPTY {AMZ_NO_PIECE, AMZ_NO_PIECE}

/* An entry of the table knows its key, so that looking for one touches no piece. */
struct amz_held_entry {
  uint64_t first;
  uint32_t piece; /* number + 1; 0: empty */
};

struct amz_held {
  struct amz_piece *pieces;
  uint32_t n_pieces, unused; /* made so far; first of the unused ones */
  size_t cap_pieces;
  struct amz_held_entry *table; /* hash by chunk.first, open addressing */
  uint32_t table_size, table_used; /* size: 2^(64 - shift) */
  uint32_t shift;
  uint64_t count;  /* positions in all pieces */
};

void amz_held_init(struct amz_held *h);
void amz_held_clear(struct amz_held *h);
/* \return AMZ_OK; AMZ_ENOMEM. */
int amz_held_add(struct amz_held *h, struct amz_held_list *list, uint32_t rank, const struct amz_chunk *chunk) AMZ_MUST_CHECK;

/* What a rank tells of. */
struct amz_told {
  uint32_t rank;
  uint32_t attempt;  /* 0: any */
  uint64_t chunk_id; /* 0: any */
  uint64_t first, count;
};
/* Takes what is told of out of the piece that begins with it, if all of it is in that one: what ranks tell of is mostly so.
 * \return whether it was. */
bool amz_held_tell_front(struct amz_held *h, struct amz_held_list *list, const struct amz_told *told);
/* Takes what is told of out of the rank's pieces. Constant time when it is the beginning of a piece, else linear in the pieces of
 * the rank. \return AMZ_OK, *ret: how many positions were in its hands; AMZ_ENOMEM. */
int amz_held_tell(struct amz_held *h, struct amz_held_list *list, const struct amz_told *told, uint64_t *ret) AMZ_MUST_CHECK;
/* The same for its next part alone, which *ret tells, count 0: there is none (any more). */
int amz_held_tell_part(struct amz_held *h, struct amz_held_list *list, const struct amz_told *told,
                       struct amz_range *ret) AMZ_MUST_CHECK;
/* \return whether all that is told of is in one piece of the rank. Linear in its pieces. */
bool amz_held_has(const struct amz_held *h, const struct amz_held_list *list, const struct amz_told *told);
/* Have the entry of the piece that begins there fetched, and then the piece (soon.h). */
void amz_held_soon(const struct amz_held *h, uint64_t first);
void amz_held_piece_soon(const struct amz_held *h, uint64_t first);
/* Takes the rank's oldest piece. \return whether there was one. */
bool amz_held_take(struct amz_held *h, struct amz_held_list *list, struct amz_chunk *ret);

#endif

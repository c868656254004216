/* What the transport's files share.
 *
 * The protocol. A message is 8 bytes of length (little-endian) and its bytes. Its first AMZ_MPI_FIRST_BYTES go under the tag
 * FIRST to a receive from anybody; the rest, when there is more, goes under the tag REST to a receive from just that rank,
 * posted with the exact size when the first part has told it. The first part is smaller than the eager limit of every
 * transport we know (Open MPI's shared memory has the smallest, 4 KiB with headers), so it arrives as a whole or not at all:
 * a sender that dies in the middle of a long message keeps one receive of its own waiting, and never the one that everybody
 * else uses.
 *
 * Order. MPI keeps the order of a pair for each tag. A sender posts nothing behind a long message before its rest has been
 * taken; a receiver delivers nothing of a source before the long message begun earlier, so what is held back is little.
 *
 * Flow control. Of each AMZ_MPI_SYNC_EVERY messages to a rank one is sent in synchronous mode, which MPI completes when the
 * receiver has matched it; messages are retired in order and AMZ_MPI_WINDOW of them at most are not retired. So at most
 * AMZ_MPI_WINDOW + AMZ_MPI_SYNC_EVERY - 1 messages of a pair lie unmatched in the receiver's MPI, and the others wait in our
 * queue.
 *
 * No deadlock: nothing here waits; REST is matched without regard to FIRST, and each side moves both directions whenever it
 * runs. */
#ifndef AMZ_MPI_STATE_H
#define AMZ_MPI_STATE_H

#include <mpi.h>

#include <amorsize/transport.h>

#define AMZ_MPI_HEADER_BYTES 8
#define AMZ_MPI_FIRST_BYTES 4000
#define AMZ_MPI_WINDOW 32 /* Open MPI's shared memory has 512 fragments in all: a dozen dead peers can't take them */
#define AMZ_MPI_SYNC_EVERY 8
#define AMZ_MPI_RECEIVES 8 /* receives posted at once, so that MPI rarely has to buffer */
#define AMZ_MPI_TURN 32    /* peers looked after, or messages sorted, in one go: the caller's other work must not wait for all */

enum { AMZ_MPI_TAG_FIRST = 1, AMZ_MPI_TAG_REST = 2 };

/* A message on its way out. */
struct amz_parcel {
  struct amz_parcel *next;
  size_t n;                /* header and bytes */
  bool synchronous;        /* its first part */
  MPI_Request requests[2]; /* first part, rest */
  unsigned char bytes[];
};

/* A message on its way in that needed memory of its own. */
struct amz_letter {
  struct amz_letter *next;
  uint32_t source;
  size_t n;         /* without the header */
  MPI_Request rest; /* MPI_REQUEST_NULL: all there */
  unsigned char bytes[];
};

struct amz_letters {
  struct amz_letter *head, *tail;
};

struct amz_peer {
  /* out: oldest first; those before `unposted` are with MPI */
  struct amz_parcel *head, *tail, *unposted;
  uint32_t posted;      /* how many are with MPI */
  uint64_t pending;     /* how many there are */
  uint64_t posted_ever;
  bool gone;            /* forgotten, or MPI refused: nothing more goes out */
  bool queued;          /* in the transport's list of peers with parcels */
  struct amz_peer *next_active;
  /* in: begins with a long message that isn't complete; empty for nearly everybody, nearly always */
  struct amz_letters held;
  struct amz_peer *next_holding;
};

struct amz_receive {
  MPI_Request request;
  bool done; /* completed, and not yet looked at */
  MPI_Status status;
  unsigned char bytes[AMZ_MPI_FIRST_BYTES];
};

/* Invariants: receives are posted and taken in ring order, which is the order in which MPI matches them; `at` is the oldest.
 * While a message is lent from a receive, that one is not posted. */
struct amz_mpi {
  MPI_Comm comm;
  uint32_t rank, size;
  char node[MPI_MAX_PROCESSOR_NAME + 1];
  struct amz_peer *peers;
  bool some_gone;
  int64_t active_ns;                         /* when something last happened */
  struct amz_bell *bell;                     /* NULL: none */
  bool is_rung;                              /* by all who may write to us: there is no need to look for messages */
  bool rung;                                 /* what it was about hasn't come yet */
  bool rang;                                 /* we have woken somebody, and not heard of it since */
  int64_t rung_ns;                           /* for which who is rung sleeps without looking: AMZ_PACE_RUNG_NS, but in tests */
  struct amz_peer *active_head, *active_tail; /* with parcels */
  struct amz_peer *holding;                  /* with held letters */
  struct amz_letters ready;                  /* complete, to be delivered first */
  struct amz_letters abandoned;              /* never to be complete; MPI has their memory */
  struct amz_receive receives[AMZ_MPI_RECEIVES];
  unsigned at;
  struct amz_mpi_message current; /* to be delivered next, when has_current */
  bool has_current;
  bool lent_receive;              /* current, or what was delivered last, lies in receives[at] */
  struct amz_letter *lent_letter; /* … or in this */
};

/* outbox.c: retires what is done, posts what may be posted, for some peers in turn. */
void amz_outbox_turn(struct amz_mpi *t);
/* \return true when all that is left of the outgoing messages are synchronous first parts that nobody has taken: the bytes
 * have gone. */
bool amz_outbox_settled(struct amz_mpi *t);
void amz_outbox_free(struct amz_mpi *t);

/* inbox.c: \return AMZ_OK; AMZ_EIO with *err. */
int amz_inbox_open(struct amz_mpi *t, struct amz_error *err);
/* Finds the next message to deliver, if none is found yet: t->has_current tells. What was lent is taken back.
 * \return AMZ_OK; AMZ_ENOMEM, AMZ_ECORRUPT, AMZ_EIO with *err. */
int amz_inbox_advance(struct amz_mpi *t, struct amz_error *err);
/* Takes the receives back; memory stays until amz_inbox_free, which must come after MPI's end. */
void amz_inbox_close(struct amz_mpi *t);
void amz_inbox_free(struct amz_mpi *t);

/* bell.c: all ranks make their bells, and agree who has whose. \return AMZ_OK, t->bell NULL: we have none; AMZ_ENOMEM, AMZ_EIO
 * with *err. */
int amz_bell_open(struct amz_mpi *t, struct amz_error *err);
void amz_bell_free(struct amz_mpi *t);
/* Wakes a rank that sleeps, after something was sent to it. */
void amz_bell_ring(struct amz_mpi *t, uint32_t rank);
/* Before a sleep, then look for messages once more. \return a descriptor that is readable when somebody rings; -1: nobody
 * will. */
int amz_bell_sleep(struct amz_mpi *t);
/* After it; readable: the descriptor was. \return whether somebody has rung in this sleep. */
bool amz_bell_wake(struct amz_mpi *t, bool readable);

/* wait.c: sleeps at most ns. */
void amz_mpi_sleep(int64_t ns);

/* start.c: fills *err with MPI's words. \return AMZ_EIO. */
int amz_mpi_failed(struct amz_error *err, int code, const char *what);

#endif

/* The bytes of collecting packs, behind the two bytes that begin a word: u8 what, and then
 *
 *   rank 0 asks          LIST    path (u32 length, bytes): which packs lie below that directory?
 *                        READ    file u32, offset u64, bytes u32 (<= AMZ_GATHER_PIECE)
 *                        DROP    file u32: it is durable with us
 *                        CLEAR   path: remove the directory if nothing is left in it; unanswered
 *                        LEAVE   that was all; unanswered
 *   a rank gives         FILES   count u32, each: name (u32 length, bytes), size u64; none also when there is no such directory
 *                        PIECE   file u32, offset u64, CRC-32 of the bytes u32, the bytes
 *                        DROPPED file u32
 *                        TROUBLE a text: why it can't
 *
 * Files count by their place in the last FILES. */
#ifndef AMZ_RUN_GATHER_WORDS_H
#define AMZ_RUN_GATHER_WORDS_H

#define AMZ_GATHER_PIECE (1u << 20)
#define AMZ_GATHER_FILES_MAX (1u << 20) /* in one directory; a node with more has been at it for long */

enum amz_ask { AMZ_ASK_LIST = 1, AMZ_ASK_READ, AMZ_ASK_DROP, AMZ_ASK_CLEAR, AMZ_ASK_LEAVE };
enum amz_give { AMZ_GIVE_FILES = 1, AMZ_GIVE_PIECE, AMZ_GIVE_DROPPED, AMZ_GIVE_TROUBLE };

#endif

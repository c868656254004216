/* The bytes of a pack file, known to its writer and its reader alone. All numbers little-endian.
 *
 *   header  0 magic "AMZPACK1"   8 version u32   12 rank u32   16 epoch u32   20 CRC-32 of the 20 bytes before it
 *          24 node: host name, filled up with zeros   88 CRC-32 of the 64 bytes before it
 *   DATA    0 magic u32   4 crc u32   8 bytes u32   12 crc of the bytes u32   16 index u64   24 attempt u32   28 stream u32
 *          32 link u64   40 the bytes
 *   END     0 magic u32   4 crc u32   8 index u64   16 seq u64   24 attempt u32   28 outcome u32   32 exit code i32
 *          36 signal i32   40 slot u32   44 zero u32   48 start i64   56 wall i64   64 cpu i64   72 rss u64
 *          80 stdout bytes u64   88 stderr bytes u64   96 link u64
 *
 * A frame's crc covers the pack's seed, the frame's offset and all of the head behind the crc. Seed and offset are in it so
 * that a task that prints (a part of) a pack file can't be taken for the pack's own records when a reader looks for the next
 * frame. The head has a checksum apart from the content so that a scan can leap over contents without reading them. */
#ifndef AMZ_STORE_PACK_FORMAT_H
#define AMZ_STORE_PACK_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#define AMZ_PACK_MAGIC "AMZPACK1"
#define AMZ_PACK_MAGIC_BYTES 8
#define AMZ_PACK_VERSION 1u
#define AMZ_PACK_WHOSE_BYTES 24 /* of the header: what frames' checksums depend on */
#define AMZ_PACK_NODE_BYTES 64  /* as long as Linux's host names get */
#define AMZ_PACK_HEADER_BYTES (AMZ_PACK_WHOSE_BYTES + AMZ_PACK_NODE_BYTES + 4)
/* Their first byte in the file occurs in no UTF-8 text, so that looking for it in text outputs is one memchr. */
#define AMZ_PACK_MAGIC_FIRST 0xFA
#define AMZ_PACK_DATA_MAGIC 0x447A6DFAu
#define AMZ_PACK_END_MAGIC 0x457A6DFAu
#define AMZ_PACK_DATA_HEAD 40
#define AMZ_PACK_END_BYTES 104
#define AMZ_PACK_CRC_FROM 8 /* what a frame's crc covers begins here */

static inline void amz_put_u32(unsigned char *at, uint32_t v)
{
  for (int i = 0; i < 4; i++)
    at[i] = (unsigned char)(v >> (8 * i));
}

static inline void amz_put_u64(unsigned char *at, uint64_t v)
{
  for (int i = 0; i < 8; i++)
    at[i] = (unsigned char)(v >> (8 * i));
}

static inline void amz_pack_whose_fill(unsigned char header[AMZ_PACK_WHOSE_BYTES], uint32_t rank, uint32_t epoch)
{
  memcpy(header, AMZ_PACK_MAGIC, AMZ_PACK_MAGIC_BYTES);
  amz_put_u32(header + 8, AMZ_PACK_VERSION);
  amz_put_u32(header + 12, rank);
  amz_put_u32(header + 16, epoch);
  amz_put_u32(header + 20, (uint32_t)crc32(0, header, 20));
}

static inline void amz_pack_header_fill(unsigned char header[AMZ_PACK_HEADER_BYTES], uint32_t rank, uint32_t epoch,
                                        const char *node)
{
  unsigned char *at = header + AMZ_PACK_WHOSE_BYTES;
  size_t n = strnlen(node, AMZ_PACK_NODE_BYTES);

  amz_pack_whose_fill(header, rank, epoch);
  memcpy(at, node, n);
  memset(at + n, 0, AMZ_PACK_NODE_BYTES - n);
  amz_put_u32(at + AMZ_PACK_NODE_BYTES, (uint32_t)crc32(0, at, AMZ_PACK_NODE_BYTES));
}

/* The seed of a pack is the checksum in its header. */
static inline uint32_t amz_pack_seed(uint32_t rank, uint32_t epoch)
{
  unsigned char header[AMZ_PACK_WHOSE_BYTES];

  amz_pack_whose_fill(header, rank, epoch);
  return (uint32_t)crc32(0, header, 20);
}

static inline uint32_t amz_pack_frame_crc(uint32_t seed, uint64_t offset, const unsigned char *head, size_t head_bytes)
{
  unsigned char where[8];

  amz_put_u64(where, offset);
  return (uint32_t)crc32(crc32(seed, where, sizeof where), head + AMZ_PACK_CRC_FROM, (uInt)(head_bytes - AMZ_PACK_CRC_FROM));
}

#endif

/* A tasks block: what is to be run, as written. Its values are still nodes, because what is wrong inside them is pointed at
 * later. */
#ifndef AMZ_JOB_BLOCK_H
#define AMZ_JOB_BLOCK_H

#include "schema.h"

enum amz_combine { AMZ_COMBINE_PRODUCT, AMZ_COMBINE_ZIP };

struct amz_block_stream { /* NULL: not given */
  const struct amz_yaml *command, *sentinel, *fail_prefix;
  uint32_t window;
};

struct amz_block { /* NULL: not given */
  const struct amz_yaml *map;
  /* text; command: or a list of texts; stream: or a map */
  const struct amz_yaml *command, *stream, *line, *plugin, *args, *lines;
  struct amz_block_stream stream_parts;
  const struct amz_yaml *loops, *csv;
  const struct amz_yaml *env, *workdir, *stdin_path, *creates, *weight;
  enum amz_combine combine;
  uint64_t ok_exit[4];
};

/* Reads a block and checks that its keys go together. Opens nothing.
 * \return AMZ_OK whatever the findings; AMZ_ENOMEM. */
int amz_block_read(struct amz_reader *r, const struct amz_yaml *map, struct amz_block *block);

#endif

/* Keys and their types: tables say what may be written, one walker checks it and puts the values where they belong. */
#ifndef AMZ_JOB_SCHEMA_H
#define AMZ_JOB_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include <amorsize/diag.h>

#include "arena.h"
#include "tree.h"

struct amz_key;

/* What a type's reader may use. */
struct amz_reader {
  struct amz_arena *arena; /* for what lives as long as the job */
  struct amz_diags *diags;
};

struct amz_type {
  const char *expected; /* "a duration like 200ms" */
  size_t size;          /* of the target */
  /* \return AMZ_OK with the value at target; AMZ_EINVAL: not of this type; AMZ_ERANGE: outside of what the key allows;
   * AMZ_ENOMEM. */
  int (*read)(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target);
  const char *range;    /* what AMZ_ERANGE means, where the key's min and max don't say it */
};

/* `later`: the key is checked, but nothing follows from it yet, which a warning says when it differs from the default. */
enum amz_effect { AMZ_EFFECT_NOW, AMZ_EFFECT_LATER };

struct amz_key {
  const char *path;
  const struct amz_type *type;
  size_t at;              /* offset of the target in the struct that the table is for */
  enum amz_effect effect;
  const char *min, *max;  /* inclusive, as a user would write them; NULL: none */
  const char *const *names; /* of a choice, ended by NULL */
};

extern const struct amz_type amz_type_duration; /* int64_t, ns */
extern const struct amz_type amz_type_bytes;    /* uint64_t */
extern const struct amz_type amz_type_count;    /* uint32_t */
extern const struct amz_type amz_type_count_or_auto;
extern const struct amz_type amz_type_counts;   /* uint32_t[2]: [least, most] */
extern const struct amz_type amz_type_bool;
extern const struct amz_type amz_type_share;    /* double, 0..1; "5%" */
extern const struct amz_type amz_type_share_open; /* above 0, below 1 */
extern const struct amz_type amz_type_choice;   /* an enum: the place among names */
extern const struct amz_type amz_type_second;   /* bool: whether it is the second of two names */
extern const struct amz_type amz_type_stop_after; /* struct amz_stop_after */
extern const struct amz_type amz_type_statuses; /* uint64_t[4] */
extern const struct amz_type amz_type_text;     /* const char *, in the reader's arena */
extern const struct amz_type amz_type_texts;    /* struct amz_texts; one text is a list of one */
/* Values whose meaning is found out later, kept as nodes: const struct amz_yaml *. */
extern const struct amz_type amz_type_text_node;
extern const struct amz_type amz_type_texts_node;
extern const struct amz_type amz_type_map_node;
extern const struct amz_type amz_type_text_or_map_node;
extern const struct amz_type amz_type_any_node;

struct amz_texts {
  const char *const *items;
  size_t n;
};

/* Reads `section`'s map (the root when section is "") against the keys whose path is section.NAME without a further dot. A key
 * that isn't in the table and not in `also` (ended by NULL; may be NULL) is a finding. A value that doesn't do leaves its target
 * as it was.
 * \return AMZ_OK whatever the findings; AMZ_ENOMEM. */
int amz_schema_read(struct amz_reader *r, const struct amz_yaml *map, const char *section, const struct amz_key *keys,
                    size_t n_keys,
                    const char *const *also, void *base);

/* Reads one value of a key; what is wrong with it is a finding. \return AMZ_OK whatever the findings; AMZ_ENOMEM. */
int amz_schema_read_value(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *name,
                          const struct amz_yaml *value, void *target);

/* The tables: settings.c, block.c. */
extern const struct amz_key amz_settings_keys[];
extern const size_t amz_settings_n_keys;
extern const struct amz_key amz_block_keys[];
extern const size_t amz_block_n_keys;
extern const struct amz_key amz_stream_keys[];
extern const size_t amz_stream_n_keys;
extern const struct amz_key amz_stage_keys[];
extern const size_t amz_stage_n_keys;

/* Sections and keys of the root that are in no table, ended by NULL. */
extern const char *const amz_schema_roots[];

/* Whether --set may name a path; if not, the nearest that it may, or NULL. */
bool amz_schema_knows(const char *path, const char **ret_nearest);
/* Whether a known path's value can be a mapping. */
bool amz_schema_takes_map(const char *path);

#endif

/* A YAML text as a tree that remembers where each value stood.
 *
 * Bounded in every direction, for the text is a stranger's: bytes, depth, keys of a mapping, anchors, and weight (values and
 * their bytes with every alias written out), so that whoever walks the tree, or copies all of it, has a bounded amount of work.
 * Nodes are never changed once made; the tree is a DAG (aliases share), without cycles. All memory is the arena's. */
#ifndef AMZ_JOB_TREE_H
#define AMZ_JOB_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include <amorsize/diag.h>

#include "arena.h"

#define AMZ_YAML_DEPTH 32
#define AMZ_YAML_WEIGHT 1000000 /* of a whole text */
#define AMZ_YAML_WEIGHT_BYTES 32 /* a value weighs 1, and 1 for each so many bytes */
#define AMZ_YAML_KEYS 500
#define AMZ_YAML_ANCHORS 1000

enum amz_yaml_kind { AMZ_YAML_SCALAR, AMZ_YAML_LIST, AMZ_YAML_MAP };

struct amz_yaml {
  enum amz_yaml_kind kind;
  const char *file;    /* how findings name where it comes from */
  size_t line, column; /* 1-based; 0: not from a file with lines */
  const char *text;    /* of a scalar; no NUL inside */
  size_t len;
  bool plain;          /* written without quotes */
  bool one_line;       /* byte i of text stands at column + inset + characters before it */
  size_t inset;        /* width of the opening quote */
  struct amz_yaml **items; /* list: n values; map: n pairs, key then value; keys are scalars, and unique */
  size_t n;
  size_t weight;       /* with all that is in it, aliases written out */
};

/* Parses one document. `numbered`: whether lines and columns mean anything to the user (not so for words of the command line).
 * \return AMZ_OK with *ret, NULL for a text without content; pairs with a bad key are left out of it, and reported; AMZ_EINVAL: a
 * finding says why there is no tree; AMZ_ENOMEM. */
int amz_yaml_parse(struct amz_arena *arena, const char *file, bool numbered, const char *text, size_t n, struct amz_diags *diags,
                   struct amz_yaml **ret);

/* Values made by us, standing where `file` says. \return NULL when out of memory. */
struct amz_yaml *amz_yaml_scalar(struct amz_arena *arena, const char *file, const char *text, size_t n);
struct amz_yaml *amz_yaml_list(struct amz_arena *arena, const char *file, struct amz_yaml **items, size_t n);
/* A map with the pairs of `map` (may be NULL: none) and with key: value, which replaces what the key had. */
struct amz_yaml *amz_yaml_with(struct amz_arena *arena, const char *file, const struct amz_yaml *map, const char *key,
                               struct amz_yaml *value);

/* \return the value of a dotted path below a map; NULL when it isn't there (also when map is NULL or no map). */
const struct amz_yaml *amz_yaml_at(const struct amz_yaml *map, const char *path);
/* The same for the key's own node, which is where "no effect yet" points. */
const struct amz_yaml *amz_yaml_key_at(const struct amz_yaml *map, const char *path);
/* \return whether it stands for nothing: `key:` alone, ~ or null. */
bool amz_yaml_null(const struct amz_yaml *node);

/* Findings at a node. */
void amz_yaml_error(struct amz_diags *d, const struct amz_yaml *at, const char *format, ...) AMZ_PRINTF(3, 4);
void amz_yaml_warning(struct amz_diags *d, const struct amz_yaml *at, const char *format, ...) AMZ_PRINTF(3, 4);
/* An error at byte `offset` of a scalar's text, as near as can be known. */
void amz_yaml_error_in(struct amz_diags *d, const struct amz_yaml *at, size_t offset, const char *format, ...) AMZ_PRINTF(4, 5);

#define AMZ_YAML_SHOWN 64
/* Writes what the user wrote, for "got …": "fast" in quotes, cut when long; `a list`, `a mapping`, `nothing`. \return out. */
const char *amz_yaml_show(const struct amz_yaml *node, char out[AMZ_YAML_SHOWN]);
/* The same for bare text. */
const char *amz_text_show(const char *text, size_t n, char out[AMZ_YAML_SHOWN]);

#endif

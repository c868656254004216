/* Small files of /proc and /sys, read from below a root, so that tests bring trees of their own. */
#ifndef AMZ_NODE_TREE_H
#define AMZ_NODE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/diag.h>
#include <amorsize/files.h>

struct amz_tree {
  const char *root;        /* "" for the machine itself; without a slash at its end */
  struct amz_diags *diags; /* where malformed values are told */
};

/* Appends the file's first max_bytes, or all of it when it is shorter. Devices and pipes don't block.
 * \return AMZ_OK; AMZ_ENOENT: it isn't there or can't be read; AMZ_ENOMEM. */
int amz_tree_read(const struct amz_tree *tree, const char *path, size_t max_bytes, struct amz_buf *ret);

/* The file's first line, cut to fit, without blanks at its end.
 * \return false: the file isn't there, can't be read, or holds nothing. */
bool amz_tree_line(const struct amz_tree *tree, const char *path, char *ret, size_t n);

/* The same of a file that bounds us, and mustn't be passed over in silence: one that is there and can't be read, or holds
 * nothing, is told. */
bool amz_tree_bound(const struct amz_tree *tree, const char *path, char *ret, size_t n);

/* A whole number from low to high that a file holds.
 * \return true with *ret; false: the file isn't there, or what it holds isn't such a number, which is told. */
bool amz_tree_number(const struct amz_tree *tree, const char *path, uint64_t low, uint64_t high, uint64_t *ret);

/* \return whether something is at `path`. */
bool amz_tree_has(const struct amz_tree *tree, const char *path);

/* Tells that what the file holds isn't used, and why. */
void amz_tree_doubt(const struct amz_tree *tree, const char *path, const char *value, const char *why);

/* The tree as the files that other rooms' parts ask for: whole files and sizes, no patterns. Borrows `tree`. */
struct amz_files amz_tree_files(struct amz_tree *tree);

#endif

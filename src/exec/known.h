/* Where programs were found in PATH, so that the ten-thousandth start of the same command doesn't try every directory
 * again (each failing execve costs tens of microseconds). A small cache, direct-mapped by name; a place that has vanished
 * leads to a new search. Room-private. */
#ifndef AMZ_EXEC_KNOWN_H
#define AMZ_EXEC_KNOWN_H

#define AMZ_KNOWN_PLACES 16

struct amz_known {
  struct {
    char *name, *path, *program;
  } places[AMZ_KNOWN_PLACES];
};

/* \return the program's file, absolute, owned by the cache; NULL: not known. */
const char *amz_known_find(const struct amz_known *k, const char *name, const char *path);
/* Remembers it, if it is absolute: what was found relative to one task's directory says nothing about another's. Being out
 * of memory is no error: it is looked for again. */
void amz_known_add(struct amz_known *k, const char *name, const char *path, const char *program);
void amz_known_clear(struct amz_known *k);

#endif

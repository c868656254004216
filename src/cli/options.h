/* Options of a command as a table: parsing, help, man page test and completion test all read the same one. */
#ifndef AMZ_CLI_OPTIONS_H
#define AMZ_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>

enum cli_kind {
  CLI_FLAG,   /* bool */
  CLI_TEXT,   /* const char *, NULL when not given */
  CLI_LIST,   /* struct cli_list: may be given several times */
  CLI_COUNT,  /* struct cli_count */
  CLI_CHOICE, /* unsigned: position in choices */
};

struct cli_list {
  const char **items;
  size_t n, cap;
};

struct cli_count {
  bool set;
  uint64_t n;
};

struct cli_option {
  const char *name;  /* without its dashes; NULL ends the table */
  char letter;       /* short form, or 0 */
  enum cli_kind kind;
  size_t offset;     /* of the variable in the command's arguments */
  const char *value; /* how help calls the value; NULL for flags */
  const char *help;
  uint64_t min, max;          /* CLI_COUNT */
  const char *const *choices; /* CLI_CHOICE: ended by NULL */
};

extern const char *const cli_formats[]; /* "text", "json" */
enum { CLI_FORMAT_TEXT, CLI_FORMAT_JSON };

/* Rows of a table; `type` is the command's struct of arguments, `field` a member of it. */
#define CLI_ROW_FLAG(name, letter, type, field, help) {name, letter, CLI_FLAG, offsetof(type, field), NULL, help, 0, 0, NULL}
#define CLI_ROW_TEXT(name, type, field, value, help) {name, 0, CLI_TEXT, offsetof(type, field), value, help, 0, 0, NULL}
#define CLI_ROW_LIST(name, type, field, value, help) {name, 0, CLI_LIST, offsetof(type, field), value, help, 0, 0, NULL}
#define CLI_ROW_COUNT(name, letter, type, field, value, help, min, max) \
  {name, letter, CLI_COUNT, offsetof(type, field), value, help, min, max, NULL}
#define CLI_ROW_CHOICE(name, type, field, value, help, choices) \
  {name, 0, CLI_CHOICE, offsetof(type, field), value, help, 0, 0, choices}
#define CLI_ROW_FORMAT(type) CLI_ROW_CHOICE("format", type, format, "text|json", "how results are printed", cli_formats)

struct cli_parsed {
  char **operands; /* points into argv's copy; n_operands of them */
  size_t n_operands;
  bool help;       /* -h or --help was given: nothing else was checked */
};

/* Reads the words behind a command's name into `args` (zeroed by the caller) and into *ret. Release with cli_options_clear, on
 * failure too. \return AMZ_OK; AMZ_EINVAL with *err as the user should read it; AMZ_ENOMEM. */
int cli_options_parse(const struct cli_option *options, char *const *words, size_t n, void *args, struct cli_parsed *ret,
                      struct amz_error *err);
void cli_options_clear(const struct cli_option *options, void *args, struct cli_parsed *parsed);

/* "3", "1,5,7", "2..9" and lists of both, as in --show. Calls range for each; stops when it returns non-zero.
 * \return AMZ_OK; AMZ_EINVAL: not such a text; what range returned. */
int cli_ranges_parse(const char *text, int (*range)(void *ctx, uint64_t first, uint64_t last), void *ctx);

#endif

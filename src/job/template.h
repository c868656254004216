/* Templates: text with {placeholders}, compiled once, filled for each task; and commands, which are templates that become argv.
 *
 * Placeholders: {name} {name:base} {name:dir} {name:stem} {name:ext}, built-in {index} {threads} {rank} {slot} {job} {scratch};
 * `{{` and `}}` stand for braces. base: after the last '/'; dir: before it ("." when there is none, "/" for a file of the
 * root); ext: from the last '.' of base when that isn't its first character, with the dot, else empty; stem: base without ext.
 * A user's name hides no built-in: such names are refused by the parser. A '$' directly before '{' makes shell text like
 * ${HOME}: it is left alone, braces and all, up to its '}' (shell commands only).
 */
#ifndef AMZ_JOB_TEMPLATE_H
#define AMZ_JOB_TEMPLATE_H

#include <stdbool.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>
#include <amorsize/job.h>

struct amz_template;

/* Where values come from while filling. */
struct amz_values {
  void (*value)(const void *ctx, size_t name, struct amz_buf *out); /* appends the bytes of names[name] for the task */
  const void *ctx;
  uint64_t index;
  const char *job;
  const struct amz_place *place;
};

/* \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL with *err (unmatched brace, empty placeholder, unknown name or modifier with the
 * nearest one suggested) and *ret_at: byte offset in text of what is wrong. Release with amz_template_free (accepts NULL).
 * `names` are copied as needed. */
int amz_template_compile(const char *text, const char *const *names, size_t n_names, struct amz_error *err, size_t *ret_at,
                         struct amz_template **ret);
void amz_template_free(struct amz_template *t);
void amz_template_fill(const struct amz_template *t, const struct amz_values *values, struct amz_buf *out);
/* \return whether a placeholder of that name (built-in or not) occurs. */
bool amz_template_uses(const struct amz_template *t, const char *name);

/* Appends the template as text, the same for templates that mean the same. */
void amz_template_print(const struct amz_template *t, struct amz_buf *out);

/* A command: its words. From a text, it is decided at compile time whether a shell is needed:
 *  - no shell: the text has only words, quotes and backslashes as sh(1) reads them, and its first word is no shell built-in or
 *    keyword and holds no '='. A placeholder never splits a word and is never read again: what it stands for goes into argv as it
 *    is. (Built-ins that are programs as well, like true, echo, printf and test, are executed; echo and printf only without
 *    backslashes and leading dashes.)
 *  - shell: anything else (| & ; < > ( ) $ ` * ? [ ~ # newline, assignment, built-in…): one template for `/bin/sh -c`, in which
 *    every value is quoted for the place where it stands: bare ('…' with '\'' inside), inside "…" (\ before $ ` " \), inside '…'
 *    ('\'' for '). Inside $( ) the place is that of the text in it. A placeholder is refused where no quoting can be right:
 *    inside backquotes, comments, $(( )), $'…', here-documents and behind them; behind a backslash; and behind whatever shells
 *    read differently (command_place.c). A quote without its end is an error, too. A text that begins with - or + gets a blank
 *    before it.
 * From a list: each element is a template and one argument; no shell. */
struct amz_command_template;

int amz_command_compile(const char *text, const char *const *names, size_t n_names, struct amz_error *err, size_t *ret_at,
                        struct amz_command_template **ret);
int amz_command_compile_list(const char *const *words, size_t n_words, const char *const *names, size_t n_names,
                             struct amz_error *err, size_t *ret_word, size_t *ret_at,
                             struct amz_command_template **ret);
/* A ready task line: verbatim, no placeholders; whether it needs a shell is decided as above. */
int amz_command_from_line(const char *line, size_t n, struct amz_command_template **ret);
void amz_command_free(struct amz_command_template *c);
bool amz_command_needs_shell(const struct amz_command_template *c);
bool amz_command_uses(const struct amz_command_template *c, const char *name);
/* Appends its template as text, a line for each argument. */
void amz_command_print(const struct amz_command_template *c, struct amz_buf *out);
/* Appends each argument followed by a NUL (the shell text alone when it needs a shell) to *out and counts them. */
void amz_command_fill(const struct amz_command_template *c, const struct amz_values *values, struct amz_buf *out,
                      size_t *ret_argc);

/* Appends text quoted so that sh(1) reads it as one word; plain words stay plain. */
void amz_shell_quote(const char *text, size_t n, struct amz_buf *out);

#endif

/* Finding out, for each placeholder of a shell text, whether it stands bare, inside "…" or inside '…', so that its value
 * can be quoted for that place.
 *
 * This follows the token rules of POSIX.1-2017, XCU 2.3 and 2.6 as far as they are the same in all shells. Invariant: a place
 * is only claimed when it is certain. Behind something that shells read differently, or that takes a whole parser (a
 * here-document, `case` inside $( ), $'…', (( )), quotes in ${…} or arithmetic), the reader is lost for the rest of the
 * text and refuses every placeholder there: a wrong guess would be a way for a value to be executed. Text without placeholders
 * is never refused for that. */
#include "command_impl.h"

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

enum frame_kind {
  IN_COMMANDS,   /* the text itself, $( … ) or ( … ) */
  IN_DOUBLE,     /* "…" */
  IN_ARITHMETIC, /* $(( … )) and the parentheses in it */
};

struct frame {
  enum frame_kind kind;
  size_t opened; /* symbol, for messages */
  size_t closing; /* IN_ARITHMETIC: parentheses that are open in it */
};

struct placer {
  struct amz_parts *parts;
  const uint32_t *syms;
  size_t at;
  struct frame *frames; /* the innermost last; the first one is the text */
  size_t depth, cap;
  bool word_start;      /* IN_COMMANDS: a '#' here would begin a comment */
  bool here_document;   /* begins behind the next newline */
  const char *lost;     /* why no place is certain any more, or NULL */
  bool variable;        /* a $name has just ended */
  struct amz_error *err;
  size_t *ret_at;
};

static struct frame *top(struct placer *p)
{
  return &p->frames[p->depth - 1];
}

static int push(struct placer *p, enum frame_kind kind, size_t opened, size_t closing)
{
  if (amz_grow((void **)&p->frames, &p->cap, p->depth + 1, sizeof *p->frames) < 0)
    return amz_error_set(p->err, AMZ_ENOMEM, "out of memory for a command");
  p->frames[p->depth++] = (struct frame){kind, opened, closing};
  p->word_start = true;
  return AMZ_OK;
}

static int fail(struct placer *p, size_t sym, const char *words)
{
  *p->ret_at = amz_syms_at(p->parts, sym);
  return amz_error_set(p->err, AMZ_EINVAL, "%s", words);
}

static int refuse(struct placer *p, size_t sym, const char *where)
{
  const struct amz_part *part = &p->parts->items[p->syms[sym] - AMZ_SYM_PLACEHOLDER];

  *p->ret_at = part->at;
  return amz_error_set(p->err, AMZ_EINVAL,
                       "{%.*s} %s can't be quoted safely; set a variable to it before, as in x={%.*s}; … \"$x\"",
                       part->len < 60 ? (int)part->len : 60, p->parts->text.data + part->begin, where,
                       part->len < 60 ? (int)part->len : 60, p->parts->text.data + part->begin);
}

static void lose(struct placer *p, const char *where)
{
  if (!p->lost)
    p->lost = where;
}

static int take_placeholder(struct placer *p, size_t sym, enum amz_quoting quoting)
{
  struct amz_part *part = &p->parts->items[p->syms[sym] - AMZ_SYM_PLACEHOLDER];

  if (p->lost)
    return refuse(p, sym, p->lost);
  part->quoting = quoting;
  part->apart = quoting == AMZ_QUOTE_DOUBLE && p->variable;
  p->variable = false;
  return AMZ_OK;
}

static bool is_shell(uint32_t sym)
{
  return sym < AMZ_SYM_PLACEHOLDER && sym & AMZ_SYM_SHELL;
}

/* Shells join lines before they look for tokens: "$\<newline>(" begins a command substitution. */
static bool is_joint(const struct placer *p, size_t at)
{
  return p->syms[at] == '\\' && p->syms[at + 1] == '\n';
}

/* A "${…}": opaque, and certain to end where we think as long as nothing in it could hide a brace. (Some shells run the
 * commands in "${ …; }".) */
static void take_braces(struct placer *p)
{
  bool commands = memchr(" \t|", (int)(p->syms[p->at + 2] & 0xff), 3) != NULL;

  for (; is_shell(p->syms[p->at]); p->at++)
    if (commands || memchr("'\"\\`(\n", (int)(p->syms[p->at] & 0xff), 6))
      lose(p, "behind a ${…} with quotes or commands in it");
}

/* Behind the opening quote. */
static int take_single(struct placer *p)
{
  size_t opened = p->at - 1;
  int rc;

  for (; p->syms[p->at] != AMZ_SYM_END; p->at++) {
    uint32_t sym = p->syms[p->at];

    if (amz_sym_is_placeholder(sym)) {
      if ((rc = take_placeholder(p, p->at, AMZ_QUOTE_SINGLE)) < 0)
        return rc;
    } else if (sym == '\'') {
      p->at++;
      return AMZ_OK;
    } else if (sym == '\n' && p->here_document) {
      lose(p, "in or behind a here-document");
    } else if (sym == ('\'' | AMZ_SYM_SHELL)) {
      lose(p, "behind a \"${\" that holds the end of a '…'");
    }
  }
  return p->lost ? AMZ_OK : fail(p, opened, "this ' is never closed");
}

/* Behind the opening backquote. */
static int take_backquotes(struct placer *p)
{
  size_t opened = p->at - 1;

  for (; p->syms[p->at] != AMZ_SYM_END; p->at++) {
    uint32_t sym = p->syms[p->at];

    if (amz_sym_is_placeholder(sym))
      return refuse(p, p->at, "inside backquotes");
    if (sym == ('`' | AMZ_SYM_SHELL))
      lose(p, "behind a \"${\" that holds a backquote");
    else if (sym == '\\' && !amz_sym_is_placeholder(p->syms[p->at + 1]) && p->syms[p->at + 1] != AMZ_SYM_END)
      p->at++;
    else if (sym == '`') {
      p->at++;
      return AMZ_OK;
    }
  }
  return p->lost ? AMZ_OK : fail(p, opened, "this backquote is never closed");
}

static bool is_name_byte(uint32_t sym)
{
  return (sym >= 'a' && sym <= 'z') || (sym >= 'A' && sym <= 'Z') || (sym >= '0' && sym <= '9') || sym == '_';
}

/* Behind a '$'. */
static int take_dollar(struct placer *p)
{
  uint32_t sym = p->syms[p->at];
  size_t opened = p->at - 1;

  if (is_joint(p, p->at) || (sym == '(' && is_joint(p, p->at + 1)))
    lose(p, "behind a $ that ends its line");
  if (is_shell(sym) || sym == '[')
    lose(p, "behind a $${ or $[");
  if (sym == '(' && p->syms[p->at + 1] == '(') {
    p->at += 2;
    return push(p, IN_ARITHMETIC, opened, 2);
  }
  if (sym == '(') {
    p->at++;
    return push(p, IN_COMMANDS, opened, 0);
  }
  if (sym == '\'' && top(p)->kind == IN_COMMANDS) {
    lose(p, "behind a $'…'");
    return AMZ_OK;
  }
  if (is_name_byte(sym)) {
    while (is_name_byte(p->syms[p->at]))
      p->at++;
    p->variable = true;
  } else if (sym < AMZ_SYM_SHELL && sym != 0 && strchr("@*#?-$!", (int)sym)) {
    p->at++;
  }
  return AMZ_OK;
}

/* Behind a backslash outside '…'. The end of a line behind it is as if it weren't there: a word or a $name may go on. */
static int take_backslash(struct placer *p, bool word_start)
{
  if (is_shell(p->syms[p->at]))
    lose(p, "behind a \\${");
  if (p->syms[p->at] == '\n') {
    p->word_start = word_start;
    p->variable = true;
  }
  if (amz_sym_is_placeholder(p->syms[p->at]))
    return refuse(p, p->at, "behind a backslash");
  p->at += p->syms[p->at] != AMZ_SYM_END;
  return AMZ_OK;
}

/* At a '#'. Even a value between quotes could end a comment by a newline in it. */
static int take_comment(struct placer *p)
{
  for (; p->syms[p->at] != AMZ_SYM_END && p->syms[p->at] != '\n'; p->at++) {
    if (amz_sym_is_placeholder(p->syms[p->at]))
      return refuse(p, p->at, "inside a comment");
    if (p->syms[p->at] == ('\n' | AMZ_SYM_SHELL))
      lose(p, "behind a \"${\" in a comment");
  }
  return AMZ_OK;
}

/* Whether the word at `at` is, or may be, `case`, whose patterns end in a ')' of their own. */
static bool is_case(const struct placer *p, size_t at)
{
  static const char word[] = "case";

  for (size_t i = 0; i < 4; i++, at++) {
    if (is_joint(p, at))
      return true;
    if (p->syms[at] != (uint32_t)word[i])
      return false;
  }
  return !is_name_byte(p->syms[at]);
}

/* At a ')' among commands. One without its '(' belongs to a pattern of `case`. */
static void take_closing(struct placer *p)
{
  bool substitution = p->depth > 1 && p->syms[top(p)->opened] == '$';

  if (p->depth > 1)
    p->depth--;
  if (!substitution && p->syms[p->at] == '#')
    lose(p, "behind a )#");
}

/* At the second '<' of "<<". What stands on the same line behind the end marker is certain as long as that is a plain word:
 * shells differ in what they make of quotes and substitutions in it. */
static void take_here_document(struct placer *p)
{
  size_t at = p->at + 1 + (p->syms[p->at + 1] == '-');
  uint32_t quote;

  while (p->syms[at] == ' ' || p->syms[at] == '\t')
    at++;
  quote = p->syms[at] == '\'' || p->syms[at] == '"' ? p->syms[at] : 0;
  at += quote != 0;
  while (is_name_byte(p->syms[at]))
    at++;
  if (quote && p->syms[at++] != quote) {
    lose(p, "behind a here-document");
    return;
  }
  if (p->syms[at] != AMZ_SYM_END && (p->syms[at] >= AMZ_SYM_SHELL || !memchr(" \t\n;&|<>", (int)p->syms[at], 8)))
    lose(p, "behind a here-document");
  p->here_document = true;
}

/* A bare byte. */
static int take_operator(struct placer *p, uint32_t sym)
{
  if ((sym == '(' || sym == '<') && is_joint(p, p->at))
    lose(p, "behind an operator that ends its line");
  if (sym == '(' && p->syms[p->at] == '(')
    lose(p, "behind a ((");
  if (sym == '(')
    return push(p, IN_COMMANDS, p->at - 1, 0);
  if (sym == ')')
    take_closing(p);
  if (sym == '<' && p->syms[p->at] == '<')
    take_here_document(p);
  if (sym == ')' && p->here_document)
    lose(p, "behind a here-document");
  p->word_start = memchr(" \t\n;&|<>", (int)sym, 8) != NULL;
  return AMZ_OK;
}

static int take_in_commands(struct placer *p, uint32_t sym)
{
  bool word_start = p->word_start;

  p->word_start = false;
  if (amz_sym_is_placeholder(sym))
    return take_placeholder(p, p->at - 1, AMZ_QUOTE_BARE);
  switch (sym) {
  case '\'': return take_single(p);
  case '"': return push(p, IN_DOUBLE, p->at - 1, 0);
  case '`': return take_backquotes(p);
  case '$': return take_dollar(p);
  case '\\': return take_backslash(p, word_start);
  case '#': return word_start ? take_comment(p) : AMZ_OK;
  case 'c':
    if (word_start && p->depth > 1 && is_case(p, p->at - 1))
      lose(p, "behind a `case` inside parentheses");
    return AMZ_OK;
  default: return take_operator(p, sym);
  }
}

static int take_in_double(struct placer *p, uint32_t sym)
{
  if (amz_sym_is_placeholder(sym))
    return take_placeholder(p, p->at - 1, AMZ_QUOTE_DOUBLE);
  switch (sym) {
  case '"':
    p->depth--;
    p->word_start = false;
    return AMZ_OK;
  case '`': return take_backquotes(p);
  case '$': return take_dollar(p);
  case '\\': return take_backslash(p, false);
  default: return AMZ_OK;
  }
}

static int take_in_arithmetic(struct placer *p, uint32_t sym)
{
  if (amz_sym_is_placeholder(sym))
    return refuse(p, p->at - 1, "inside $(( ))");
  switch (sym) {
  case '(': top(p)->closing++; return AMZ_OK;
  case ')':
    if (top(p)->closing == 2 && p->syms[p->at] != ')')
      lose(p, "behind a $(( that isn't closed by ))");
    if (--top(p)->closing == 0) {
      p->depth--;
      p->word_start = false;
    }
    return AMZ_OK;
  case '$': return take_dollar(p);
  case '\'':
  case '"':
  case '`':
  case '#': /* a base, as in 2#101; or the comment of a ( ) that isn't arithmetic at all */
  case '\n':
  case '\\': lose(p, "behind quotes inside $(( ))"); return AMZ_OK;
  default: return AMZ_OK;
  }
}

static int take_symbol(struct placer *p)
{
  static int (*const take[])(struct placer *, uint32_t) = {
    [IN_COMMANDS] = take_in_commands, [IN_DOUBLE] = take_in_double, [IN_ARITHMETIC] = take_in_arithmetic};
  uint32_t sym = p->syms[p->at];

  if (!amz_sym_is_placeholder(sym))
    p->variable = false;
  if (sym == '\n' && p->here_document)
    lose(p, "in or behind a here-document");
  if (is_shell(sym)) {
    take_braces(p);
    p->word_start = false;
    return AMZ_OK;
  }
  p->at++;
  return take[top(p)->kind](p, sym);
}

/* Once lost, syntax is no longer followed: only placeholders matter, and they are refused. */
static int skip_lost(struct placer *p)
{
  for (; p->syms[p->at] != AMZ_SYM_END; p->at++)
    if (amz_sym_is_placeholder(p->syms[p->at]))
      return refuse(p, p->at, p->lost);
  return AMZ_OK;
}

static int check_closed(struct placer *p)
{
  if (p->lost || p->depth == 1)
    return AMZ_OK;
  return fail(p, top(p)->opened, top(p)->kind == IN_DOUBLE ? "this \" is never closed" : "this ( is never closed");
}

int amz_command_place(struct amz_parts *parts, const struct amz_syms *syms, struct amz_error *err, size_t *ret_at)
{
  struct placer p = {.parts = parts, .syms = syms->items, .err = err, .ret_at = ret_at};
  int rc = push(&p, IN_COMMANDS, 0, 0);

  while (rc == AMZ_OK && !p.lost && p.syms[p.at] != AMZ_SYM_END)
    rc = take_symbol(&p);
  if (rc == AMZ_OK)
    rc = skip_lost(&p);
  if (rc == AMZ_OK)
    rc = check_closed(&p);
  free(p.frames);
  return rc;
}

/* Reading a command's text without a shell: words, quotes and backslashes as POSIX.1-2017, XCU 2.2 and 2.3 have them. Whatever
 * has more to it is left to sh. When in doubt it is a shell's work: that costs a millisecond, a wrong guess costs a wrong
 * command. */
#include "command_impl.h"

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

/* First words that a shell must see, sorted: keywords; built-ins that act on the shell itself or that no program stands for;
 * and of those with a program the ones that answer differently. The names that only bigger shells know are here because sh may
 * be one of them. */
static const char *const shell_words[] = {
  "!", ".", ":", "[[", "alias", "bg", "bind", "break", "builtin", "caller", "case", "cd", "chdir", "command", "compgen",
  "complete", "compopt", "continue", "coproc", "declare", "dirs", "disown", "do", "done", "elif", "else", "enable", "esac",
  "eval", "exec", "exit", "export", "fc", "fg", "fi", "for", "function", "getopts", "hash", "help", "history", "if", "in",
  "jobs", "kill", "let", "local", "logout", "mapfile", "popd", "print", "pushd", "pwd", "read", "readarray", "readonly",
  "return", "select", "set", "shift", "shopt", "source", "suspend", "then", "time", "times", "trap", "type", "typeset",
  "ulimit", "umask", "unalias", "unset", "until", "wait", "whence", "while", "{", "}",
};

/* Built-ins whose programs do the same unless an argument has a backslash, looks like an option or is longer than what execve
 * takes: built-ins have no such bound. */
static const char *const twins[] = {"echo", "printf"};
#define ARGUMENT_MAX (128u * 1024 - 1) /* bytes; Linux's MAX_ARG_STRLEN without the NUL */

int amz_syms_new(const struct amz_parts *parts, struct amz_syms *ret)
{
  struct amz_syms s = {NULL, 0};
  size_t n = 2;

  if (parts->count >= UINT32_MAX - AMZ_SYM_PLACEHOLDER)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < parts->count; i++)
    n += amz_part_is_text(&parts->items[i]) ? parts->items[i].len : 1;
  s.items = amz_new_array(n, sizeof *s.items);
  if (!s.items)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < parts->count; i++) {
    const struct amz_part *p = &parts->items[i];

    if (!amz_part_is_text(p))
      s.items[s.count++] = AMZ_SYM_PLACEHOLDER + (uint32_t)i;
    for (size_t k = 0; amz_part_is_text(p) && k < p->len; k++)
      s.items[s.count++] = (unsigned char)parts->text.data[p->begin + k] | (p->kind == AMZ_PART_SHELL ? AMZ_SYM_SHELL : 0);
  }
  s.items[s.count] = s.items[s.count + 1] = AMZ_SYM_END;
  *ret = s;
  return AMZ_OK;
}

size_t amz_syms_at(const struct amz_parts *parts, size_t i)
{
  size_t end = 0;

  for (size_t k = 0; k < parts->count; k++) {
    const struct amz_part *p = &parts->items[k];
    size_t n = amz_part_is_text(p) ? p->len : 1;

    if (i < n)
      return p->at + i;
    i -= n;
    end = p->at + n;
  }
  return end;
}

struct splitter {
  const struct amz_parts *parts;
  const uint32_t *at; /* the next symbol */
  struct amz_parts *out;
  struct amz_buf word; /* bytes of the argument since its last placeholder */
  int64_t words;
  bool in_word, fresh;  /* inside an argument; nothing of it taken yet */
  bool equals;          /* a bare '=' in the first word */
  bool twin;            /* the first word is one of twins */
  bool shell;           /* only a shell can read this */
  bool failed;
};

static void flush_bytes(struct splitter *s)
{
  s->failed |= amz_buf_ok(&s->word) < 0 ||
               amz_parts_add(s->out, (struct amz_part){.kind = AMZ_PART_TEXT}, amz_buf_text(&s->word), s->word.len) < 0;
  amz_buf_reset(&s->word);
}

static int compare_words(const void *a, const void *b)
{
  return strcmp(a, *(const char *const *)b);
}

/* Judges the text of a whole argument; one with placeholders comes without a text (NULL). */
static void judge_word(struct splitter *s, const char *text)
{
  if (s->words == 0 && text) {
    s->shell |= bsearch(text, shell_words, sizeof shell_words / sizeof *shell_words, sizeof *shell_words, compare_words) != NULL;
    for (size_t i = 0; i < sizeof twins / sizeof *twins; i++)
      s->twin |= strcmp(text, twins[i]) == 0;
  }
  s->shell |= (s->words == 0 && s->equals) || (s->twin && s->word.len > ARGUMENT_MAX);
}

static void end_word(struct splitter *s)
{
  bool plain = s->out->count == 0 || s->out->items[s->out->count - 1].kind == AMZ_PART_BREAK;

  if (!s->in_word)
    return;
  judge_word(s, plain ? amz_buf_text(&s->word) : NULL);
  flush_bytes(s);
  s->failed |= amz_parts_add(s->out, (struct amz_part){.kind = AMZ_PART_BREAK}, "", 0) < 0;
  s->in_word = false;
  s->fresh = true;
  s->words++;
}

static void begin_word(struct splitter *s, uint32_t first)
{
  s->shell |= !s->in_word && (first == '#' || first == '~');
  s->in_word = true;
}

static void take_byte(struct splitter *s, uint32_t sym)
{
  s->shell |= s->twin && (sym == '\\' || (sym == '-' && s->fresh));
  s->fresh = false;
  amz_buf_addc(&s->word, (char)(unsigned char)sym);
}

static void take_placeholder(struct splitter *s, uint32_t sym)
{
  const struct amz_part *p = &s->parts->items[sym - AMZ_SYM_PLACEHOLDER];

  flush_bytes(s);
  s->fresh = false;
  s->failed |= amz_parts_add(s->out, *p, s->parts->text.data + p->begin, p->len) < 0;
}

/* Behind the opening quote. Without its end the shell is to complain. */
static void take_single(struct splitter *s)
{
  while (*s->at != '\'') {
    uint32_t sym = *s->at;

    if (sym == AMZ_SYM_END) {
      s->shell = true;
      return;
    }
    if (amz_sym_is_placeholder(sym))
      take_placeholder(s, sym);
    else
      take_byte(s, sym & 0xff);
    s->at++;
  }
  s->at++;
}

/* At a backslash inside double quotes: it is one unless something that it can protect follows. */
static void take_double_backslash(struct splitter *s)
{
  uint32_t next = s->at[1];

  if (next == '\n') {
    s->at++; /* the line goes on */
  } else if (next == '$' || next == '`' || next == '"' || next == '\\') {
    take_byte(s, next);
    s->at++;
  } else {
    take_byte(s, '\\');
    s->shell |= amz_sym_is_placeholder(next);
  }
}

static void take_double(struct splitter *s)
{
  for (; *s->at != '"'; s->at++) {
    uint32_t sym = *s->at;

    if (sym == AMZ_SYM_END || sym == '$' || sym == '`' || (sym & AMZ_SYM_SHELL && !amz_sym_is_placeholder(sym))) {
      s->shell = true;
      return;
    }
    if (amz_sym_is_placeholder(sym))
      take_placeholder(s, sym);
    else if (sym == '\\')
      take_double_backslash(s);
    else
      take_byte(s, sym);
  }
  s->at++;
}

/* Behind a bare backslash. */
static void take_escaped(struct splitter *s)
{
  uint32_t sym = *s->at;

  if (sym == AMZ_SYM_END || sym >= AMZ_SYM_SHELL) {
    s->shell = true;
    return;
  }
  s->at++;
  if (sym == '\n')
    return; /* the line goes on, and so does a word */
  s->in_word = true;
  take_byte(s, sym);
}

/* A newline ends the command; only blanks may follow, else it is a script. */
static void take_newline(struct splitter *s)
{
  end_word(s);
  if (s->words == 0)
    return;
  while (*s->at == '\n' || *s->at == ' ' || *s->at == '\t')
    s->at++;
  s->shell |= *s->at != AMZ_SYM_END;
}

static void take_bare(struct splitter *s, uint32_t sym)
{
  if (amz_sym_is_placeholder(sym)) {
    s->in_word = true;
    take_placeholder(s, sym);
  } else if (sym >= AMZ_SYM_SHELL || strchr("|&;<>()$`*?[", (int)sym)) {
    s->shell = true;
  } else {
    begin_word(s, sym);
    s->equals |= sym == '=' && s->words == 0;
    take_byte(s, sym);
  }
}

static void take_symbol(struct splitter *s)
{
  uint32_t sym = *s->at++;

  switch (sym) {
  case ' ':
  case '\t': end_word(s); break;
  case '\n': take_newline(s); break;
  case '\\': take_escaped(s); break;
  case '\'':
    s->in_word = true;
    take_single(s);
    break;
  case '"':
    s->in_word = true;
    take_double(s);
    break;
  default: take_bare(s, sym); break;
  }
}

int64_t amz_command_split(const struct amz_parts *parts, const struct amz_syms *syms, struct amz_parts *ret)
{
  struct splitter s = {.parts = parts, .at = syms->items, .out = ret, .word = AMZ_BUF_INIT, .fresh = true};

  while (!s.shell && !s.failed && *s.at != AMZ_SYM_END)
    take_symbol(&s);
  if (!s.shell)
    end_word(&s);
  amz_buf_clear(&s.word);
  if (s.failed)
    return AMZ_ENOMEM;
  return s.shell ? 0 : s.words;
}

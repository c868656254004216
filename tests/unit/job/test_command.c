/* Commands and quoting. The oracle is /bin/sh itself: what it makes of a text, word by word, and whether a hostile value comes
 * through it unharmed. AMZ_TEST_SH names another shell to be asked, as `sh`. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <amorsize/rng.h>

#include "../../../src/job/template.h"
#include "../../support/tap.h"

static const char *const names[] = {"x", "y"};

static const char *const hostile[] = {
  "", " ", "a", "a b", "-n", "--", "'", "''", "\"", "\\", "\\\\", "a\\", "$", "$HOME", "${HOME}", "$(echo HACK)", "`echo HACK`",
  "a'b\"c", "'; echo HACK; '", "\"; echo HACK; \"", "\n", "a\nb\n", "\necho HACK\n", "*", "?", "[a-z]", "~", "~root", "#",
  "a #b", "!", "&", "|", ";", "<", ">", "(", ")", "{", "}", "{x}", "{a,b}", "%s", "%", "\t", "\r", "\x01\x7f", "\xff\xfe\x80",
  "\xc3\xa9t\xc3\xa9", "$'\\x41'", "=", "a=b", "2", "if", "\\n", "\\'", "'\\''", "$\\", "\"$(echo HACK)\"", "'$(echo HACK)'",
  "`'\"", ")", "EOF\necho HACK",
};
#define N_HOSTILE (sizeof hostile / sizeof *hostile)

/* ---- helpers ---------------------------------------------------------------------------------------------------------- */

static void exec_shell(const char *text)
{
  const char *shell = getenv("AMZ_TEST_SH");
  int null = open("/dev/null", O_RDWR);

  if (null < 0 || dup2(null, 0) < 0 || dup2(null, 2) < 0)
    _exit(99);
  (void)setenv("HOME", "/home dir", 1);
  (void)execl(shell ? shell : "/bin/sh", "sh", "-c", text, (char *)NULL);
  _exit(99);
}

/* Runs a shell text. \return its exit status; its standard output in *out. */
static int run_shell(const char *text, struct amz_buf *out)
{
  int fds[2], status = -1;
  char piece[4096];
  ssize_t got;
  pid_t pid;

  amz_buf_reset(out);
  CU_ASSERT_FATAL(pipe(fds) == 0);
  pid = fork();
  CU_ASSERT_FATAL(pid >= 0);
  if (pid == 0) {
    (void)close(fds[0]);
    if (dup2(fds[1], 1) < 0)
      _exit(99);
    (void)close(fds[1]);
    exec_shell(text);
  }
  (void)close(fds[1]);
  while ((got = read(fds[0], piece, sizeof piece)) > 0)
    amz_buf_add(out, piece, (size_t)got);
  (void)close(fds[0]);
  CU_ASSERT_FATAL(waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ctx: the two values. */
static void value(const void *ctx, size_t name, struct amz_buf *out)
{
  amz_buf_adds(out, ((const char *const *)ctx)[name]);
}

static size_t fill(const struct amz_command_template *c, const char *x, const char *y, struct amz_buf *out)
{
  const char *const values[] = {x, y};
  struct amz_values v = {value, values, 7, "job", NULL};
  size_t argc = 0;

  amz_buf_reset(out);
  amz_command_fill(c, &v, out, &argc);
  return argc;
}

static struct amz_command_template *compile(const char *text, struct amz_error *err)
{
  struct amz_command_template *c = NULL;
  size_t at = 0;

  return amz_command_compile(text, names, 2, err, &at, &c) == AMZ_OK ? c : NULL;
}

static bool same_bytes(const struct amz_buf *a, const struct amz_buf *b)
{
  return a->len == b->len && memcmp(amz_buf_text(a), amz_buf_text(b), a->len) == 0;
}

/* Copies `text` with each `from` replaced by `to`; NULs within are bytes like others. */
static void replace(const struct amz_buf *text, const char *from, const char *to, struct amz_buf *out)
{
  size_t n = strlen(from);

  amz_buf_reset(out);
  for (size_t i = 0; i < text->len;) {
    if (text->len - i >= n && memcmp(text->data + i, from, n) == 0) {
      amz_buf_adds(out, to);
      i += n;
    } else {
      amz_buf_addc(out, text->data[i++]);
    }
  }
}

/* ---- quoting ---------------------------------------------------------------------------------------------------------- */

static void quoted_words_survive_sh(void)
{
  struct amz_buf text = AMZ_BUF_INIT, expected = AMZ_BUF_INIT, out = AMZ_BUF_INIT;

  amz_buf_adds(&text, "printf '%s\\0'");
  for (size_t i = 0; i < N_HOSTILE; i++) {
    amz_buf_addc(&text, ' ');
    amz_shell_quote(hostile[i], strlen(hostile[i]), &text);
    amz_buf_add(&expected, hostile[i], strlen(hostile[i]) + 1);
  }
  ASSERT_I64(run_shell(text.data, &out), 0);
  CU_ASSERT(same_bytes(&out, &expected));
  amz_buf_clear(&text);
  amz_buf_clear(&expected);
  amz_buf_clear(&out);
}

static void plain_words_stay_plain(void)
{
  static const struct {
    const char *word, *quoted;
  } rows[] = {
    {"abc", "abc"}, {"in/a-b_c.1:2,3+4@5%6", "in/a-b_c.1:2,3+4@5%6"}, {"--cpu=4", "--cpu=4"}, {"a=b", "'a=b'"}, {"", "''"},
    {"a b", "'a b'"}, {"~", "'~'"}, {"it's", "'it'\\''s'"}, {"\xc3\xa9", "'\xc3\xa9'"},
  };
  struct amz_buf out = AMZ_BUF_INIT;

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    amz_buf_reset(&out);
    amz_shell_quote(rows[i].word, strlen(rows[i].word), &out);
    ASSERT_ROW_TEXT(rows[i].word, amz_buf_text(&out), rows[i].quoted);
  }
  amz_buf_clear(&out);
}

/* What the command prints has the value where the template has it, for each place and each hostile value. One shell for all
 * values of a place, each in a subshell of its own: starting shells was most of this test's time. */
static void values_survive_in_every_place(void)
{
  static const struct {
    const char *text, *before, *behind;
  } rows[] = {
    {"printf '<%s>' {x}; true", "<", ">"},
    {"printf '<%s>' {x}|cat", "<", ">"},
    {"printf '<%s>' a{x}b; true", "<a", "b>"},
    {"printf '<%s>' \"{x}\"; true", "<", ">"},
    {"printf '<%s>' \"a {x} b\" | cat", "<a ", " b>"},
    {"printf '<%s>' '{x}' | cat", "<", ">"},
    {"printf '<%s>' 'a {x} b' | cat", "<a ", " b>"},
    {"printf '<%s>' \"$(printf '%s.' {x})\"", "<", ".>"},
    {"printf '<%s>' \"$(printf '%s.' \"{x}\")\"", "<", ".>"},
    {"printf '<%s>' \"$(printf '%s.' '{x}')\"", "<", ".>"},
    {"printf '<%s>' \"a$(printf '%s' \"b$(printf '%s.' \"{x}\")\")\"", "<ab", ".>"},
    {"printf '<%s>' \"$HOME{x}\"", "</home dir", ">"},
    {"printf '<%s>' \"$HOME\\\n{x}\"", "</home dir", ">"},
    {"HOME=h; printf '<%s>' $HOME{x}", "<h", ">"},
    {"printf '<%s>' \"${HOME}{x}\"", "</home dir", ">"},
    {"printf '<%s>' \"${NONE:-a b}{x}\"", "<a b", ">"},
    {"printf '<%s>' \"$((1+(2*3))){x}\"", "<7", ">"},
    {"printf '<%s>' \"`printf 'a b'`{x}\"", "<a b", ">"},
    {"v={x}; printf '<%s>' \"$v\"", "<", ">"},
    {"v=\"{x}\"; printf '<%s>' \"$v\"", "<", ">"},
    {"f() {{ printf '<%s>' \"$1\"; }}; f {x}", "<", ">"},
    {"# it's a comment (\nprintf '<%s>' {x}", "<", ">"},
    {"if true; then printf '<%s>' {x}; fi", "<", ">"},
    {"cat <<'E' >/dev/null; printf '<%s>' {x}\nit's\nE\n", "<", ">"},
    {"case a in a) printf '<%s>' {x};; esac", "<", ">"},
    {"(printf '<%s>' {x})", "<", ">"},
    {"printf '<%s>' a#{x}; true", "<a#", ">"},
    {"printf '<%s>' \"a\\\"{x}\" | cat", "<a\"", ">"},
    {"printf '<%s>' \\'{x} | cat", "<'", ">"},
    {"printf '<%s>' \"it's {x}\" | cat", "<it's ", ">"},
    {"printf '<%s>' 'say \"{x}' | cat", "<say \"", ">"},
    {"printf '<%s>' \"$#$$-{x}\" | sed 's/<0[0-9]*-/<-/'", "<-", ">"},
    {"printf '<%s>' $(true){x}", "<", ">"},
    {"awk 'BEGIN {{ printf \"<%s>\", ARGV[1] }}' {x}", "<", ">"},
  };
  struct amz_buf text = AMZ_BUF_INIT, script = AMZ_BUF_INIT, expected = AMZ_BUF_INIT, out = AMZ_BUF_INIT;

  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    struct amz_error err = {0, 0, ""};
    struct amz_command_template *c = compile(rows[r].text, &err);

    ASSERT_ROW_TEXT(rows[r].text, err.text, "");
    amz_buf_reset(&script);
    amz_buf_reset(&expected);
    for (size_t i = 0; c && amz_command_needs_shell(c) && i < N_HOSTILE; i++) {
      ASSERT_ROW_U64(rows[r].text, fill(c, hostile[i], "", &text), 1);
      amz_buf_addf(&script, "(\n%s\n) || exit\nprintf '\\0'\n", amz_buf_text(&text));
      amz_buf_addf(&expected, "%s%s%s", rows[r].before, hostile[i], rows[r].behind);
      amz_buf_addc(&expected, '\0');
    }
    ASSERT_ROW_I64(rows[r].text, run_shell(amz_buf_text(&script), &out), 0);
    ASSERT_ROW_U64(rows[r].text, out.len, expected.len);
    CU_ASSERT(same_bytes(&out, &expected));
    amz_command_free(c);
  }
  amz_buf_clear(&text);
  amz_buf_clear(&script);
  amz_buf_clear(&expected);
  amz_buf_clear(&out);
}

/* ---- is a shell needed? ----------------------------------------------------------------------------------------------- */

/* Arguments joined by '|'. */
static void direct_commands(void)
{
  static const struct {
    const char *text, *args;
  } rows[] = {
    {"true", "true|"}, {"  a\tb  c ", "a|b|c|"}, {"a ''", "a||"}, {"a \"\" b", "a||b|"}, {"a 'b c' \"d e\"", "a|b c|d e|"},
    {"a b\\ c", "a|b c|"}, {"a 'x'\"y\"z", "a|xyz|"}, {"a \"\\$\\`\\\"\\\\\\n\"", "a|$`\"\\\\n|"},
    {"a '$x `y` \\'", "a|$x `y` \\|"}, {"a \\\n b", "a|b|"}, {"a b\\\nc", "a|bc|"}, {"a \"b\\\nc\"", "a|bc|"},
    {"a b\n", "a|b|"}, {"\n\n a b \n \n", "a|b|"}, {"a 'b\nc'", "a|b\nc|"}, {"a x#y", "a|x#y|"}, {"a x~", "a|x~|"},
    {"a --o=~", "a|--o=~|"}, {"a x=y", "a|x=y|"}, {"a '#' \\# '~'", "a|#|#|~|"}, {"a if ! then", "a|if|!|then|"},
    {"a {{b,c}} }}", "a|{b,c}|}|"}, {"a ] ^ % , @ +", "a|]|^|%|,|@|+|"}, {"a '*' \\* \"?\" '['", "a|*|*|?|[|"},
    {"a '${HOME}'", "a|${HOME}|"}, {"a \\\\", "a|\\|"}, {"a {x} b", "a|V W|b|"}, {"a p{x}s", "a|pV Ws|"},
    {"a '{x}' \"{x}\"", "a|V W|V W|"}, {"a {x}{y}", "a|V W-|"}, {"{x} {y}", "V W|-|"}, {"a {x:stem} {index}", "a|V W|7|"},
    {"./cd", "./cd|"}, {"cdx", "cdx|"}, {"echo a 'b c'", "echo|a|b c|"}, {"echo a\\ b", "echo|a b|"},
    {"echo {x} a-b", "echo|V W|a-b|"}, {"echo {x}-n", "echo|V W-n|"}, {"printf %s a", "printf|%s|a|"},
    {"test -e a", "test|-e|a|"}, {"a \xff\xfe", "a|\xff\xfe|"},
    {"vina --ligand {x} --seed {y} \\\n  --cpu 4\n", "vina|--ligand|V W|--seed|-|--cpu|4|"},
  };
  struct amz_buf out = AMZ_BUF_INIT, joined = AMZ_BUF_INIT;

  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    struct amz_error err = {0, 0, ""};
    struct amz_command_template *c = compile(rows[r].text, &err);
    size_t argc, ends = 0;

    ASSERT_ROW_TEXT(rows[r].text, err.text, "");
    if (!c)
      continue;
    ASSERT_ROW_U64(rows[r].text, amz_command_needs_shell(c), 0);
    argc = fill(c, "V W", "-", &out);
    amz_buf_reset(&joined);
    for (size_t i = 0; i < out.len; i++) {
      ends += out.data[i] == '\0';
      amz_buf_addc(&joined, out.data[i] ? out.data[i] : '|');
    }
    ASSERT_ROW_TEXT(rows[r].text, amz_buf_text(&joined), rows[r].args);
    ASSERT_ROW_U64(rows[r].text, argc, ends);
    amz_command_free(c);
  }
  amz_buf_clear(&out);
  amz_buf_clear(&joined);
}

static void shell_commands(void)
{
  static const char *const rows[] = {
    "a | b", "a & b", "a; b", "a < b", "a > b", "(a)", "a $x", "a ${x}", "a $(b)", "a `b`", "a *", "a ?", "a [b]", "a ~",
    "a ~/b", "a # b", "# a", "a\nb", "a \"$x\"", "a \"`b`\"", "a \"${x}\"", "x=1 a", "x=1", "'x'=1", "[ -e a ]", "[[ a ]]",
    "! a", "{{ a; }}", "if", "for", "while", "until", "case", "function", "time a", "cd a", "exec a", "eval a", "export a",
    "set -x", "source a", ". a", ":", "alias", "umask", "ulimit -s", "wait", "trap", "type a", "command a", "read a", "exit 3",
    "return", "unset a", "shift", "times", "break", "continue", "readonly a", "hash", "jobs", "bg", "fg", "getopts", "local a",
    "kill 1", "pwd", "'cd' a", "echo -n a", "echo \"-n\"", "echo 'a\\n'", "printf 'a\\n'", "a \\",
  };

  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    struct amz_error err = {0, 0, ""};
    struct amz_command_template *c = compile(rows[r], &err);

    ASSERT_ROW_TEXT(rows[r], err.text, "");
    if (c)
      ASSERT_ROW_U64(rows[r], amz_command_needs_shell(c), 1);
    amz_command_free(c);
  }
}

/* A built-in of this machine's sh for which we take a program must have one that does the same: those four have. */
static void built_ins_of_sh_go_to_sh(void)
{
  static const char *const dash[] = {
    ".", ":", "[", "alias", "bg", "break", "cd", "chdir", "command", "continue", "echo", "eval", "exec", "exit", "export",
    "false", "fg", "getopts", "hash", "jobs", "kill", "local", "printf", "pwd", "read", "readonly", "return", "set", "shift",
    "test", "times", "trap", "true", "type", "ulimit", "umask", "unalias", "unset", "wait",
  };
  static const char *const programs[] = {"echo", "false", "printf", "test", "true"};

  for (size_t i = 0; i < sizeof dash / sizeof *dash; i++) {
    struct amz_command_template *c = compile(dash[i], NULL);
    bool program = false;

    for (size_t k = 0; k < sizeof programs / sizeof *programs; k++)
      program |= strcmp(dash[i], programs[k]) == 0;
    CU_ASSERT_PTR_NOT_NULL(c);
    if (c)
      ASSERT_ROW_U64(dash[i], amz_command_needs_shell(c), !program);
    amz_command_free(c);
  }
}

/* Appends a command text of random pieces of what words are made of. */
static void add_random_words(struct amz_rng *rng, struct amz_buf *text)
{
  static const char *const pieces[] = {
    "a", "b", " ", "  ", "\t", "'", "'", "\"", "\"", "\\", "\n", "\\\n", "-x", "=", "#", "~", "{{", "}}", "'q r'", "\"s t\"",
    "''", "\"\"", "%", "!", ",", ":", "\\'", "\\\"", "\\ ", "$", "`", "*", "\xff", "^", "]",
  };
  uint64_t n = 1 + amz_rng_below(rng, 10);

  for (uint64_t i = 0; i < n; i++)
    amz_buf_adds(text, pieces[amz_rng_below(rng, sizeof pieces / sizeof *pieces)]);
}

/* Each text that we split ourselves is split by sh as well, all of them by one sh. */
static void splitting_is_as_sh_has_it(void)
{
  struct amz_buf script = AMZ_BUF_INIT, ours = AMZ_BUF_INIT, text = AMZ_BUF_INIT, out = AMZ_BUF_INIT, plain = AMZ_BUF_INIT;
  struct amz_rng rng;
  unsigned split = 0;

  amz_rng_seed(&rng, 20240607);
  for (int i = 0; i < 3000; i++) {
    struct amz_command_template *c;

    amz_buf_reset(&text);
    add_random_words(&rng, &text);
    c = compile(amz_buf_text(&text), NULL);
    if (c && !amz_command_needs_shell(c)) {
      (void)fill(c, "", "", &out);
      amz_buf_add(&ours, out.data, out.len);
      amz_buf_add(&ours, "--\n", 3);
      replace(&text, "{{", "{", &out);
      replace(&out, "}}", "}", &plain);
      /* leading newlines end no command before it has begun */
      amz_buf_addf(&script, "printf '%%s\\0' %s\necho --\n", amz_buf_text(&plain) + strspn(amz_buf_text(&plain), "\n \t"));
      split++;
    }
    amz_command_free(c);
  }
  CU_ASSERT(split >= 300);
  CU_ASSERT(script.len < 120000); /* one argument to sh: at most 128 KiB */
  ASSERT_I64(run_shell(amz_buf_text(&script), &out), 0);
  CU_ASSERT(same_bytes(&out, &ours));
  amz_buf_clear(&script);
  amz_buf_clear(&ours);
  amz_buf_clear(&text);
  amz_buf_clear(&out);
  amz_buf_clear(&plain);
}

/* Any piece of syntax, at any place; nothing in it can do harm. */
static void add_noise(struct amz_rng *rng, struct amz_buf *text)
{
  static const char *const pieces[] = {
    "'", "\"", "$(printf %s. ", ")", "$((1+", "))", "(", "`printf %s. ", "`", "\\", "\\\n", "\n", "\nprintf %s. ",
    ";printf %s. ", "#", " #", "$", "${N:-", "}}", "{{", "$'", "$\"", "\\${a}", "((", "<<E", "\nE\n",
    "case a in a) printf %s. ", ";; esac ", "|cat", "=", "~", "*", "${N:-'", "${N#\"", "$[", "!", "$#",
  };

  amz_buf_adds(text, pieces[amz_rng_below(rng, sizeof pieces / sizeof *pieces)]);
}

/* Some pieces of a word, outside or inside double quotes, nested, with placeholders in all places. */
static void add_random_word(struct amz_rng *rng, bool in_double, unsigned depth, struct amz_buf *text)
{
  static const char *const bare[] = {"a", "{x}", "'b {x}\"c'", "'$(d) {x}'", "$HOME", "${HOME}", " ", "\\'", "\\\"", "${N:-e}",
    "$((1+(2)))", "'", "{x}"};
  static const char *const inner[] = {"a", "{x}", "it's", "$HOME", "${HOME}", " ", "\\\"", "\\$", "${N:-e f}", "$((1+(2)))", "(",
    "#", "{x}"};
  uint64_t n = 1 + amz_rng_below(rng, 4);

  for (uint64_t i = 0; i < n; i++) {
    uint64_t what = amz_rng_below(rng, 20);

    if (what == 0) {
      add_noise(rng, text);
    } else if (what < 6 && depth > 0) {
      amz_buf_adds(text, "$(printf %s. ");
      add_random_word(rng, false, depth - 1, text);
      amz_buf_addc(text, ')');
    } else if (what < 11 && depth > 0 && !in_double) {
      amz_buf_addc(text, '"');
      add_random_word(rng, true, depth - 1, text);
      amz_buf_addc(text, '"');
    } else {
      amz_buf_adds(text, (in_double ? inner : bare)[amz_rng_below(rng, sizeof bare / sizeof *bare)]);
    }
  }
}

/* Whatever the text: where a harmless value comes out, a hostile one comes out, and nothing else changes. (No blanks in the
 * values: an unquoted $( ) of the text itself would rightly split at them. No $$: it differs from run to run.) */
static void random_places_hold(void)
{
  static const char *const values[] = {"';pwd;'", "\";pwd;\"", "$(pwd)", "`pwd`", ")pwd(", "a;b", "#'", "}pwd", "\\", "\";pwd;'",
    "'\"`pwd`"};
  static const char mark[] = "qMARKq";
  struct amz_buf text = AMZ_BUF_INIT, filled = AMZ_BUF_INIT, harmless = AMZ_BUF_INIT, out = AMZ_BUF_INIT, expected = AMZ_BUF_INIT;
  const char *count = getenv("AMZ_TEST_COUNT");
  unsigned checked = 0, rounds = count ? (unsigned)strtoul(count, NULL, 10) : 600;
  struct amz_rng rng;

  amz_rng_seed(&rng, 7);
  for (unsigned i = 0; i < rounds; i++) {
    const char *hostile_value = values[amz_rng_below(&rng, sizeof values / sizeof *values)];
    struct amz_command_template *c;

    amz_buf_reset(&text);
    amz_buf_adds(&text, "printf %s. ");
    add_random_word(&rng, false, 3, &text);
    c = compile(amz_buf_text(&text), NULL);
    if (c && amz_command_needs_shell(c) && amz_command_uses(c, "x") && !strstr(amz_buf_text(&text), "$$")) {
      (void)fill(c, mark, "", &filled);
      if (run_shell(amz_buf_text(&filled), &harmless) == 0) {
        (void)fill(c, hostile_value, "", &filled);
        replace(&harmless, mark, hostile_value, &expected);
        ASSERT_ROW_I64(amz_buf_text(&filled), run_shell(amz_buf_text(&filled), &out), 0);
        ASSERT_ROW_TEXT(amz_buf_text(&filled), amz_buf_text(&out), amz_buf_text(&expected));
        checked++;
      }
    }
    amz_command_free(c);
  }
  CU_ASSERT(checked >= rounds / 4);
  amz_buf_clear(&text);
  amz_buf_clear(&filled);
  amz_buf_clear(&harmless);
  amz_buf_clear(&out);
  amz_buf_clear(&expected);
}

/* ---- the rest --------------------------------------------------------------------------------------------------------- */

static void refusals(void)
{
  static const struct {
    const char *text;
    size_t at;
    const char *words; /* a part of them */
  } rows[] = {
    {"", 0, "the command is empty"},
    {" \n\t", 0, "the command is empty"},
    {"a {z}", 2, "unknown placeholder {z}"},
    {"awk '{print $1}' {x}", 5, "write \"{{\" and \"}}\" for braces"},
    {"find . -exec rm {} \\;", 16, "empty placeholder {}"},
    {"a ${HOME", 2, "unmatched \"${\""},
    {"a don't", 5, "this ' is never closed"},
    {"a {{ don't", 8, "this ' is never closed"},
    {"a \"b", 2, "this \" is never closed"},
    {"a \"$(b\"", 6, "this \" is never closed"},
    {"a $(b", 2, "this ( is never closed"},
    {"a (b", 2, "this ( is never closed"},
    {"a `b", 2, "this backquote is never closed"},
    {"a `b {x}`", 5, "{x} inside backquotes can't be quoted"},
    {"a \"`b {x}`\"", 6, "{x} inside backquotes can't be quoted"},
    {"a $((1 + {x}))", 9, "{x} inside $(( )) can't be quoted"},
    {"a \\{x}", 3, "{x} behind a backslash can't be quoted"},
    {"a \"\\{x}\"", 4, "{x} behind a backslash can't be quoted"},
    {"a # {x}", 4, "{x} inside a comment can't be quoted"},
    {"a $'b {x}'", 6, "{x} behind a $'…' can't be quoted"},
    {"cat <<E\n{x}\nE\n", 8, "{x} in or behind a here-document can't be quoted"},
    {"cat <<E; a\nb\nE\na {x}", 17, "{x} in or behind a here-document can't be quoted"},
    {"cat <<E\"$(a '$(b) {x}')\"", 18, "{x} behind a here-document can't be quoted"},
    {"cat <<$a {x}", 9, "{x} behind a here-document can't be quoted"},
    {"a $(cat <<E) {x}", 13, "{x} behind a here-document can't be quoted"},
    {"a \"$(case b in b) c {x};; esac)\"", 20, "{x} behind a `case` inside parentheses"},
    {"a ${b:-'}'}} {x}", 13, "{x} behind a ${…} with quotes or commands in it"},
    {"((a)) {x}", 6, "{x} behind a (("},
    {"a $[{x}]", 4, "{x} behind a $${ or $["},
    {"a \"$\\\n({x})\"", 7, "{x} behind a $ that ends its line"},
  };

  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    struct amz_command_template *c = NULL;
    struct amz_error err = {0, 0, ""};
    size_t at = 999;

    ASSERT_ROW_I64(rows[r].text, amz_command_compile(rows[r].text, names, 2, &err, &at, &c), AMZ_EINVAL);
    if (!strstr(err.text, rows[r].words))
      ASSERT_ROW_TEXT(rows[r].text, err.text, rows[r].words);
    ASSERT_ROW_U64(rows[r].text, at, rows[r].at);
    CU_ASSERT_PTR_NULL(c);
    amz_command_free(c);
  }
}

/* Text without placeholders behind such places is nobody's business but sh's. */
static void odd_shell_text_passes(void)
{
  static const char *const rows[] = {
    "cat <<E\nit's\nE\n", "a $'it\\'s'", "a \"$(case b in b) c;; esac)\"", "a ${b:-'}'}}", "((a))", "a `b \\` c`",
    "a $((1+2)) $(( (3) ))", "case a in a) b;; esac", "a # it's", "cat {x} <<E\nit's\nE\n",
  };

  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    struct amz_error err = {0, 0, ""};
    struct amz_command_template *c = compile(rows[r], &err);

    ASSERT_ROW_TEXT(rows[r], err.text, "");
    CU_ASSERT_PTR_NOT_NULL(c);
    if (c)
      ASSERT_ROW_U64(rows[r], amz_command_needs_shell(c), 1);
    amz_command_free(c);
  }
}

static void lists_of_words(void)
{
  static const char *const words[] = {"prog", "{x}", "", "a|b $c", "-{y}-", "{{}}"};
  static const char expected[] = "prog\0V W\0\0a|b $c\0-'-\0{}";
  static const char *const wrong[] = {"prog", "ok", "a {z}"}, *const empty[] = {""};
  struct amz_command_template *c = NULL;
  struct amz_buf out = AMZ_BUF_INIT;
  struct amz_error err = {0, 0, ""};
  size_t word = 9, at = 9;

  CU_ASSERT_FATAL(amz_command_compile_list(words, 6, names, 2, &err, &word, &at, &c) == AMZ_OK);
  CU_ASSERT_FALSE(amz_command_needs_shell(c));
  CU_ASSERT(amz_command_uses(c, "y"));
  CU_ASSERT_FALSE(amz_command_uses(c, "prog"));
  ASSERT_U64(fill(c, "V W", "'", &out), 6);
  CU_ASSERT(out.len == sizeof expected && memcmp(out.data, expected, sizeof expected) == 0);
  amz_command_free(c);
  ASSERT_I64(amz_command_compile_list(wrong, 3, names, 2, &err, &word, &at, &c), AMZ_EINVAL);
  ASSERT_U64(word, 2);
  ASSERT_U64(at, 2);
  ASSERT_I64(amz_command_compile_list(words, 0, names, 2, &err, &word, &at, &c), AMZ_EINVAL);
  ASSERT_I64(amz_command_compile_list(empty, 1, names, 2, &err, &word, &at, &c), AMZ_EINVAL);
  ASSERT_TEXT(err.text, "the command is empty");
  amz_buf_clear(&out);
}

/* Ready lines: braces mean nothing, and what is wrong with them is for sh to say. */
static void ready_lines(void)
{
  static const struct {
    const char *line;
    bool shell;
    const char *first; /* argument, or the text for sh */
  } rows[] = {
    {"prog {x} }", false, "prog"}, {"a ${HOME}", true, "a ${HOME}"}, {"don't", true, "don't"}, {"-x; y", true, " -x; y"},
    {"-x y", false, "-x"}, {"a \\", true, "a \\"}, {"\xff a", false, "\xff"}, {"{x}", false, "{x}"},
  };
  struct amz_buf out = AMZ_BUF_INIT;

  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    struct amz_command_template *c = NULL;

    ASSERT_ROW_I64(rows[r].line, amz_command_from_line(rows[r].line, strlen(rows[r].line), &c), AMZ_OK);
    if (!c)
      continue;
    ASSERT_ROW_U64(rows[r].line, amz_command_needs_shell(c), rows[r].shell);
    (void)fill(c, "", "", &out);
    ASSERT_ROW_TEXT(rows[r].line, amz_buf_text(&out), rows[r].first);
    amz_command_free(c);
  }
  amz_buf_clear(&out);
}

static void a_line_of_a_megabyte(void)
{
  struct amz_buf line = AMZ_BUF_INIT, out = AMZ_BUF_INIT;
  struct amz_command_template *c = NULL;

  amz_buf_adds(&line, "prog");
  for (int i = 0; i < 150000; i++)
    amz_buf_adds(&line, " word 'a'");
  CU_ASSERT_FATAL(amz_command_from_line(line.data, line.len, &c) == AMZ_OK);
  CU_ASSERT_FALSE(amz_command_needs_shell(c));
  ASSERT_U64(fill(c, "", "", &out), 300001);
  amz_command_free(c);
  amz_buf_clear(&line);
  amz_buf_clear(&out);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"quoted words survive sh", quoted_words_survive_sh},
    {"plain words stay plain", plain_words_stay_plain},
    {"values survive in every place", values_survive_in_every_place},
    {"direct commands", direct_commands},
    {"shell commands", shell_commands},
    {"built-ins of sh go to sh", built_ins_of_sh_go_to_sh},
    {"splitting is as sh has it", splitting_is_as_sh_has_it},
    {"random places hold", random_places_hold},
    {"refusals", refusals},
    {"odd shell text passes", odd_shell_text_passes},
    {"lists of words", lists_of_words},
    {"ready lines", ready_lines},
    {"a line of a megabyte", a_line_of_a_megabyte},
    {NULL, NULL}};

  return amz_test_main("job: commands and quoting", tests, 0);
}

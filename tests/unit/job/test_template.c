/* Templates: what placeholders stand for, and what is said of wrong ones. */
#include <string.h>

#include "../../../src/job/template.h"
#include "../../support/tap.h"

static const char *const names[] = {"ligand", "seed", "Column name"};
static const char *const ligand_only[] = {"ligand"};

/* ctx: the values of the three names. */
static void value(const void *ctx, size_t name, struct amz_buf *out)
{
  amz_buf_adds(out, ((const char *const *)ctx)[name]);
}

static const struct amz_place place = {3, 2, 4, "/scratch"};

static void fill(const char *text, const char *const *values, struct amz_buf *out)
{
  struct amz_values v = {value, values, 42, "screen", &place};
  struct amz_template *t = NULL;
  struct amz_error err = {0, 0, ""};
  size_t at = 0;

  amz_buf_reset(out);
  if (amz_template_compile(text, names, 3, &err, &at, &t) == AMZ_OK)
    amz_template_fill(t, &v, out);
  else
    amz_buf_adds(out, err.text);
  amz_template_free(t);
}

static void placeholders(void)
{
  static const char *const values[] = {"in/a b.pdbqt", "7", "c"};
  static const struct {
    const char *text, *expected;
  } rows[] = {
    {"", ""}, {"plain", "plain"}, {"{ligand}", "in/a b.pdbqt"}, {"x{seed}y{seed}z", "x7y7z"}, {"{Column name}", "c"},
    {"{index} {threads} {rank} {slot} {job} {scratch}", "42 4 3 2 screen /scratch"},
    {"{{}}", "{}"}, {"{{ligand}}", "{ligand}"}, {"{{{seed}}}", "{7}"}, {"}}{{", "}{"}, {"$x $(y)", "$x $(y)"},
    {"{ligand:base}|{ligand:dir}|{ligand:stem}|{ligand:ext}", "a b.pdbqt|in|a b|.pdbqt"},
    {"{job:stem}", "screen"}, {"out/{ligand:stem}.{seed}.log", "out/a b.7.log"},
  };
  struct amz_buf out = AMZ_BUF_INIT;

  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    fill(rows[r].text, values, &out);
    ASSERT_ROW_TEXT(rows[r].text, amz_buf_text(&out), rows[r].expected);
  }
  amz_buf_clear(&out);
}

static void modifiers(void)
{
  static const struct {
    const char *path, *base, *dir, *stem, *ext;
  } rows[] = {
    {"a.txt", "a.txt", ".", "a", ".txt"}, {"d/a.tar.gz", "a.tar.gz", "d", "a.tar", ".gz"}, {"/a", "a", "/", "a", ""},
    {"/x/y/z.c", "z.c", "/x/y", "z", ".c"}, {".bashrc", ".bashrc", ".", ".bashrc", ""},
    {"d/.bashrc", ".bashrc", "d", ".bashrc", ""}, {".a.b", ".a.b", ".", ".a", ".b"}, {"a.", "a.", ".", "a", "."},
    {"d.d/a", "a", "d.d", "a", ""}, {"", "", ".", "", ""}, {"d/", "", "d", "", ""}, {"/", "", "/", "", ""},
    {"../a", "a", "..", "a", ""}, {"\xff.\xfe", "\xff.\xfe", ".", "\xff", ".\xfe"},
  };
  struct amz_buf out = AMZ_BUF_INIT;

  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    const char *const values[] = {rows[r].path, "", ""};

    fill("{ligand:base}", values, &out);
    ASSERT_ROW_TEXT(rows[r].path, amz_buf_text(&out), rows[r].base);
    fill("{ligand:dir}", values, &out);
    ASSERT_ROW_TEXT(rows[r].path, amz_buf_text(&out), rows[r].dir);
    fill("{ligand:stem}", values, &out);
    ASSERT_ROW_TEXT(rows[r].path, amz_buf_text(&out), rows[r].stem);
    fill("{ligand:ext}", values, &out);
    ASSERT_ROW_TEXT(rows[r].path, amz_buf_text(&out), rows[r].ext);
  }
  amz_buf_clear(&out);
}

static void refusals(void)
{
  static const struct {
    const char *text;
    size_t at;
    const char *words;
  } rows[] = {
    {"a {ligan}", 2, "unknown placeholder {ligan}; did you mean {ligand}?"},
    {"{indx}", 0, "unknown placeholder {indx}; did you mean {index}?"},
    {"{ligan:base}", 0, "unknown placeholder {ligan}; did you mean {ligand}?"},
    {"{zzzzzz}", 0, "unknown placeholder {zzzzzz}; known: ligand, index, threads, rank, slot, job, scratch"},
    {"-{ligand:stm}", 9, "unknown modifier \"stm\" in {ligand:stm}; known: base, dir, stem, ext"},
    {"{ligand:}", 8, "unknown modifier \"\" in {ligand:}; known: base, dir, stem, ext"},
    {"{ligand:stem:ext}", 8, "unknown modifier \"stem:ext\" in {ligand:stem:ext}; known: base, dir, stem, ext"},
    {"a {ligand", 2, "unmatched \"{\"; write \"{{\" for a brace"},
    {"{", 0, "unmatched \"{\"; write \"{{\" for a brace"},
    {"{a{ligand}", 0, "unmatched \"{\"; write \"{{\" for a brace"},
    {"ab}", 2, "unmatched \"}\"; write \"}}\" for a brace"},
    {"{ligand}}", 8, "unmatched \"}\"; write \"}}\" for a brace"},
    {"x {}", 2, "empty placeholder {}; write \"{{}}\" for braces"},
    {"awk '{print $1}'", 5, "\"{print $1}\" is no placeholder; write \"{{\" and \"}}\" for braces"},
    {"{\"a\": 1}", 0, "\"{\"a\": 1}\" is no placeholder; write \"{{\" and \"}}\" for braces"},
    {"${HOME}", 1, "unknown placeholder {HOME}; known: ligand, index, threads, rank, slot, job, scratch"},
    {"{:base}", 0, "unknown placeholder {}; known: ligand, index, threads, rank, slot, job, scratch"},
  };

  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    struct amz_template *t = NULL;
    struct amz_error err = {0, 0, ""};
    size_t at = 999;

    ASSERT_ROW_I64(rows[r].text, amz_template_compile(rows[r].text, ligand_only, 1, &err, &at, &t), AMZ_EINVAL);
    ASSERT_ROW_TEXT(rows[r].text, err.text, rows[r].words);
    ASSERT_ROW_U64(rows[r].text, at, rows[r].at);
    CU_ASSERT_PTR_NULL(t);
  }
}

static void uses(void)
{
  struct amz_template *t = NULL;
  size_t at = 0;

  CU_ASSERT_FATAL(amz_template_compile("a {ligand:stem} {slot} seed", names, 3, NULL, &at, &t) == AMZ_OK);
  CU_ASSERT(amz_template_uses(t, "ligand"));
  CU_ASSERT(amz_template_uses(t, "slot"));
  CU_ASSERT_FALSE(amz_template_uses(t, "seed"));
  CU_ASSERT_FALSE(amz_template_uses(t, "lig"));
  CU_ASSERT_FALSE(amz_template_uses(t, "index"));
  amz_template_free(t);
}

/* Nothing is known of the place at first: `check` fills templates, too. */
static void no_place(void)
{
  struct amz_values v = {value, NULL, 1, NULL, NULL};
  struct amz_template *t = NULL;
  struct amz_buf out = AMZ_BUF_INIT;
  size_t at = 0;

  CU_ASSERT_FATAL(amz_template_compile("{slot}{rank}<{scratch}{job}>", names, 3, NULL, &at, &t) == AMZ_OK);
  amz_template_fill(t, &v, &out);
  ASSERT_TEXT(amz_buf_text(&out), "00<>");
  amz_template_free(t);
  amz_buf_clear(&out);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"placeholders", placeholders}, {"modifiers", modifiers}, {"refusals", refusals}, {"uses", uses}, {"no place", no_place},
    {NULL, NULL}};

  return amz_test_main("job: templates", tests, 0);
}

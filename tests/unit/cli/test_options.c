/* The option parser: every form, every slip with its message. */
#include <stdio.h>
#include <string.h>

#include "../../../src/cli/options.h"
#include "../../support/tap.h"

struct args {
  bool quiet;
  const char *name;
  struct cli_list sets;
  struct cli_count limit;
  unsigned format;
};

static const struct cli_option options[] = {
  CLI_ROW_FLAG("quiet", 'q', struct args, quiet, "be quiet"),
  CLI_ROW_TEXT("name", struct args, name, "NAME", "a name"),
  CLI_ROW_LIST("set", struct args, sets, "KEY=VALUE", "a setting"),
  CLI_ROW_COUNT("limit", 'n', struct args, limit, "N", "rows", 1, 100),
  CLI_ROW_FORMAT(struct args),
  {0},
};

/* Words as a table holds them: up to 8, ended by NULL. */
enum { WORDS = 8 };

static int parse(const char *const words[WORDS], struct args *args, struct cli_parsed *parsed, struct amz_error *err)
{
  size_t n = 0;

  memset(args, 0, sizeof *args);
  memset(parsed, 0, sizeof *parsed);
  memset(err, 0, sizeof *err);
  while (n < WORDS && words[n])
    n++;
  return cli_options_parse(options, (char *const *)(const void *)words, n, args, parsed, err);
}

static void forms(void)
{
  static const struct {
    const char *what, *words[WORDS], *name;
    uint64_t limit;
    size_t sets, operands;
    unsigned format;
    bool quiet, help;
  } rows[] = {
    {"nothing", {NULL}, NULL, 0, 0, 0, 0, false, false},
    {"value in the next word", {"--name", "a"}, "a", 0, 0, 0, 0, false, false},
    {"value in the same word", {"--name=a"}, "a", 0, 0, 0, 0, false, false},
    {"empty value", {"--name="}, "", 0, 0, 0, 0, false, false},
    {"value with =", {"--name=a=b"}, "a=b", 0, 0, 0, 0, false, false},
    {"value that looks like an option", {"--name", "--quiet"}, "--quiet", 0, 0, 0, 0, false, false},
    {"last one counts", {"--name", "a", "--name", "b"}, "b", 0, 0, 0, 0, false, false},
    {"letter and value apart", {"-n", "7"}, NULL, 7, 0, 0, 0, false, false},
    {"letter and value together", {"-n7"}, NULL, 7, 0, 0, 0, false, false},
    {"lists grow", {"--set", "a=1", "--set=b=2", "--set", "c"}, NULL, 0, 3, 0, 0, false, false},
    {"flags", {"-q"}, NULL, 0, 0, 0, 0, true, false},
    {"choice", {"--format", "json"}, NULL, 0, 0, 0, CLI_FORMAT_JSON, false, false},
    {"operands between options", {"a", "--quiet", "b"}, NULL, 0, 0, 2, 0, true, false},
    {"a dash is an operand", {"-", "-q"}, NULL, 0, 0, 1, 0, true, false},
    {"after two dashes all are operands", {"-q", "--", "--name", "-q", "--"}, NULL, 0, 0, 3, 0, true, false},
    {"an empty operand", {""}, NULL, 0, 0, 1, 0, false, false},
    {"help ends it", {"--help", "--nonsense"}, NULL, 0, 0, 0, 0, false, true},
    {"help as a letter", {"-h"}, NULL, 0, 0, 0, 0, false, true},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct args args;
    struct cli_parsed parsed;
    struct amz_error err;

    ASSERT_ROW_I64(rows[i].what, parse(rows[i].words, &args, &parsed, &err), AMZ_OK);
    ASSERT_ROW_TEXT(rows[i].what, args.name, rows[i].name);
    ASSERT_ROW_U64(rows[i].what, args.limit.n, rows[i].limit);
    ASSERT_ROW_U64(rows[i].what, args.limit.set, rows[i].limit > 0);
    ASSERT_ROW_U64(rows[i].what, args.sets.n, rows[i].sets);
    ASSERT_ROW_U64(rows[i].what, parsed.n_operands, rows[i].operands);
    ASSERT_ROW_U64(rows[i].what, args.format, rows[i].format);
    ASSERT_ROW_U64(rows[i].what, args.quiet, rows[i].quiet);
    ASSERT_ROW_U64(rows[i].what, parsed.help, rows[i].help);
    cli_options_clear(options, &args, &parsed);
  }
}

static void slips(void)
{
  static const struct {
    const char *words[WORDS], *message;
  } rows[] = {
    {{"--nmae", "a"}, "unknown option --nmae; did you mean --name?"},
    {{"--nmae=a"}, "unknown option --nmae; did you mean --name?"},
    {{"--hlep"}, "unknown option --hlep; did you mean --help?"},
    {{"--na"}, "unknown option --na; did you mean --name?"}, /* no abbreviations */
    {{"--something-else"}, "unknown option --something-else"},
    {{"-x"}, "unknown option -x"},
    {{"-qx"}, "unknown option -qx"},
    {{"--name"}, "--name needs a value: NAME"},
    {{"-n"}, "--limit needs a value: N"},
    {{"--quiet=yes"}, "--quiet takes no value"},
    {{"--limit", "many"}, "--limit: expected a whole number from 1 to 100, got \"many\""},
    {{"--limit", "0"}, "--limit: expected a whole number from 1 to 100, got \"0\""},
    {{"--limit", "101"}, "--limit: expected a whole number from 1 to 100, got \"101\""},
    {{"--limit", "99999999999999999999"}, "--limit: expected a whole number from 1 to 100, got \"99999999999999999999\""},
    {{"--limit", "-1"}, "--limit: expected a whole number from 1 to 100, got \"-1\""},
    {{"--format", "yaml"}, "--format: expected text|json, got \"yaml\""},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct args args;
    struct cli_parsed parsed;
    struct amz_error err;

    ASSERT_ROW_I64(rows[i].message, parse(rows[i].words, &args, &parsed, &err), AMZ_EINVAL);
    ASSERT_ROW_TEXT(rows[i].message, err.text, rows[i].message);
    cli_options_clear(options, &args, &parsed);
  }
}

struct seen {
  char text[256];
};

static int see(void *ctx, uint64_t first, uint64_t last)
{
  struct seen *s = ctx;
  size_t used = strlen(s->text);

  (void)snprintf(s->text + used, sizeof s->text - used, "[%llu %llu]", (unsigned long long)first, (unsigned long long)last);
  return first == 99 ? 7 : 0;
}

static void ranges(void)
{
  static const struct {
    const char *text;
    int rc;
    const char *seen;
  } rows[] = {
    {"3", AMZ_OK, "[3 3]"}, {"1,5,7", AMZ_OK, "[1 1][5 5][7 7]"}, {"2..9", AMZ_OK, "[2 9]"}, {"0..0,4", AMZ_OK, "[0 0][4 4]"},
    {"18446744073709551615", AMZ_OK, "[18446744073709551615 18446744073709551615]"}, {"99,1", 7, "[99 99]"}, {"", AMZ_EINVAL, ""},
    {"1,", AMZ_EINVAL, "[1 1]"}, {",1", AMZ_EINVAL, ""}, {"9..2", AMZ_EINVAL, ""}, {"..2", AMZ_EINVAL, ""},
    {"2..", AMZ_EINVAL, ""},
    {"1...3", AMZ_EINVAL, ""}, {"-1", AMZ_EINVAL, ""}, {"a", AMZ_EINVAL, ""}, {"18446744073709551616", AMZ_EINVAL, ""},
    {"0000000000000000000000000000000000000000000000000000000000000000000000001", AMZ_EINVAL, ""},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct seen s = {""};

    ASSERT_ROW_I64(rows[i].text, cli_ranges_parse(rows[i].text, see, &s), rows[i].rc);
    ASSERT_ROW_TEXT(rows[i].text, s.text, rows[i].seen);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {{"forms", forms}, {"slips", slips}, {"ranges", ranges}, {NULL, NULL}};

  return amz_test_main("cli options", tests, 0);
}

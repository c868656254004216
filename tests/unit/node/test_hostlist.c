/* Slurm's compressed lists. The hosts in the tables are what `scontrol show hostnames` of Slurm 22.05 prints for the same
 * text, except where a row says otherwise. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/allocation.h>

#include "../../../src/node/hosts.h"
#include "../../support/tap.h"

static void joined(const struct amz_hosts *h, struct amz_buf *out)
{
  amz_buf_reset(out);
  for (size_t i = 0; i < h->count; i++)
    amz_buf_addf(out, "%s%s", i ? " " : "", h->names.data + h->items[i].name);
}

static void expands_what_slurm_writes(void)
{
  static const struct {
    const char *row, *text, *hosts;
  } rows[] = {
    {"one host", "n1", "n1"},
    {"names", "login,n1,a.b-c_d", "login n1 a.b-c_d"},
    {"ranges, single numbers, products", "n[1-3,07,10-12],login,rack[0-1]node[01-03]",
     "n1 n2 n3 n07 n10 n11 n12 login rack0node01 rack0node02 rack0node03 rack1node01 rack1node02 rack1node03"},
    {"a range that grows a digit", "n[9-11]", "n9 n10 n11"},
    {"zeros keep their width", "n[098-102]", "n098 n099 n100 n101 n102"},
    {"a width that the range outgrows", "n[08-11,099-100]", "n08 n09 n10 n11 n099 n100"},
    {"the first number's width counts", "n[1-010]", "n1 n2 n3 n4 n5 n6 n7 n8 n9 n10"},
    {"one number with zeros", "n[007]", "n007"},
    {"no letters", "[1-3]", "1 2 3"},
    {"three dimensions: last, first, second", "r[0-1]c[0-1]n[0-1]", "r0c0n0 r0c0n1 r1c0n0 r1c0n1 r0c1n0 r0c1n1 r1c1n0 r1c1n1"},
    {"ranges of different lengths in three dimensions", "a[0-2]b[5,7]c[1-2]",
     "a0b5c1 a0b5c2 a1b5c1 a1b5c2 a2b5c1 a2b5c2 a0b7c1 a0b7c2 a1b7c1 a1b7c2 a2b7c1 a2b7c2"},
    {"a repeated host is there once (Slurm: twice)", "n[1-2,1]", "n1 n2"},
    {"a suffix (Slurm refuses it)", "n[08-09]-ib,m[1]", "n08-ib n09-ib m1"},
  };
  struct amz_hosts h = AMZ_HOSTS_INIT;
  struct amz_buf text = AMZ_BUF_INIT;

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_error err = {.text = ""};

    amz_hosts_reset(&h);
    ASSERT_ROW_I64(rows[i].row, amz_hostlist_expand(rows[i].text, &h, &err), AMZ_OK);
    joined(&h, &text);
    ASSERT_ROW_TEXT(rows[i].row, amz_buf_text(&text), rows[i].hosts);
  }
  amz_buf_clear(&text);
  amz_hosts_clear(&h);
}

static void refuses_what_is_malformed(void)
{
  static const struct {
    const char *row, *text;
    int code;
    const char *says;
  } rows[] = {
    {"nothing", "", AMZ_EINVAL, "what can't be a host name at character 1"},
    {"an empty name first", ",n1", AMZ_EINVAL, "what can't be a host name at character 1"},
    {"an empty name inside", "n1,,n2", AMZ_EINVAL, "what can't be a host name at character 4"},
    {"an empty name last", "n1,", AMZ_EINVAL, "what can't be a host name at character 4"},
    {"an open bracket", "n[1-3", AMZ_EINVAL, "',' or ']' is expected at character 6"},
    {"a bracket closed alone", "n]1", AMZ_EINVAL, "']' without '[' at character 2"},
    {"brackets in brackets", "n[[1-2]]", AMZ_EINVAL, "a number is expected at character 3"},
    {"empty brackets", "n[]", AMZ_EINVAL, "a number is expected at character 3"},
    {"an empty item", "n[1,,2]", AMZ_EINVAL, "a number is expected at character 5"},
    {"half a range", "n[1-]", AMZ_EINVAL, "a number is expected at character 5"},
    {"letters in a range", "n[a-c]", AMZ_EINVAL, "a number is expected at character 3"},
    {"backwards", "n[3-1]", AMZ_EINVAL, "a range that runs backwards at character 5"},
    {"more digits than a number has", "n[1234567890123456789]", AMZ_EINVAL, "a number is expected at character 3"},
    {"a blank", "n1 n2", AMZ_EINVAL, "what can't be a host name at character 1"},
    {"an option in disguise", "--launcher", AMZ_EINVAL, "what can't be a host name at character 1"},
    {"a shell's words", "n1;reboot", AMZ_EINVAL, "what can't be a host name at character 1"},
    {"nine brackets", "a[1]b[1]c[1]d[1]e[1]f[1]g[1]h[1]i[1]", AMZ_EINVAL, "too many brackets at character 34"},
    {"2^20 + 1 hosts", "n[0-1048576]", AMZ_ERANGE, "more than 1048576 hosts"},
    {"a product of 10^15 hosts", "a[00000-99999]b[00000-99999]c[00000-99999]", AMZ_ERANGE, "more than 1048576 hosts"},
  };
  struct amz_hosts h = AMZ_HOSTS_INIT;

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_error err = {.text = ""};

    amz_hosts_reset(&h);
    ASSERT_ROW_I64(rows[i].row, amz_hostlist_expand(rows[i].text, &h, &err), rows[i].code);
    ASSERT_ROW_TEXT(rows[i].row, err.text, rows[i].says);
    ASSERT_ROW_U64(rows[i].row, h.count, 0);
  }
  amz_hosts_clear(&h);
}

static void takes_as_many_hosts_as_it_says(void)
{
  struct amz_hosts h = AMZ_HOSTS_INIT;
  struct amz_error err;
  size_t at;

  CU_ASSERT_FATAL(amz_hostlist_expand("n[0-1048575]", &h, &err) == AMZ_OK);
  ASSERT_U64(h.count, AMZ_NODES_MAX);
  ASSERT_TEXT(h.names.data + h.items[1048575].name, "n1048575");
  CU_ASSERT(amz_hosts_add(&h, "n77", 3, &at) == AMZ_OK && at == 77); /* one that is there is still found */
  CU_ASSERT(amz_hosts_add(&h, "new", 3, &at) == AMZ_ERANGE);
  amz_hosts_clear(&h);
}

static void bounds_the_length_of_names(void)
{
  struct amz_hosts h = AMZ_HOSTS_INIT;
  char text[300];
  struct amz_error err;

  memset(text, 'a', sizeof text);
  text[AMZ_HOST_NAME_MAX] = '\0';
  CU_ASSERT(amz_hostlist_expand(text, &h, &err) == AMZ_OK);
  amz_hosts_reset(&h);
  text[AMZ_HOST_NAME_MAX] = 'a';
  text[AMZ_HOST_NAME_MAX + 1] = '\0';
  CU_ASSERT(amz_hostlist_expand(text, &h, &err) == AMZ_EINVAL);
  memcpy(text + 253, "[99-100]", sizeof "[99-100]"); /* 255 characters, then 256 */
  CU_ASSERT(amz_hostlist_expand(text, &h, &err) == AMZ_EINVAL);
  ASSERT_U64(h.count, 0);
  amz_hosts_clear(&h);
}

static void expands_counts(void)
{
  static const struct {
    const char *row, *text;
    size_t n;
    int code;
    uint32_t counts[4];
  } rows[] = {
    {"a repeated count and one", "2(x3),1", 4, AMZ_OK, {2, 2, 2, 1}},
    {"one", "16", 1, AMZ_OK, {16}},
    {"each by itself", "1,2,3", 3, AMZ_OK, {1, 2, 3}},
    {"once", "5(x1)", 1, AMZ_OK, {5}},
    {"fewer than nodes", "2(x3)", 4, AMZ_EINVAL, {0}},
    {"more than nodes", "2(x3),1", 3, AMZ_EINVAL, {0}},
    {"a repetition without end", "2(x999999999999999999)", 4, AMZ_EINVAL, {0}},
    {"nothing", "", 1, AMZ_EINVAL, {0}},
    {"no repetition", "2(x0),1", 1, AMZ_EINVAL, {0}},
    {"open", "2(x3", 3, AMZ_EINVAL, {0}},
    {"without x", "2(3)", 3, AMZ_EINVAL, {0}},
    {"a comma at the end", "2,", 1, AMZ_EINVAL, {0}},
    {"a comma alone", ",", 1, AMZ_EINVAL, {0}},
    {"a blank", "2 (x3)", 3, AMZ_EINVAL, {0}},
    {"negative", "-2", 1, AMZ_EINVAL, {0}},
    {"zero", "0", 1, AMZ_ERANGE, {0}},
    {"too many", "1048577", 1, AMZ_ERANGE, {0}},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint32_t counts[4] = {0, 0, 0, 0};
    struct amz_error err;
    int rc = amz_counts_expand(rows[i].text, counts, rows[i].n, &err);

    ASSERT_ROW_I64(rows[i].row, rc, rows[i].code);
    for (size_t k = 0; rc == AMZ_OK && k < rows[i].n; k++)
      ASSERT_ROW_U64(rows[i].row, counts[k], rows[i].counts[k]);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"expands what Slurm writes", expands_what_slurm_writes},
    {"refuses what is malformed", refuses_what_is_malformed},
    {"takes as many hosts as it says", takes_as_many_hosts_as_it_says},
    {"bounds the length of names", bounds_the_length_of_names},
    {"expands counts", expands_counts},
    {NULL, NULL},
  };

  return amz_test_main("hostlist", tests, 0);
}

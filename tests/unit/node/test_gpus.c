/* GPUs from the environment and their shares. Oracles: the rules of CUDA and ROCm for their variables, and counting. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/gpus.h>

#include "../../support/tap.h"
#include "injected.h"

static void reads_what_is_visible(void)
{
  static const struct {
    const char *row;
    struct pair variables[4];
    bool amd;
    const char *ids, *source, *finding;
  } rows[] = {
      {"nothing said", {{NULL, NULL}}, false, "", "-", NULL},
      {"CUDA's list", {{"CUDA_VISIBLE_DEVICES", "2,3"}}, false, "2 3", "CUDA_VISIBLE_DEVICES", NULL},
      {"by UUID",
       {{"CUDA_VISIBLE_DEVICES", "GPU-8932f937-d72c,MIG-GPU-ab/1/0"}},
       false,
       "GPU-8932f937-d72c MIG-GPU-ab/1/0",
       "CUDA_VISIBLE_DEVICES",
       NULL},
      {"ROCm's list", {{"ROCR_VISIBLE_DEVICES", "0,5"}}, false, "0 5", "ROCR_VISIBLE_DEVICES", NULL},
      {"both: CUDA's",
       {{"ROCR_VISIBLE_DEVICES", "6,7"}, {"CUDA_VISIBLE_DEVICES", "0,1"}},
       false,
       "0 1",
       "CUDA_VISIBLE_DEVICES",
       NULL},
      {"both on AMD's node: ROCm's",
       {{"ROCR_VISIBLE_DEVICES", "6,7"}, {"CUDA_VISIBLE_DEVICES", "0,1"}},
       true,
       "6 7",
       "ROCR_VISIBLE_DEVICES",
       NULL},
      {"Slurm's number", {{"SLURM_GPUS_ON_NODE", "3"}}, false, "0 1 2", "SLURM_GPUS_ON_NODE", NULL},
      {"none visible", {{"CUDA_VISIBLE_DEVICES", ""}, {"SLURM_GPUS_ON_NODE", "3"}}, false, "", "CUDA_VISIBLE_DEVICES", NULL},
      {"Slurm's word for none", {{"CUDA_VISIBLE_DEVICES", "NoDevFiles"}}, false, "", "CUDA_VISIBLE_DEVICES", NULL},
      {"CUDA's word for none", {{"CUDA_VISIBLE_DEVICES", "-1"}}, false, "", "CUDA_VISIBLE_DEVICES", NULL},
      {"a word for none", {{"CUDA_VISIBLE_DEVICES", "none"}}, false, "", "CUDA_VISIBLE_DEVICES", NULL},
      {"CUDA sees none behind -1", {{"CUDA_VISIBLE_DEVICES", "3,1,-1,2"}}, false, "3 1", "CUDA_VISIBLE_DEVICES", NULL},
      {"none at all behind a first -1", {{"CUDA_VISIBLE_DEVICES", "-1,0"}}, false, "", "CUDA_VISIBLE_DEVICES", NULL},
      {"MIG names of today", {{"CUDA_VISIBLE_DEVICES", "MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f,MIG-77"}}, false,
       "MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f MIG-77", "CUDA_VISIBLE_DEVICES", NULL},
      {"one twice",
       {{"CUDA_VISIBLE_DEVICES", "0,1,0"}, {"SLURM_GPUS_ON_NODE", "2"}},
       false,
       "0 1",
       "SLURM_GPUS_ON_NODE",
       "none of them twice"},
      {"a gap", {{"CUDA_VISIBLE_DEVICES", "0,,1"}}, false, "", "-", "0,,1"},
      {"a comma at the end", {{"CUDA_VISIBLE_DEVICES", "0,"}}, false, "", "-", "CUDA_VISIBLE_DEVICES"},
      {"words", {{"CUDA_VISIBLE_DEVICES", "all of them"}}, false, "", "-", "all of them"},
      {"no number", {{"SLURM_GPUS_ON_NODE", "gpu:2"}}, false, "", "-", "SLURM_GPUS_ON_NODE"},
      {"too many", {{"SLURM_GPUS_ON_NODE", "1025"}}, false, "", "-", "out of its range"},
  };
  static const struct pair amd_files[] = {{"/dev/kfd", ""}, {NULL, NULL}};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_environment env = injected_environment(rows[i].variables);
    struct amz_files files = injected_files(rows[i].amd ? amd_files : NULL);
    struct amz_buf text = AMZ_BUF_INIT;
    struct amz_diags diags;
    struct amz_gpus gpus;

    amz_diags_init(&diags);
    CU_ASSERT_FATAL(amz_gpus_read(&env, &files, &diags, &gpus) == AMZ_OK);
    for (uint32_t k = 0; k < gpus.count; k++)
      amz_buf_addf(&text, "%s%s", k ? " " : "", gpus.ids[k]);
    ASSERT_ROW_TEXT(rows[i].row, amz_buf_text(&text), rows[i].ids);
    ASSERT_ROW_TEXT(rows[i].row, gpus.source ? gpus.source : "-", rows[i].source);
    ASSERT_ROW_U64(rows[i].row, diags.warnings, rows[i].finding ? 1 : 0);
    amz_buf_reset(&text);
    amz_diags_print(&diags, &text);
    CU_ASSERT(!rows[i].finding || strstr(amz_buf_text(&text), rows[i].finding) != NULL);
    amz_gpus_clear(&gpus);
    amz_diags_clear(&diags);
    amz_buf_clear(&text);
  }
}

static void gives_tasks_their_environment(void)
{
  static const struct {
    const char *row;
    struct pair variables[3];
    bool amd;
    uint32_t n, positions[2];
    const char *env; /* strings set apart by ';' */
  } rows[] = {
    {"one of four", {{"CUDA_VISIBLE_DEVICES", "4,5,6,7"}}, false, 1, {2}, "CUDA_VISIBLE_DEVICES=6;"},
    {"two of four", {{"CUDA_VISIBLE_DEVICES", "4,5,6,7"}}, false, 2, {3, 1}, "CUDA_VISIBLE_DEVICES=7,5;"},
    {"both variables", {{"CUDA_VISIBLE_DEVICES", "0,1"}, {"ROCR_VISIBLE_DEVICES", "0,1"}}, false, 1, {1},
     "CUDA_VISIBLE_DEVICES=1;ROCR_VISIBLE_DEVICES=1;"},
    {"a number alone: both", {{"SLURM_GPUS_ON_NODE", "2"}}, false, 1, {0}, "CUDA_VISIBLE_DEVICES=0;ROCR_VISIBLE_DEVICES=0;"},
    {"AMD: the first is relative", {{"CUDA_VISIBLE_DEVICES", "0,1"}, {"ROCR_VISIBLE_DEVICES", "2,3"}}, true, 1, {1},
     "CUDA_VISIBLE_DEVICES=0;ROCR_VISIBLE_DEVICES=3;"},
    {"AMD: a number alone", {{"SLURM_GPUS_ON_NODE", "2"}}, true, 1, {1}, "ROCR_VISIBLE_DEVICES=1;"},
    {"nothing asked for", {{"CUDA_VISIBLE_DEVICES", "0,1"}}, false, 0, {0}, ""},
  };
  static const struct pair amd_files[] = {{"/dev/kfd", ""}, {NULL, NULL}};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_environment env = injected_environment(rows[i].variables);
    struct amz_files files = injected_files(rows[i].amd ? amd_files : NULL);
    struct amz_buf text = AMZ_BUF_INIT;
    struct amz_diags diags;
    struct amz_gpus gpus;

    amz_diags_init(&diags);
    CU_ASSERT_FATAL(amz_gpus_read(&env, &files, &diags, &gpus) == AMZ_OK);
    CU_ASSERT(amz_gpus_add_env(&gpus, rows[i].positions, rows[i].n, &text) == AMZ_OK);
    for (size_t k = 0; k < text.len; k++)
      if (text.data[k] == '\0')
        text.data[k] = ';';
    ASSERT_ROW_TEXT(rows[i].row, amz_buf_text(&text), rows[i].env);
    amz_gpus_clear(&gpus);
    amz_diags_clear(&diags);
    amz_buf_clear(&text);
  }
}

static void knows_no_more_than_are_there(void)
{
  static const struct pair variables[] = {{"CUDA_VISIBLE_DEVICES", "a,b,c"}, {NULL, NULL}};
  struct amz_environment env = injected_environment(variables);
  const uint32_t beyond[] = {0, 3};
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_diags diags;
  struct amz_gpus gpus;

  amz_diags_init(&diags);
  CU_ASSERT_FATAL(amz_gpus_read(&env, NULL, &diags, &gpus) == AMZ_OK);
  ASSERT_I64(amz_gpus_add_env(&gpus, beyond, 2, &text), AMZ_ERANGE);
  ASSERT_U64(text.len, 0);
  ASSERT_U64(amz_gpus_slots(&gpus, 0), UINT32_MAX);
  ASSERT_U64(amz_gpus_slots(&gpus, 2), 1);
  amz_gpus_clear(&gpus);
  amz_gpus_clear(NULL);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"reads what is visible", reads_what_is_visible},
    {"gives tasks their environment", gives_tasks_their_environment},
    {"knows no more than are there", knows_no_more_than_are_there},
    {NULL, NULL},
  };

  return amz_test_main("gpus", tests, 0);
}

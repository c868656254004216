/* Files in memory, and loading in one call. */
#include "job_support.h"

#include <string.h>

static const char *find(const struct fake_file *files, const char *name)
{
  for (; files && files->name; files++)
    if (strcmp(files->name, name) == 0)
      return files->content;
  return NULL;
}

static int fake_read(void *ctx, const char *path, uint64_t max_bytes, struct amz_buf *ret, struct amz_error *err)
{
  const struct fake_files *fake = ctx;
  const char *content = find(fake->files, path);

  if (!content)
    return amz_error_set(err, AMZ_ENOENT, "cannot open %s: No such file or directory", path);
  if (strlen(content) > max_bytes)
    return amz_error_set(err, AMZ_ERANGE, "%s is too large", path);
  amz_buf_adds(ret, content);
  return AMZ_OK;
}

static int fake_glob(void *ctx, const char *pattern, struct amz_buf *ret, struct amz_error *err)
{
  const struct fake_files *fake = ctx;
  const char *matches = find(fake->globs, pattern);

  (void)err;
  while (matches && *matches) {
    size_t n = strcspn(matches, "\n");

    amz_buf_add(ret, matches, n);
    amz_buf_addc(ret, '\0');
    matches += n + (matches[n] == '\n');
  }
  return AMZ_OK;
}

static int fake_size(void *ctx, const char *path, uint64_t *ret_bytes, struct amz_error *err)
{
  const struct fake_files *fake = ctx;
  const char *content = find(fake->files, path);

  if (!content)
    return amz_error_set(err, AMZ_ENOENT, "cannot open %s: No such file or directory", path);
  *ret_bytes = strlen(content);
  return AMZ_OK;
}

struct amz_files fake_files(struct fake_files *fake)
{
  return (struct amz_files){fake, fake_read, fake_glob, fake_size};
}

void load(const struct amz_job_input *input, struct loaded *ret)
{
  static const struct fake_file files[] = {
    {"list.txt", "one\ntwo\nthree four\n"}, {"empty.txt", ""}, {"tasks.txt", "# a comment\necho 1\n\nls | wc -l\n"},
    {"table.csv", "ligand2,mem_column\na.x,1GiB\n\"b,\"\"y\",2GiB\n"}, {"odd.csv", "a b,index,ok\n1,2,3\n"},
    {"norows.csv", "a,b\n"},
    {NULL, NULL}};
  static const struct fake_file globs[] = {{"ligands/*.pdbqt", "ligands/a.pdbqt\nligands/b c.pdbqt"}, {"more/*", "more/z"},
                                           {NULL, NULL}};
  struct fake_files fake = {files, globs};
  struct amz_files injected = fake_files(&fake);
  struct amz_diags diags;

  memset(ret, 0, sizeof *ret);
  amz_diags_init(&diags);
  ret->rc = amz_job_load(input, &injected, &diags, &ret->job);
  amz_diags_print(&diags, &ret->findings);
  ret->errors = diags.errors;
  ret->warnings = diags.warnings;
  amz_diags_clear(&diags);
}

void load_text(const char *yaml, struct loaded *ret)
{
  const struct amz_job_input input = {.file_name = "job.yaml", .yaml_text = yaml, .yaml_len = strlen(yaml)};

  load(&input, ret);
}

void loaded_clear(struct loaded *l)
{
  amz_job_free(l->job);
  amz_buf_clear(&l->findings);
}

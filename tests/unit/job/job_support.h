/* For tests of job descriptions: files that exist in memory alone, and loading in one call. */
#ifndef AMZ_TESTS_JOB_SUPPORT_H
#define AMZ_TESTS_JOB_SUPPORT_H

#include <stddef.h>

#include <amorsize/diag.h>
#include <amorsize/job.h>

/* Files by name and patterns by text; a pattern's content is its matches, separated by newlines. */
struct fake_file {
  const char *name, *content;
};

struct fake_files {
  const struct fake_file *files; /* ended by a NULL name */
  const struct fake_file *globs;
};

/* *fake must outlive what is returned. */
struct amz_files fake_files(struct fake_files *fake);

/* What most tests need: a job and the findings as they would be shown. Clear with loaded_clear. */
struct loaded {
  int rc;
  struct amz_job *job; /* NULL when there is none */
  struct amz_buf findings;
  size_t errors, warnings;
};

/* The files of every test here: list.txt (3 lines), empty.txt, tasks.txt (2 task lines among comments), table.csv (columns
 * ligand2, mem_column; 2 rows), odd.csv (columns "a b", index, ok), norows.csv; patterns ligands/\*.pdbqt (2 matches) and *.none
 * (none). */
void load(const struct amz_job_input *input, struct loaded *ret);
void load_text(const char *yaml, struct loaded *ret);
void loaded_clear(struct loaded *l);

#endif

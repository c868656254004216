/* The allocation from injected variables and files. Values of variables are as Slurm 22.05 sets them, and as the manuals of
 * Slurm, PBS, LSF, Open MPI and MPICH have them in examples; the expected numbers are counted by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/allocation.h>

#include "../../support/tap.h"
#include "injected.h"

struct row {
  const char *row;
  struct pair variables[12], files[2];
  const char *hostfile;
  /* expected: as `shown` gives it; whether there are findings, and a word of the first */
  const char *shown, *finding;
};

/* "SLURM n1/2/2/1000 | slots SLURM_TASKS_PER_NODE cores … memory …": node/slots/cores/MiB; job, end and restarts when there. */
static void show(const struct amz_allocation *a, struct amz_buf *out)
{
  static const char *const batches[] = {"none", "hostfile", "Slurm", "PBS", "LSF"};

  amz_buf_addf(out, "%s:%s", batches[a->batch], batches[a->nodes_from]);
  for (size_t i = 0; i < a->n_nodes; i++) {
    const struct amz_allocation_node *n = &a->nodes[i];

    amz_buf_addf(out, " %s/%u/%u/%llu", n->name, n->slots, n->cores, (unsigned long long)(n->memory_bytes >> 20));
    if (n->max_slots)
      amz_buf_addf(out, "(max %u)", n->max_slots);
  }
  amz_buf_addf(out, " | %s %s %s %s |", a->nodes_source ? a->nodes_source : "-", a->slots_source ? a->slots_source : "-",
               a->cores_source ? a->cores_source : "-", a->memory_source ? a->memory_source : "-");
  if (a->job_id)
    amz_buf_addf(out, " job %s", a->job_id);
  if (a->end_source)
    amz_buf_addf(out, " end %lld", (long long)a->end_s);
  if (a->restarts_source)
    amz_buf_addf(out, " restarts %u", a->restarts);
  if (a->cores_per_task_source)
    amz_buf_addf(out, " per task %u", a->cores_per_task);
}

static bool some_finding_says(const struct amz_diags *d, const char *word)
{
  for (size_t i = 0; i < d->count; i++)
    if (strstr(d->items[i].text, word) || strstr(d->items[i].file, word))
      return true;
  return false;
}

static void check_row(const struct row *row, int expected)
{
  struct amz_environment env = injected_environment(row->variables);
  struct amz_files files = injected_files(row->files);
  struct amz_allocation a;
  struct amz_diags diags;
  struct amz_error err = {.text = ""};
  struct amz_buf text = AMZ_BUF_INIT;
  int rc;

  amz_diags_init(&diags);
  rc = amz_allocation_read(&env, &files, row->hostfile, &diags, &err, &a);
  ASSERT_ROW_I64(row->row, rc, expected);
  if (rc == AMZ_OK) {
    show(&a, &text);
    ASSERT_ROW_TEXT(row->row, amz_buf_text(&text), row->shown);
    amz_allocation_clear(&a);
  }
  if (row->finding)
    CU_ASSERT(some_finding_says(&diags, row->finding));
  if (row->finding && !some_finding_says(&diags, row->finding))
    printf("# %s: nothing says \"%s\"\n", row->row, row->finding);
  if (!row->finding)
    ASSERT_ROW_U64(row->row, diags.errors + diags.warnings, 0);
  amz_buf_clear(&text);
  amz_diags_clear(&diags);
}

static void check_rows(const struct row *rows, size_t n, int expected)
{
  for (size_t i = 0; i < n; i++)
    check_row(&rows[i], expected);
}

static void reads_batch_systems(void)
{
  static const struct row rows[] = {
      {.row = "nothing", .shown = "none:none | - - - - |"},
      {.row = "Slurm, heterogeneous counts, memory per CPU",
       .variables = {{"SLURM_JOB_ID", "42"},
                     {"SLURM_JOB_NODELIST", "n[1-3],big"},
                     {"SLURM_TASKS_PER_NODE", "2(x3),1"},
                     {"SLURM_JOB_CPUS_PER_NODE", "4(x3),64"},
                     {"SLURM_MEM_PER_CPU", "1000"},
                     {"SLURM_JOB_NUM_NODES", "4"}},
       .shown = "Slurm:Slurm n1/2/4/4000 n2/2/4/4000 n3/2/4/4000 big/1/64/64000 | SLURM_JOB_NODELIST SLURM_TASKS_PER_NODE "
                "SLURM_JOB_CPUS_PER_NODE SLURM_MEM_PER_CPU | job 42"},
      {.row = "Slurm, memory per node, end and restarts known",
       .variables = {{"SLURM_JOB_ID", "7"},
                     {"SLURM_JOB_NODELIST", "n07"},
                     {"SLURM_TASKS_PER_NODE", "1"},
                     {"SLURM_CPUS_ON_NODE", "8"},
                     {"SLURM_MEM_PER_NODE", "16G"},
                     {"SLURM_JOB_END_TIME", "1700000000"},
                     {"SLURM_RESTART_COUNT", "2"},
                     {"SLURM_CPUS_PER_TASK", "8"}},
       .shown = "Slurm:Slurm n07/1/8/16384 | SLURM_JOB_NODELIST SLURM_TASKS_PER_NODE SLURM_CPUS_ON_NODE SLURM_MEM_PER_NODE | "
                "job 7 end 1700000000 restarts 2 per task 8"},
      {.row = "Slurm, old names, all memory",
       .variables =
           {{"SLURM_JOBID", "9"}, {"SLURM_NODELIST", "n[1-2]"}, {"SLURM_NTASKS_PER_NODE", "3"}, {"SLURM_MEM_PER_NODE", "0"}},
       .shown = "Slurm:Slurm n1/3/0/0 n2/3/0/0 | SLURM_NODELIST SLURM_NTASKS_PER_NODE - - | job 9"},
      {.row = "this node's CPUs aren't those of all nodes",
       .variables = {{"SLURM_JOB_ID", "9"}, {"SLURM_JOB_NODELIST", "n[1-2]"}, {"SLURM_CPUS_ON_NODE", "3"}},
       .shown = "Slurm:Slurm n1/0/0/0 n2/0/0/0 | SLURM_JOB_NODELIST - - - | job 9"},
      {.row = "PBS: a line a slot",
       .variables = {{"PBS_JOBID", "1234[7].server"}, {"PBS_NODEFILE", "/var/spool/pbs/aux/1"}},
       .files = {{"/var/spool/pbs/aux/1", "n1.cluster\nn1.cluster\nn2.cluster\nn1.cluster\n"}},
       .shown = "PBS:PBS n1.cluster/3/0/0 n2.cluster/1/0/0 | PBS_NODEFILE PBS_NODEFILE - - | job 1234[7].server"},
      {.row = "LSF: pairs",
       .variables = {{"LSB_JOBID", "5"}, {"LSB_MCPU_HOSTS", "hostA 4 hostB 2 "}, {"LSB_HOSTS", "hostC"}},
       .shown = "LSF:LSF hostA/4/0/0 hostB/2/0/0 | LSB_MCPU_HOSTS LSB_MCPU_HOSTS - - | job 5"},
      {.row = "LSF: words, restarted",
       .variables = {{"LSB_JOBID", "5"}, {"LSB_HOSTS", "hostA hostA hostB hostA"}, {"LSB_RESTART", "Y"}},
       .shown = "LSF:LSF hostA/3/0/0 hostB/1/0/0 | LSB_HOSTS LSB_HOSTS - - | job 5 restarts 1"},
      {.row = "LSF: a file",
       .variables = {{"LSB_JOBID", "5"}, {"LSB_DJOB_HOSTFILE", "/lsf/5"}, {"LSB_HOSTS", "other"}},
       .files = {{"/lsf/5", "hostA\nhostB\nhostB"}},
       .shown = "LSF:LSF hostA/1/0/0 hostB/2/0/0 | LSB_DJOB_HOSTFILE LSB_DJOB_HOSTFILE - - | job 5"},
      {.row = "empty variables are none",
       .variables = {{"SLURM_JOB_ID", ""}, {"SLURM_JOB_NODELIST", ""}, {"PBS_NODEFILE", ""}},
       .shown = "none:none | - - - - |"},
  };

  check_rows(rows, sizeof rows / sizeof *rows, AMZ_OK);
}

static void doubts_what_is_malformed_and_goes_on(void)
{
  static const struct row rows[] = {
      {.row = "a node list cut off",
       .variables = {{"SLURM_JOB_ID", "1"}, {"SLURM_JOB_NODELIST", "n[1-"}, {"SLURM_NODELIST", "n[1-2]"}},
       .shown = "Slurm:Slurm n1/0/0/0 n2/0/0/0 | SLURM_NODELIST - - - | job 1",
       .finding = "\"n[1-\": a number is expected"},
      {.row = "no usable node list",
       .variables = {{"SLURM_JOB_ID", "1"}, {"SLURM_JOB_NODELIST", "n[1-"}},
       .shown = "Slurm:none | - - - - | job 1",
       .finding = "SLURM_JOB_NODELIST"},
      {.row = "counts of another number of nodes",
       .variables = {{"SLURM_JOB_ID", "1"},
                     {"SLURM_JOB_NODELIST", "n[1-2]"},
                     {"SLURM_TASKS_PER_NODE", "2(x3)"},
                     {"SLURM_NTASKS_PER_NODE", "2"}},
       .shown = "Slurm:Slurm n1/2/0/0 n2/2/0/0 | SLURM_JOB_NODELIST SLURM_NTASKS_PER_NODE - - | job 1",
       .finding = "SLURM_TASKS_PER_NODE"},
      {.row = "CPUs that are no counts",
       .variables = {{"SLURM_JOB_ID", "1"},
                     {"SLURM_JOB_NODELIST", "n1"},
                     {"SLURM_JOB_CPUS_PER_NODE", "many"},
                     {"SLURM_CPUS_ON_NODE", "4"}},
       .shown = "Slurm:Slurm n1/0/4/0 | SLURM_JOB_NODELIST - SLURM_CPUS_ON_NODE - | job 1",
       .finding = "\"many\": a count like"},
      {.row = "memory that is no number",
       .variables = {{"SLURM_JOB_ID", "1"},
                     {"SLURM_JOB_NODELIST", "n1"},
                     {"SLURM_JOB_CPUS_PER_NODE", "2"},
                     {"SLURM_MEM_PER_NODE", "lots"},
                     {"SLURM_MEM_PER_CPU", "10"}},
       .shown = "Slurm:Slurm n1/0/2/20 | SLURM_JOB_NODELIST - SLURM_JOB_CPUS_PER_NODE SLURM_MEM_PER_CPU | job 1",
       .finding = "SLURM_MEM_PER_NODE"},
      {.row = "memory beyond all bounds",
       .variables = {{"SLURM_JOB_ID", "1"}, {"SLURM_JOB_NODELIST", "n1"}, {"SLURM_MEM_PER_NODE", "18446744073709551615"}},
       .shown = "Slurm:Slurm n1/0/0/0 | SLURM_JOB_NODELIST - - - | job 1",
       .finding = "SLURM_MEM_PER_NODE"},
      {.row = "numbers out of range",
       .variables =
           {{"SLURM_JOB_ID", "1"}, {"SLURM_JOB_NODELIST", "n1"}, {"SLURM_JOB_END_TIME", "0"}, {"SLURM_RESTART_COUNT", "-1"}},
       .shown = "Slurm:Slurm n1/0/0/0 | SLURM_JOB_NODELIST - - - | job 1",
       .finding = "SLURM_RESTART_COUNT"},
      {.row = "an id that would be an option",
       .variables = {{"SLURM_JOB_ID", "1 --cancel"}, {"SLURM_JOBID", "1"}, {"SLURM_JOB_NODELIST", "n1"}},
       .shown = "Slurm:Slurm n1/0/0/0 | SLURM_JOB_NODELIST - - - | job 1",
       .finding = "not a job's id"},
      {.row = "another number of nodes",
       .variables = {{"SLURM_JOB_ID", "1"}, {"SLURM_JOB_NODELIST", "n1"}, {"SLURM_JOB_NUM_NODES", "2"}},
       .shown = "Slurm:Slurm n1/0/0/0 | SLURM_JOB_NODELIST - - - | job 1",
       .finding = "SLURM_JOB_NUM_NODES"},
      {.row = "a heterogeneous job",
       .variables = {{"SLURM_JOB_ID", "1"}, {"SLURM_JOB_NODELIST", "n1"}, {"SLURM_HET_SIZE", "2"}},
       .shown = "Slurm:Slurm n1/0/0/0 | SLURM_JOB_NODELIST - - - | job 1",
       .finding = "first component"},
      {.row = "a PBS file that isn't there",
       .variables = {{"PBS_JOBID", "1"}, {"PBS_NODEFILE", "/gone"}},
       .shown = "PBS:none | - - - - | job 1",
       .finding = "there is no such file"},
      {.row = "an empty PBS file",
       .variables = {{"PBS_JOBID", "1"}, {"PBS_NODEFILE", "/e"}},
       .files = {{"/e", "\n\n"}},
       .shown = "PBS:none | - - - - | job 1",
       .finding = "no host in it"},
      {.row = "half a pair",
       .variables = {{"LSB_JOBID", "1"}, {"LSB_MCPU_HOSTS", "hostA 4 hostB"}, {"LSB_HOSTS", "hostA hostB"}},
       .shown = "LSF:LSF hostA/1/0/0 hostB/1/0/0 | LSB_HOSTS LSB_HOSTS - - | job 1",
       .finding = "LSB_MCPU_HOSTS"},
      {.row = "a damaged file, then variables",
       .variables = {{"LSB_JOBID", "1"}, {"LSB_DJOB_HOSTFILE", "/d"}, {"LSB_MCPU_HOSTS", "hostA 4"}},
       .files = {{"/d", "hostX\n\x01\x02\n"}},
       .shown = "LSF:LSF hostA/4/0/0 | LSB_MCPU_HOSTS LSB_MCPU_HOSTS - - | job 1",
       .finding = "the file is malformed"},
  };

  check_rows(rows, sizeof rows / sizeof *rows, AMZ_OK);
}

static void reads_hostfiles(void)
{
  static const struct row rows[] = {
      {.row = "Open MPI's",
       .hostfile = "h",
       .files = {{"h", "# my nodes\nn1 slots=4 max_slots=8\n\n  n2\tslots = 2 # old\r\nn3 max-slots=3\nn4\n"}},
       .shown = "none:hostfile n1/4/0/0(max 8) n2/2/0/0 n3/3/0/0(max 3) n4/0/0/0 | h h - - |"},
      {.row = "MPICH's, and addresses",
       .hostfile = "h",
       .files = {{"h", "n1:4\n10.0.0.7:2\nfe80:1:2:3\n"}},
       .shown = "none:hostfile n1/4/0/0 10.0.0.7/2/0/0 fe80:1:2:3/0/0/0 | h h - - |"},
      {.row = "repeated lines add slots",
       .hostfile = "h",
       .files = {{"h", "n1\nn2 slots=2\nn1\nn2 slots=3\nn1"}},
       .shown = "none:hostfile n1/3/0/0 n2/5/0/0 | h h - - |"},
      {.row = "names alone leave the slots open",
       .hostfile = "h",
       .files = {{"h", "n1\nn2\n"}},
       .shown = "none:hostfile n1/0/0/0 n2/0/0/0 | h - - - |"},
      {.row = "the user's word goes before Slurm's",
       .hostfile = "h",
       .files = {{"h", "m1:2"}},
       .variables = {{"SLURM_JOB_ID", "1"}, {"SLURM_JOB_NODELIST", "n1"}, {"SLURM_TASKS_PER_NODE", "9"}},
       .shown = "Slurm:hostfile m1/2/0/0 | h h - - | job 1"},
      {.row = "what has no effect is told",
       .hostfile = "h",
       .files = {{"h", "n1 slots=2 binding=map"}},
       .shown = "none:hostfile n1/2/0/0 | h h - - |",
       .finding = "no effect"},
  };

  check_rows(rows, sizeof rows / sizeof *rows, AMZ_OK);
}

static void refuses_hostfiles_of_the_user(void)
{
  static const struct row rows[] = {
      {.row = "no host", .hostfile = "h", .files = {{"h", "# nothing\n"}}, .finding = "no host in it"},
      {.row = "slots are no number", .hostfile = "h", .files = {{"h", "n1 slots=four"}}, .finding = "number of slots"},
      {.row = "no slots", .hostfile = "h", .files = {{"h", "n1 slots=0"}}, .finding = "number of slots"},
      {.row = "slots without a number", .hostfile = "h", .files = {{"h", "n1 slots="}}, .finding = "number of slots"},
      {.row = "a count that is none", .hostfile = "h", .files = {{"h", "n1:x"}}, .finding = "number of slots"},
      {.row = "a word alone", .hostfile = "h", .files = {{"h", "n1 slots"}}, .finding = "a setting like"},
      {.row = "a user", .hostfile = "h", .files = {{"h", "me@n1"}}, .finding = "user@host"},
      {.row = "an option in disguise", .hostfile = "h", .files = {{"h", "-x"}}, .finding = "no host name"},
      {.row = "more slots than max_slots",
       .hostfile = "h",
       .files = {{"h", "n1 slots=4 max_slots=2"}},
       .finding = "more slots than"},
      {.row = "slots add up to too many", .hostfile = "h", .files = {{"h", "n1 slots=1048576\nn1"}}, .finding = "add up"},
  };

  check_rows(rows, sizeof rows / sizeof *rows, AMZ_EINVAL);
  check_row(&(struct row){.row = "a file that isn't there", .hostfile = "/gone"}, AMZ_ENOENT);
}

static void tells_all_findings_with_their_places(void)
{
  static const struct pair files[] = {{"hosts.txt", "n1 slots=x\nn2\n  n3 slots=2 max_slots=none\n"}, {NULL, NULL}};
  struct amz_environment env = injected_environment(NULL);
  struct amz_files world = injected_files(files);
  struct amz_buf out = AMZ_BUF_INIT;
  struct amz_allocation a;
  struct amz_diags diags;
  struct amz_error err;

  amz_diags_init(&diags);
  CU_ASSERT(amz_allocation_read(&env, &world, "hosts.txt", &diags, &err, &a) == AMZ_EINVAL);
  amz_diags_print(&diags, &out);
  ASSERT_TEXT(amz_buf_text(&out), "hosts.txt:1:10: a number of slots from 1 to 1048576 is expected\n"
                                  "hosts.txt:3:24: a number of slots from 1 to 1048576 is expected\n");
  amz_buf_clear(&out);
  amz_diags_clear(&diags);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"reads batch systems", reads_batch_systems},
    {"doubts what is malformed and goes on", doubts_what_is_malformed_and_goes_on},
    {"reads hostfiles", reads_hostfiles},
    {"refuses unusable hostfiles of the user", refuses_hostfiles_of_the_user},
    {"tells all findings with their places", tells_all_findings_with_their_places},
    {NULL, NULL},
  };

  return amz_test_main("allocation", tests, 0);
}

/* A description that uses every section and nearly every key; the design's own example, with its alternatives decided. */
#ifndef AMZ_TESTS_JOB_EXAMPLE_H
#define AMZ_TESTS_JOB_EXAMPLE_H

static const char example[] =
  "job: ligand-screen\n"
  "tasks:\n"
  "  command: vina --ligand {ligand} --seed {seed} --cpu {threads}   # or a list of arguments\n"
  "  for:                              # product in written order\n"
  "    ligand: {glob: \"ligands/*.pdbqt\"}\n"
  "    seed:   {range: [1, 100]}\n"
  "  csv: table.csv                    # columns become names\n"
  "  env: {KEY: value}\n"
  "  workdir: .\n"
  "  stdin: \"{ligand}\"\n"
  "  ok_exit: [0]\n"
  "  creates: \"out/{ligand:stem}.pdbqt\"\n"
  "  weight: {size_of: ligand}\n"
  "stage: {broadcast: [receptor.pdbqt, db/], scratch: /tmp}\n"
  "after: prepare.yaml\n"
  "preset: default\n"
  "resources: {threads: auto, memory: \"{mem_column}\", gpus: 0}\n"
  "plan:      {goal: time, nodes: auto, ranks_per_node: auto, slots_per_rank: auto, threads_per_task: auto, max_workers: 64,\n"
  "            efficiency: 0.8, deadline: 2h, memory: respect, load_aware: false}\n"
  "chunks:    {policy: adaptive, target: 200ms, min: 50ms, max: 1s, rate: 0.3}\n"
  "sample:    {tasks: [5, 50], time: 10s, confidence: 0.95, precision: 0.05, reuse: true}\n"
  "failures:  {retries: 2, backoff: 1s, timeout: 10m, stop_after: 5%, idempotent: false}\n"
  "output:    {stdout: pack, results: results.bin, reduce: none}\n"
  "slurm:     {partition: cpu, account: x, extra: [\"--constraint=milan\"]}\n";

#endif

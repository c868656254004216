/* What the first failing task of a run said. */
#ifndef AMZ_CLI_FAILURE_H
#define AMZ_CLI_FAILURE_H

/* Tells which task of the run failed first and how, and the last lines of its standard error (else of its standard output).
 * Nothing when none has failed; where it can't be read, the command that shows it. `dir`: the run directory, whose run has
 * ended. */
void cli_show_failure(const char *dir);

#endif

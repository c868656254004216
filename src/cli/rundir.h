/* A run as seen from outside: its directory, its status, and whether somebody runs it now. */
#ifndef AMZ_CLI_RUNDIR_H
#define AMZ_CLI_RUNDIR_H

#include <amorsize/report.h>
#include <amorsize/store.h>

#include "cli.h"

/* Finds the directory that RUN means. \return CLI_OK with *ret_dir (free it); else the exit status, the reason having been
 * told. */
int cli_run_find(const char *run, char **ret_dir);

struct cli_run_view {
  struct amz_run_progress progress; /* corrected when the process is gone */
  struct amz_buf text;              /* memory of its strings */
  bool live;                        /* somebody holds the lease */
  bool abandoned;                   /* it says that it runs, but nobody does */
  double age_s;                     /* of what is seen, when live */
};

/* Zero-initialise the view first; may be called again for a newer look. Release with cli_run_view_clear.
 * \return CLI_OK; else the exit status, the reason having been told. */
int cli_run_view(const char *dir, struct cli_run_view *ret);
void cli_run_view_clear(struct cli_run_view *view);
/* "as of 3 s ago", for what comes from a live run. */
void cli_say_age(double age_s);

/* Opens what the run has recorded, saying how old that is when the run lives. Release with amz_store_reader_free.
 * \return CLI_OK; else the exit status, the reason having been told. */
int cli_reader_open(const char *dir, struct amz_store_reader **ret);

/* Waits, unless one of the signals that end a program comes (SIGINT, SIGTERM, SIGHUP, to be blocked by the caller).
 * \return the signal; 0: the time has passed. */
int cli_pause_ms(long ms);
void cli_block_signals(void);

#endif

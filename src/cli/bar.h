/* A line that is redrawn in place on a terminal, and becomes a line now and then elsewhere. */
#ifndef AMZ_CLI_BAR_H
#define AMZ_CLI_BAR_H

#include <stdbool.h>
#include <stdint.h>

#include <amorsize/report.h>

struct cli_bar {
  int fd;
  bool terminal;
  bool drawn;           /* a bar stands on the terminal's last line */
  int64_t last_ns;      /* monotonic time of the last drawing or line; 0: none yet */
  unsigned last_percent;
};

/* \return a bar for a descriptor; on a terminal (TERM other than dumb) it is redrawn in place. */
struct cli_bar cli_bar_new(int fd);
/* Draws when it is time: at most ten times a second on a terminal; elsewhere a line every 10 % or 30 s. */
void cli_bar_show(struct cli_bar *bar, const struct amz_run_progress *p);
/* A word about what is being done, on a terminal only. */
void cli_bar_note(struct cli_bar *bar, const char *text);
/* Takes the bar off the terminal, so that other text can be written. */
void cli_bar_clear(struct cli_bar *bar);

#endif

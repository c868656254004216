/* Small files in the run directory by which rank 0 tells the driver how far a launch has come. */
#ifndef AMZ_RUN_MARKER_H
#define AMZ_RUN_MARKER_H

#include <stdbool.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>
#include <amorsize/report.h>

/* Before a launch: removes both. */
void amz_marker_clear(const char *dir);
/* Before the first one: removes DIR/stop, which was meant for an earlier run. */
void amz_marker_clear_stop(const char *dir);
/* Rank 0: all ranks are there. / the launch has ended in order, with this exit status, perhaps for want of time. \return AMZ_OK;
 * AMZ_EIO with *err. */
int amz_marker_put_launched(const char *dir, struct amz_error *err);
int amz_marker_put_ended(const char *dir, int status, bool out_of_time, struct amz_error *err);
/* The driver: whether they are there. */
bool amz_marker_launched(const char *dir);
bool amz_marker_ended(const char *dir, int *ret_status);
bool amz_marker_out_of_time(const char *dir);
/* What status.json says; its strings live in *text. \return false: it can't be read. */
bool amz_marker_progress(const char *dir, struct amz_buf *text, struct amz_run_progress *ret);
/* \return how many tasks have an outcome by status.json; 0 when it can't be read. */
uint64_t amz_marker_done(const char *dir);

#endif

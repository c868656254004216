/* The rig of the executor's tests. */
#include "rig.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <amorsize/pack.h>

#include "../../support/tap.h"

#define PATIENCE_MS 60000 /* a machine may be as slow as it likes; who waits as long waits for what doesn't come */

static void print_error(const struct amz_error *err)
{
  printf("# %s\n", err->text);
}

bool amz_rig_init(struct amz_rig *r, const char *program, uint32_t slots, bool with_pack)
{
  const char *top = getenv("top_builddir"), *tmp = getenv("TMPDIR");
  struct amz_exec_config config = {.slots = slots, .rank = 3, .epoch = 2};
  struct amz_error err;
  char path[4096];

  (void)snprintf(path, sizeof path, "%s/%s", top ? top : ".", program);
  (void)snprintf(r->dir, sizeof r->dir, "%s/amz-exec-XXXXXX", tmp && *tmp && strlen(tmp) < sizeof r->dir / 2 ? tmp : "/tmp");
  r->x = NULL;
  if (!mkdtemp(r->dir))
    return false;
  (void)snprintf(r->pack, sizeof r->pack, "%s/pack", r->dir);
  config.helper_path = path;
  config.pack_path = with_pack ? r->pack : NULL;
  if (amz_exec_new(&config, &err, &r->x) == AMZ_OK)
    return true;
  print_error(&err);
  return false;
}

void amz_rig_clear(struct amz_rig *r)
{
  amz_exec_free(r->x);
  (void)unlink(r->pack);
  (void)rmdir(r->dir);
}

static int64_t now_ms(void)
{
  struct timespec ts = {0, 0};

  (void)clock_gettime(CLOCK_MONOTONIC, &ts);
  return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int amz_rig_wait(struct amz_rig *r, struct amz_exec_end *ret)
{
  int64_t until = now_ms() + PATIENCE_MS;
  int rc;

  while ((rc = amz_exec_next(r->x, ret)) == 0 && now_ms() < until) {
    struct pollfd p = {.fd = amz_exec_fd(r->x), .events = POLLIN};

    (void)poll(&p, 1, 1000);
  }
  return rc;
}

int amz_rig_flush(struct amz_rig *r)
{
  bool pending = true;
  int rc = AMZ_OK;

  while (pending && (rc = amz_exec_flush(r->x, &pending)) == AMZ_OK && pending) {
    struct pollfd p = {.fd = amz_exec_fd(r->x), .events = POLLOUT};

    (void)poll(&p, 1, 1000);
  }
  return rc;
}

static int put(void *ctx, const void *bytes, size_t n)
{
  amz_buf_add(ctx, bytes, n);
  return AMZ_OK;
}

static bool read_output(const struct amz_rig *r, struct amz_rig_result *ret)
{
  struct amz_pack_reader *reader;
  struct amz_error err;
  bool ok;

  if (ret->end.pack_seq == 0)
    return true;
  if (amz_pack_open(r->pack, &err, &reader) < 0) {
    print_error(&err);
    return false;
  }
  ok = amz_pack_read_stream(reader, ret->end.pack_offset, 1, put, &ret->out, &err) == AMZ_OK &&
       amz_pack_read_stream(reader, ret->end.pack_offset, 2, put, &ret->err, &err) == AMZ_OK;
  if (!ok)
    print_error(&err);
  amz_pack_reader_free(reader);
  return ok;
}

bool amz_rig_run(struct amz_rig *r, const struct amz_exec_command *command, struct amz_rig_result *ret)
{
  *ret = (struct amz_rig_result){.out = AMZ_BUF_INIT, .err = AMZ_BUF_INIT};
  return amz_exec_start(r->x, command) == AMZ_OK && amz_rig_flush(r) == AMZ_OK && amz_rig_wait(r, &ret->end) == 1 &&
         read_output(r, ret);
}

bool amz_rig_shell(struct amz_rig *r, const char *text, struct amz_rig_result *ret)
{
  const char *argv[] = {"/bin/sh", "-c", text, NULL};
  const struct amz_exec_command command = {.index = 7, .tag = 7, .attempt = 1, .shell = true, .argv = argv};

  return amz_rig_run(r, &command, ret);
}

void amz_rig_result_clear(struct amz_rig_result *result)
{
  amz_buf_clear(&result->out);
  amz_buf_clear(&result->err);
}

bool amz_rig_until(bool (*holds)(void *ctx), void *ctx)
{
  int64_t until = now_ms() + PATIENCE_MS;
  bool so;

  while (!(so = holds(ctx)) && now_ms() < until)
    (void)poll(NULL, 0, 1);
  return so;
}

int amz_rig_helper_pid(void)
{
  char path[64], text[32] = "";
  FILE *f;

  (void)snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  f = fopen(path, "r");
  if (!f)
    return 0;
  if (!fgets(text, sizeof text, f))
    text[0] = '\0';
  (void)fclose(f);
  return (int)strtol(text, NULL, 10);
}

int amz_rig_open_files(int pid)
{
  char path[64];
  DIR *d;
  int n = 0;

  (void)snprintf(path, sizeof path, "/proc/%d/fd", pid);
  d = opendir(path);
  if (!d)
    return -1;
  for (const struct dirent *e; (e = readdir(d));)
    n += e->d_name[0] != '.';
  (void)closedir(d);
  return n;
}

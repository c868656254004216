/* tapdelay CTL_PID NODE_PID CTL_IF NODE_IF DELAY_US [LOSS_PERMILLE [SEED]]: a wire with a one-way delay between two TAP
 * devices, which it makes in the network namespaces of two processes. Prints "ready" and stays until it is killed or a device
 * goes away. Stands in for tc's netem where the kernel has none.
 *
 * Each direction is a ring of packets in the order of arrival; the delay is the same for all, so that order is also the order
 * of departure. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum { PACKETS = 8192, PACKET_BYTES = 2048 };

struct packet {
  long long due_ns;
  size_t len;
  char bytes[PACKET_BYTES];
};

/* What came in at one end and is due at the other. */
struct direction {
  struct packet *ring;
  size_t first, end; /* counted on; positions are taken modulo PACKETS */
};

static void fail(const char *what)
{
  perror(what);
  exit(1);
}

static long long now_ns(void)
{
  struct timespec t;

  if (clock_gettime(CLOCK_MONOTONIC, &t) < 0)
    fail("clock_gettime");
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void enter_network_of(const char *pid)
{
  char path[64];
  int fd;

  (void)snprintf(path, sizeof path, "/proc/%s/ns/net", pid);
  fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
    fail(path);
  (void)close(fd);
}

static int make_tap(const char *name)
{
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  struct ifreq request;

  memset(&request, 0, sizeof request);
  (void)snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
    fail(name);
  return fd;
}

/* Sends what is due; a packet that the device doesn't take is lost, as on any wire. \return when to look again: when the next
 * one is due, or `latest_ns`. */
static long long depart(struct direction *d, int to, long long latest_ns)
{
  long long now = now_ns();

  for (; d->first != d->end; d->first++) {
    struct packet *p = &d->ring[d->first % PACKETS];

    if (p->due_ns > now)
      return p->due_ns < latest_ns ? p->due_ns : latest_ns;
    if (write(to, p->bytes, p->len) < 0 && errno == EBADFD)
      exit(0); /* the device has gone with its node */
  }
  return latest_ns;
}

/* Takes in what has come, but for losses and what doesn't fit. */
static void arrive(struct direction *d, int from, long long delay_ns, long loss_permille)
{
  struct packet dropped;

  for (;;) {
    int full = d->end - d->first >= PACKETS;
    struct packet *p = full ? &dropped : &d->ring[d->end % PACKETS];
    ssize_t n = read(from, p->bytes, sizeof p->bytes);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EAGAIN)
      return;
    if (n <= 0)
      exit(0); /* the device has gone with its node */
    if (full || random() % 1000 < loss_permille)
      continue;
    p->len = (size_t)n;
    p->due_ns = now_ns() + delay_ns;
    d->end++;
  }
}

static void carry(const int fd[2], struct direction d[2], long long delay_ns, long loss_permille)
{
  for (;;) {
    long long until_ns = now_ns() + 1000000000LL, wait_ns;
    struct pollfd polls[2] = {{fd[0], POLLIN, 0}, {fd[1], POLLIN, 0}};
    struct timespec pause;

    for (int i = 0; i < 2; i++)
      until_ns = depart(&d[i], fd[!i], until_ns);
    wait_ns = until_ns - now_ns();
    if (wait_ns < 0)
      wait_ns = 0;
    pause = (struct timespec){wait_ns / 1000000000, wait_ns % 1000000000};
    if (ppoll(polls, 2, &pause, NULL) < 0 && errno != EINTR)
      fail("ppoll");
    for (int i = 0; i < 2; i++)
      if (polls[i].revents)
        arrive(&d[i], fd[i], delay_ns, loss_permille);
  }
}

int main(int argc, char **argv)
{
  struct direction d[2] = {{NULL, 0, 0}, {NULL, 0, 0}};
  int fd[2];

  if (argc < 6 || argc > 8) {
    fputs("usage: tapdelay CTL_PID NODE_PID CTL_IF NODE_IF DELAY_US [LOSS_PERMILLE [SEED]]\n", stderr);
    return 2;
  }
  srandom(argc > 7 ? (unsigned)strtoul(argv[7], NULL, 10) : 1u);
  enter_network_of(argv[2]);
  fd[1] = make_tap(argv[4]);
  enter_network_of(argv[1]);
  fd[0] = make_tap(argv[3]);
  for (int i = 0; i < 2; i++)
    if (!(d[i].ring = malloc(PACKETS * sizeof *d[i].ring)))
      fail("malloc");
  if (puts("ready") < 0 || fclose(stdout) != 0)
    return 1;
  carry(fd, d, strtoll(argv[5], NULL, 10) * 1000, argc > 6 ? strtol(argv[6], NULL, 10) : 0);
}

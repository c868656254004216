/* Who ended the process. A host with several threads dies as a whole; the rank wants to know whose task it was, so that the
 * others' are merely run again. A thread that gets a deadly signal, or calls exit(), marks its lane on the way out. What can't be
 * seen here (_exit(), SIGKILL by the out-of-memory killer) leaves no mark: then all tasks that ran are suspected.
 *
 * A task may fork. What its child does is nobody's guilt, and the child must not work on: the shared memory is its parent's. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "host.h"

static _Thread_local struct amz_slot_thread *own;

static void mark(void)
{
  if (own)
    atomic_store_explicit(&own->lane->guilty, 1, memory_order_release);
}

/* In the child of a fork, whose only thread is the one that forked. */
static void on_fork(void)
{
  if (own)
    own->forked = true;
  own = NULL;
}

void amz_guilt_leave_fork(const struct amz_slot_thread *s)
{
  if (!s->forked)
    return;
  (void)fprintf(stderr,
                "amorsize-mpi-plugin: a task of slot %u has returned in a process that it has forked, too, which was ended\n",
                s->number);
  _exit(1);
}

/* The signal's own effect follows: its disposition has been reset, and it stays pending until we return. */
static void on_signal(int number)
{
  mark();
  (void)raise(number);
}

bool amz_guilt_watch(void)
{
  static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)(SA_RESETHAND | (unsigned)SA_ONSTACK)};
  sigset_t set;

  if (sigemptyset(&action.sa_mask) < 0 || sigemptyset(&set) < 0)
    return false;
  for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
    if (sigaction(deadly[i], &action, NULL) < 0 || sigaddset(&set, deadly[i]) < 0)
      return false;
  return pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0 && atexit(mark) == 0 && pthread_atfork(NULL, NULL, on_fork) == 0;
}

size_t amz_guilt_stack_bytes(void)
{
  return (size_t)SIGSTKSZ + 16384;
}

bool amz_guilt_begin(struct amz_slot_thread *s, void *stack)
{
  const stack_t on = {.ss_sp = stack, .ss_size = amz_guilt_stack_bytes()};

  own = s;
  return sigaltstack(&on, NULL) == 0;
}

void amz_guilt_end(void)
{
  const stack_t none = {.ss_flags = SS_DISABLE};

  own = NULL;
  (void)sigaltstack(&none, NULL);
}

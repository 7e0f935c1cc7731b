/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L /* pthread_sigmask, sigtimedwait */
#include "guard.h"

#include <errno.h>
#include <openssl/err.h>
#include <time.h>

static bool is_pending(void)
{
  sigset_t pending;
  return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

static sigset_t only_sigpipe(void)
{
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  return set;
}

void guard_enter(struct guard *guard)
{
  sigset_t sigpipe = only_sigpipe();
  pthread_sigmask(SIG_BLOCK, &sigpipe, &guard->mask);
  guard->pending = is_pending();
  ERR_set_mark();
}

void guard_leave(const struct guard *guard)
{
  int saved = errno;
  ERR_pop_to_mark();
  if (!guard->pending && is_pending()) {
    sigset_t sigpipe = only_sigpipe();
    const struct timespec at_once = {0};
    while (sigtimedwait(&sigpipe, NULL, &at_once) < 0 && errno == EINTR)
      ;
  }
  pthread_sigmask(SIG_SETMASK, &guard->mask, NULL);
  errno = saved;
}

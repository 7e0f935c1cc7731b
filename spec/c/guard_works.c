/* SPDX-License-Identifier: MIT */
/* Proves that a guard leaves signals and OpenSSL's error queue as they were.
   Prints what is wrong and fails, or dies of a SIGPIPE that got through. */
#define _POSIX_C_SOURCE 200809L
#include "guard.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void check(bool condition, const char *promise)
{
  if (!condition) {
    printf("not so: %s\n", promise);
    exit(EXIT_FAILURE);
  }
}

static void write_to_nobody(void)
{
  int ends[2];
  check(pipe(ends) == 0, "a pipe");
  close(ends[0]);
  check(write(ends[1], "x", 1) < 0, "nobody reads");
  close(ends[1]);
}

static bool pending(void)
{
  sigset_t set;
  sigpending(&set);
  return sigismember(&set, SIGPIPE) == 1;
}

static bool blocked(void)
{
  sigset_t set;
  pthread_sigmask(SIG_SETMASK, NULL, &set);
  return sigismember(&set, SIGPIPE) == 1;
}

int main(void)
{
  struct guard guard;
  signal(SIGPIPE, SIG_DFL);

  guard_enter(&guard);
  write_to_nobody();
  ERR_raise(ERR_LIB_USER, 1);
  guard_leave(&guard);
  check(!blocked(), "SIGPIPE is not blocked afterwards");
  check(!pending(), "the SIGPIPE in between is gone");
  check(ERR_peek_error() == 0, "the error queue is empty, as before");

  ERR_raise(ERR_LIB_USER, 2);
  guard_enter(&guard);
  ERR_raise(ERR_LIB_USER, 3);
  guard_leave(&guard);
  check(ERR_GET_REASON(ERR_peek_last_error()) == 2,
        "the host's error is still there, ours is not");

  sigset_t sigpipe;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &sigpipe, NULL);
  raise(SIGPIPE);
  guard_enter(&guard);
  write_to_nobody();
  guard_leave(&guard);
  check(blocked(), "what the host blocks stays blocked");
  check(pending(), "a SIGPIPE of the host is still its own");
  return EXIT_SUCCESS;
}

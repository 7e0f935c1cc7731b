/* SPDX-License-Identifier: MIT */
/* What a group of calls into libcurl must leave in the host as it was.

   OpenSSL writes to sockets without MSG_NOSIGNAL, and a plain Lua dies of the
   SIGPIPE. And what a failed handshake leaves in the thread's OpenSSL error
   queue is, in nginx, taken for the failure of somebody else's. */
#ifndef BALANCE_GUARD_H
#define BALANCE_GUARD_H

#include <signal.h>
#include <stdbool.h>

#pragma GCC visibility push(hidden)

struct guard {
  sigset_t mask;
  bool pending; /* a SIGPIPE was, before us: it is the host's */
};

void guard_enter(struct guard *guard);

/* Keeps errno. */
void guard_leave(const struct guard *guard);

#pragma GCC visibility pop

#endif

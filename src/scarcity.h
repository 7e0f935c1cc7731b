/* SPDX-License-Identifier: MIT */
/* Resources that a system can run out of, by their errno: file descriptors
   (EMFILE, ENFILE), memory (ENOMEM, ENOBUFS), threads (EAGAIN), local ports
   (EADDRNOTAVAIL), epoll watches (ENOSPC).

   libcurl mostly reports only that something failed. So after a failure the
   system is asked for the same resource again, to see whether it lacks it. */
#ifndef BALANCE_SCARCITY_H
#define BALANCE_SCARCITY_H

#include <stdbool.h>

#pragma GCC visibility push(hidden)

/* One sentence; NULL for any other errno. */
const char *scarcity_message(int error);

/* What to do about it; NULL where there is no advice. */
const char *scarcity_hint(int error);

/* Whether a socket cannot be opened or used then. */
bool scarcity_is_of_sockets(int error);

/* Each returns the errno of what is lacking, or 0. */
int scarcity_of_descriptors(int wanted);
int scarcity_of_threads(void);
int scarcity_of_ports(void);
int scarcity_of_memory(void); /* from OPENSSL_malloc */

/* To be called after a function of OpenSSL has failed, while its error is still
   in the queue. */
int scarcity_of_openssl(void);

/* In a text that repeats OpenSSL's error. */
int scarcity_in_words(const char *text);

#pragma GCC visibility pop

#endif

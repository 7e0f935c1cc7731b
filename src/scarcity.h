/* SPDX-License-Identifier: MIT */
/* What a system can run out of, as errno names it: file descriptors (EMFILE,
   ENFILE), memory (ENOMEM, ENOBUFS), threads (EAGAIN), local ports
   (EADDRNOTAVAIL), places in an epoll (ENOSPC).

   libcurl says of most of them no more than that something did not work. Some
   it can be asked for; else the system is asked for the same once more. */
#ifndef BALANCE_SCARCITY_H
#define BALANCE_SCARCITY_H

#include <stdbool.h>

#pragma GCC visibility push(hidden)

/* One sentence on what is missing; NULL where this is something else. */
const char *scarcity_message(int error);

/* What to do about it; NULL where nothing is known. */
const char *scarcity_hint(int error);

/* Whether it is one that keeps a socket from being opened or used. */
bool scarcity_is_of_sockets(int error);

/* Each returns the errno of what is missing, or 0. */
int scarcity_of_descriptors(int wanted);
int scarcity_of_threads(void);
int scarcity_of_ports(void);
int scarcity_of_memory(void); /* OpenSSL's, which rarely says so */

/* After a function of OpenSSL's has failed, and before its queue is popped. */
int scarcity_of_openssl(void);

/* In a text that repeats what OpenSSL's queue says. */
int scarcity_in_words(const char *text);

#pragma GCC visibility pop

#endif

/* SPDX-License-Identifier: MIT */
/* The system's trust store, the most expensive thing in a call: OpenSSL 3.0
   needs 30 to 50 ms for Debian's bundle of certificates at every new
   connection, and 0.3 ms for the same as a directory of hashed names, where
   it opens the one that it needs. So the directory goes first. */
#ifndef BALANCE_TRUST_H
#define BALANCE_TRUST_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#pragma GCC visibility push(hidden)

struct trust {
  const char *file; /* NULL or a bundle; libcurl caches it only alone */
  const char *path; /* NULL or a directory of hashed names */
};

/* Looks for it; where there is none, says what libcurl would have tried. The
   strings belong to libcurl and OpenSSL, and last as long as the process. */
struct trust trust_of_system(void);

/* A directory that was found fit. All zero for none. */
struct trust_seen {
  dev_t device;
  ino_t inode;
  time_t changed;
};

/* Whether OpenSSL, which opens them in our name, will find regular files: at
   a FIFO or a terminal it would wait, and with it the whole thread. What is
   not there, or no certificate, is for libcurl to say. A directory, with 144
   names 0.3 ms, is looked at again when it has changed. Either may be NULL. */
bool trust_is_fit(const char *file, const char *path, struct trust_seen *seen);

/* Whether OpenSSL can load this file now: where libcurl could not, memory or
   descriptors were short then. */
bool trust_is_good(const char *file);

#pragma GCC visibility pop

#endif

/* SPDX-License-Identifier: MIT */
/* The system's trust store, the most expensive thing in a call: OpenSSL 3.0
   needs 30 to 50 ms for Debian's bundle of certificates at every new
   connection, and 0.3 ms for the same as a directory of hashed names, where
   it opens the one that it needs. So the directory goes first. */
#ifndef BALANCE_TRUST_H
#define BALANCE_TRUST_H

#pragma GCC visibility push(hidden)

struct trust {
  const char *file; /* NULL or a bundle; libcurl caches it only alone */
  const char *path; /* NULL or a directory of hashed names */
};

/* Looks for it; where there is none, says what libcurl would have tried. The
   strings belong to libcurl and OpenSSL, and last as long as the process. */
struct trust trust_of_system(void);

#pragma GCC visibility pop

#endif

/* SPDX-License-Identifier: MIT */
/* Trust stores: a bundle of certificates, or a directory of certificates whose
   names are hashes. OpenSSL 3.0 reads the whole bundle at every new connection,
   in 30 to 50 ms for Debian's, but opens only what it needs in the directory, in
   0.3 ms. So of the system's, the directory is preferred. */
#ifndef BALANCE_TRUST_H
#define BALANCE_TRUST_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#pragma GCC visibility push(hidden)

struct trust {
  const char *file; /* a bundle, or NULL; libcurl caches it without a path */
  const char *path; /* a directory of hashed names, or NULL */
};

/* Finds the system's; where there is none, libcurl's own default. The strings
   last as long as the process. */
struct trust trust_of_system(void);

/* The last directory that was found fit; all zeros: none. */
struct trust_seen {
  dev_t device;
  ino_t inode;
  time_t changed;
};

/* Whether what OpenSSL would open there are regular files: a FIFO or a terminal
   would block the thread. Missing files and bad certificates are left for
   libcurl to report. Checking a directory of 144 names takes 0.3 ms, so it is
   checked again only when it has changed. Either may be NULL. */
bool trust_is_fit(const char *file, const char *path, struct trust_seen *seen);

/* Whether OpenSSL can load this file now. If so, and libcurl could not, memory
   or descriptors were lacking. */
bool trust_is_good(const char *file);

#pragma GCC visibility pop

#endif

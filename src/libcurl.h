/* SPDX-License-Identifier: MIT */
/* The environment of libcurl in this process: its beginning and its memory, the
   trust store of its connections, and the clock of its time limits. */
#ifndef BALANCE_LIBCURL_H
#define BALANCE_LIBCURL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#pragma GCC visibility push(hidden)

/* -- the monotonic clock ---------------------------------------------------- */

int64_t clock_ns(void);
int64_t clock_ms(void);

/* Waits. A signal ends it early. */
void clock_sleep(int64_t ms);

/* -- the beginning ---------------------------------------------------------- */

enum libcurl_status {
  LIBCURL_READY,
  LIBCURL_UNFIT, /* older than 7.88, or without OpenSSL */
  LIBCURL_NO_MEMORY
};

/* Initializes libcurl, once in a process, with memory functions that cleanse
   what is freed: its buffers hold requests with keys. Other users of libcurl in
   this process get them too; where one has initialized it before us, libcurl
   keeps that one's. */
enum libcurl_status libcurl_init(void);

/* After libcurl_init: another number in a child than in its parent. */
unsigned libcurl_process(void);

/* Whether SSLKEYLOGFILE names a FIFO: libcurl_init would open it, and wait until
   somebody reads from it. */
bool libcurl_would_wait(void);

/* curl_version_info, called once: 8.23 writes its result again at each call,
   while other threads may read it. */
const curl_version_info_data *libcurl_info(void);

/* -- the trust store -------------------------------------------------------- */

/* Trust stores: a bundle of certificates, or a directory of certificates whose
   names are hashes. OpenSSL 3.0 reads the whole bundle at every new connection,
   in 30 to 50 ms for Debian's, but opens only what it needs in the directory, in
   0.3 ms. So of the system's, the directory is preferred. */

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

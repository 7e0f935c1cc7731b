/* SPDX-License-Identifier: MIT */
/* libcurl in this process: its initialization and its version. */
#ifndef BALANCE_LIBCURL_H
#define BALANCE_LIBCURL_H

#include <curl/curl.h>
#include <stdbool.h>

#pragma GCC visibility push(hidden)

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

/* Whether SSLKEYLOGFILE names a FIFO: libcurl_init would open it, and wait until
   somebody reads from it. */
bool libcurl_would_wait(void);

/* curl_version_info, called once: 8.23 writes its result again at each call,
   while other threads may read it. */
const curl_version_info_data *libcurl_info(void);

#pragma GCC visibility pop

#endif

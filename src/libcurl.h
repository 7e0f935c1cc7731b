/* SPDX-License-Identifier: MIT */
/* The beginning of libcurl in this process. */
#ifndef BALANCE_LIBCURL_H
#define BALANCE_LIBCURL_H

#include <curl/curl.h>
#include <stdbool.h>

#pragma GCC visibility push(hidden)

enum libcurl_status {
  LIBCURL_READY,
  LIBCURL_UNFIT, /* too old, or without OpenSSL */
  LIBCURL_NO_MEMORY
};

/* Makes libcurl ready, once, and cleanse what it frees: its buffers hold
   requests, keys and all. Where the host made libcurl ready before us, its
   memory functions stay. */
enum libcurl_status libcurl_init(void);

/* Whether libcurl_init would open a FIFO: libcurl writes the session keys to
   what SSLKEYLOGFILE names, and there waits until somebody reads. */
bool libcurl_would_wait(void);

/* curl_version_info's, asked once: 8.23 writes its answer anew at each call,
   to where other threads are reading it. */
const curl_version_info_data *libcurl_info(void);

#pragma GCC visibility pop

#endif

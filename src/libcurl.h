/* SPDX-License-Identifier: MIT */
/* The beginning of libcurl in this process. */
#ifndef BALANCE_LIBCURL_H
#define BALANCE_LIBCURL_H

#include <curl/curl.h>
#include <stdbool.h>

#pragma GCC visibility push(hidden)

/* Makes libcurl ready, once, and cleanse what it frees: its buffers hold
   requests, keys and all. Where the host made libcurl ready before us, its
   memory functions stay. False where this libcurl will not do. */
bool libcurl_init(void);

/* Whether libcurl_init would open a FIFO: libcurl writes the session keys to
   what SSLKEYLOGFILE names, and there waits until somebody reads. */
bool libcurl_would_wait(void);

/* curl_version_info's, asked once: 8.23 writes its answer anew at each call,
   to where other threads are reading it. */
const curl_version_info_data *libcurl_info(void);

#pragma GCC visibility pop

#endif

/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L /* strdup */
#include "libcurl.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"

#ifdef __linux__
#include <malloc.h>
#endif

#if LIBCURL_VERSION_NUM < 0x075700
#error "balance needs libcurl 7.87 or newer (CURLOPT_QUICK_EXIT)"
#endif

enum { LIBCURL_NEEDED = 0x075700 };

#ifdef __linux__

/* These are plain malloc's blocks, without a header for their size: a program
   that gives one of libcurl's to free does no harm. */
static void cleanse_and_free(void *block)
{
  if (block)
    OPENSSL_cleanse(block, malloc_usable_size(block));
  free(block);
}

static void *cleanse_and_realloc(void *block, size_t size)
{
  size_t old_size = malloc_usable_size(block);
  if (block && size <= old_size)
    return block;
  void *larger = malloc(size);
  if (larger && block) {
    memcpy(larger, block, old_size);
    cleanse_and_free(block);
  }
  return larger;
}

static CURLcode init_memory(void)
{
  return curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, cleanse_and_free,
                              cleanse_and_realloc, strdup, calloc);
}

#else /* a block does not tell its size */

static CURLcode init_memory(void)
{
  return curl_global_init(CURL_GLOBAL_DEFAULT);
}

#endif

static bool is_usable;

static void init(void)
{
  const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
  is_usable = curl->version_num >= LIBCURL_NEEDED && curl->ssl_version &&
              strncmp(curl->ssl_version, "OpenSSL/", 8) == 0 &&
              init_memory() == CURLE_OK;
}

bool libcurl_init(void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  struct guard guard;
  guard_enter(&guard);
  pthread_once(&once, init);
  guard_leave(&guard);
  return is_usable;
}

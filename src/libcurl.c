/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* strdup, explicit_bzero */
#include "libcurl.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifdef __linux__
#include <malloc.h>
#endif

/* 7.87 brought CURLOPT_QUICK_EXIT. Since 7.88 OpenSSL sends through libcurl, with
   MSG_NOSIGNAL, so that no SIGPIPE ends a plain Lua. */
enum { MIN_VERSION = 0x075800 };

#if LIBCURL_VERSION_NUM < 0x075800
#error "balance needs libcurl 7.88 or newer"
#endif

#ifdef __linux__

/* The blocks are malloc's own, without a header for their size: a program may
   pass one to free. explicit_bzero, since in buffers of many kilobytes
   OPENSSL_cleanse takes five times as long. */
static void cleanse_and_free(void *block)
{
  if (block)
    explicit_bzero(block, malloc_usable_size(block));
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

#else /* there is no malloc_usable_size */

static CURLcode init_memory(void)
{
  return curl_global_init(CURL_GLOBAL_DEFAULT);
}

#endif

static const curl_version_info_data *info;

static void get_info(void)
{
  info = curl_version_info(CURLVERSION_NOW);
}

const curl_version_info_data *libcurl_info(void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, get_info);
  return info;
}

static bool is_fit(void)
{
  const curl_version_info_data *curl = libcurl_info();
  return curl->version_num >= MIN_VERSION && curl->ssl_version &&
         strncmp(curl->ssl_version, "OpenSSL/", 8) == 0;
}

bool libcurl_would_wait(void)
{
  const char *path = getenv("SSLKEYLOGFILE");
  struct stat status;
  return path && stat(path, &status) == 0 && S_ISFIFO(status.st_mode);
}

enum libcurl_status libcurl_init(void)
{
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static bool ready;
  if (!is_fit())
    return LIBCURL_UNFIT;
  pthread_mutex_lock(&lock);
  ready = ready || init_memory() == CURLE_OK;
  enum libcurl_status status = ready ? LIBCURL_READY : LIBCURL_NO_MEMORY;
  pthread_mutex_unlock(&lock);
  return status;
}

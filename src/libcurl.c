/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* strdup, explicit_bzero, fstatat, nanosleep */
#include "libcurl.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <malloc.h>
#endif

/* -- the monotonic clock ---------------------------------------------------- */

int64_t clock_ns(void)
{
  struct timespec now;
  /* It fails only where a system has no such clock. */
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_ms(void)
{
  return clock_ns() / 1000000;
}

void clock_sleep(int64_t ms)
{
  struct timespec pause = {.tv_sec = (time_t)(ms / 1000),
                           .tv_nsec = (long)(ms % 1000) * 1000000};
  nanosleep(&pause, NULL);
}

/* -- the beginning ---------------------------------------------------------- */

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

#ifdef __APPLE__ /* a fork would call what is not mapped any more */

static bool watch_forks(void)
{
  return true;
}

unsigned libcurl_process(void)
{
  return (unsigned)getpid();
}

#else /* getpid would be a system call in every step */

static atomic_uint forks; /* in this process and those above it */

static void on_fork(void)
{
  atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed);
}

static bool watch_forks(void)
{
  return pthread_atfork(NULL, NULL, on_fork) == 0;
}

unsigned libcurl_process(void)
{
  return atomic_load_explicit(&forks, memory_order_relaxed);
}

#endif

enum libcurl_status libcurl_init(void)
{
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static bool ready;
  if (!is_fit())
    return LIBCURL_UNFIT;
  pthread_mutex_lock(&lock);
  ready = ready || (watch_forks() && init_memory() == CURLE_OK);
  enum libcurl_status status = ready ? LIBCURL_READY : LIBCURL_NO_MEMORY;
  pthread_mutex_unlock(&lock);
  return status;
}

/* -- the trust store -------------------------------------------------------- */

/* Whether there is a certificate under the hash of its subject, the name that
   OpenSSL looks for, like "5ed36f99.0". */
static bool has_hashed_names(const char *path)
{
  DIR *directory = path ? opendir(path) : NULL;
  if (!directory)
    return false;
  bool found = false;
  const struct dirent *entry;
  while (!found && (entry = readdir(directory)))
    found = strlen(entry->d_name) == 10 &&
            strspn(entry->d_name, "0123456789abcdef") == 8 &&
            strcmp(entry->d_name + 8, ".0") == 0;
  closedir(directory);
  return found;
}

/* Whether opening that name cannot block: it is a regular file or missing. */
static bool is_file_at(int directory, const char *name)
{
  struct stat status;
  return fstatat(directory, name, &status, 0) != 0 || S_ISREG(status.st_mode);
}

static bool is_readable(const char *file)
{
  return file && access(file, R_OK) == 0 && is_file_at(AT_FDCWD, file);
}

struct trust trust_of_system(void)
{
  const curl_version_info_data *curl = libcurl_info();
  const char *paths[] = {curl->capath, X509_get_default_cert_dir()};
  const char *files[] = {curl->cainfo, X509_get_default_cert_file()};

  for (size_t i = 0; i < 2; i++)
    if (has_hashed_names(paths[i]))
      return (struct trust){.path = paths[i]};
  for (size_t i = 0; i < 2; i++)
    if (is_readable(files[i]))
      return (struct trust){.file = files[i]};
  return (struct trust){.file = curl->cainfo, .path = curl->capath};
}

/* -- a caller's --------------------------------------------------------------- */

/* Like "5ed36f99.0", or "5ed36f99.r0" for a revocation list. */
static bool is_hashed_name(const char *name)
{
  return strspn(name, "0123456789abcdef") == 8 && name[8] == '.';
}

static bool has_only_files(const char *path)
{
  DIR *directory = opendir(path);
  if (!directory)
    return true; /* OpenSSL cannot read it either */
  bool only = true;
  const struct dirent *entry;
  while (only && (entry = readdir(directory)))
    only = !is_hashed_name(entry->d_name) ||
           is_file_at(dirfd(directory), entry->d_name);
  closedir(directory);
  return only;
}

static bool is_fit_directory(const char *path, size_t len,
                             struct trust_seen *seen)
{
  char copy[4096];
  if (len >= sizeof(copy))
    return true; /* longer than PATH_MAX: it cannot be opened */
  memcpy(copy, path, len);
  copy[len] = '\0';
  struct stat status;
  if (stat(copy, &status) != 0)
    return true;
  struct trust_seen now = {status.st_dev, status.st_ino, status.st_mtime};
  if (now.device == seen->device && now.inode == seen->inode &&
      now.changed == seen->changed)
    return true;
  if (!has_only_files(copy))
    return false;
  *seen = now;
  return true;
}

bool trust_is_fit(const char *file, const char *path, struct trust_seen *seen)
{
  if (file && !is_file_at(AT_FDCWD, file))
    return false;
  while (path && *path) { /* a list, for OpenSSL */
    size_t len = strcspn(path, ":");
    if (!is_fit_directory(path, len, seen))
      return false;
    path += len + (path[len] == ':');
  }
  return true;
}

bool trust_is_good(const char *file)
{
  if (!is_readable(file))
    return false;
  X509_STORE *store = X509_STORE_new();
  bool good = !store || X509_STORE_load_file(store, file);
  X509_STORE_free(store);
  return good;
}

/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* dladdr */
#include "heaps.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <lua.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

const char *const heap_names[] = {"lua", "curl", "own", "openssl"};

struct refusal refusal;
long heap_blocks[HEAPS + 1];

static bool fails(enum heap heap)
{
  if (!refusal.is_on || heap != refusal.heap)
    return false;
  /* Lua since 5.2, when it is refused, collects garbage and asks again. */
  long tries = heap == HEAP_LUA && LUA_VERSION_NUM > 501 ? 2 : 1;
  long asked = ++refusal.asked;
  if (asked < refusal.first ||
      (refusal.is_once && asked >= refusal.first + tries))
    return false;
  errno = ENOMEM;
  return true;
}

static void *counted(enum heap heap, void *block)
{
  heap_blocks[heap] += block != NULL;
  return block;
}

/* -- our own C: the linker makes it call these ------------------------------ */

#define DECLARE(type, name, parameters)                                       \
  type __real_##name parameters;                                              \
  type __wrap_##name parameters;

#define TAKES(type, name, parameters, arguments)                              \
  DECLARE(type *, name, parameters)                                           \
  type *__wrap_##name parameters                                              \
  {                                                                           \
    return fails(HEAP_OWN) ? NULL                                             \
                           : counted(HEAP_OWN, __real_##name arguments);      \
  }

#define GIVES(name, parameters, block, arguments)                             \
  DECLARE(void, name, parameters)                                             \
  void __wrap_##name parameters                                               \
  {                                                                           \
    heap_blocks[HEAP_OWN] -= (block) != NULL;                                 \
    __real_##name arguments;                                                  \
  }

TAKES(void, malloc, (size_t size), (size))
TAKES(void, calloc, (size_t count, size_t size), (count, size))
GIVES(free, (void *block), block, (block))
TAKES(void, CRYPTO_malloc, (size_t size, const char *file, int line),
      (size, file, line))
TAKES(void, CRYPTO_zalloc, (size_t size, const char *file, int line),
      (size, file, line))
GIVES(CRYPTO_clear_free,
      (void *block, size_t size, const char *file, int line), block,
      (block, size, file, line))
TAKES(EVP_MD, EVP_MD_fetch,
      (OSSL_LIB_CTX * library, const char *name, const char *properties),
      (library, name, properties))
GIVES(EVP_MD_free, (EVP_MD * digest), digest, (digest))
TAKES(EVP_MD_CTX, EVP_MD_CTX_new, (void), ())
GIVES(EVP_MD_CTX_free, (EVP_MD_CTX * context), context, (context))
TAKES(EVP_MAC, EVP_MAC_fetch,
      (OSSL_LIB_CTX * library, const char *name, const char *properties),
      (library, name, properties))
GIVES(EVP_MAC_free, (EVP_MAC * mac), mac, (mac))
TAKES(EVP_MAC_CTX, EVP_MAC_CTX_new, (EVP_MAC * mac), (mac))
GIVES(EVP_MAC_CTX_free, (EVP_MAC_CTX * context), context, (context))

DECLARE(void *, realloc, (void *block, size_t size))
DECLARE(void *, CRYPTO_clear_realloc,
        (void *block, size_t old_size, size_t size, const char *file,
         int line))

void *__wrap_realloc(void *block, size_t size)
{
  if (fails(HEAP_OWN))
    return NULL;
  void *moved = __real_realloc(block, size);
  return block ? moved : counted(HEAP_OWN, moved);
}

void *__wrap_CRYPTO_clear_realloc(void *block, size_t old_size, size_t size,
                                  const char *file, int line)
{
  if (fails(HEAP_OWN))
    return NULL;
  void *moved = __real_CRYPTO_clear_realloc(block, old_size, size, file, line);
  return block ? moved : counted(HEAP_OWN, moved);
}

/* -- libcurl ---------------------------------------------------------------- */

/* Before each block. */
union head {
  enum heap heap;
  max_align_t align;
};

bool heap_is_nghttp2s(void)
{
  void *frames[6];
  int count = backtrace(frames, sizeof(frames) / sizeof(*frames));
  for (int i = 0; i < count; i++) {
    Dl_info where;
    if (dladdr(frames[i], &where) && strstr(where.dli_fname, "libnghttp2"))
      return true;
  }
  return false;
}

static void *behind(union head *head)
{
  if (!head)
    return NULL;
  head->heap = heap_is_nghttp2s() ? HEAP_NGHTTP2 : HEAP_CURL;
  return counted(head->heap, head + 1);
}

static void *curl_malloc(size_t size)
{
  if (fails(HEAP_CURL))
    return NULL;
  return behind(__real_malloc(sizeof(union head) + size));
}

static void *curl_calloc(size_t count, size_t size)
{
  if (fails(HEAP_CURL))
    return NULL;
  return behind(__real_calloc(1, sizeof(union head) + count * size));
}

static char *curl_strdup(const char *text)
{
  size_t size = strlen(text) + 1;
  char *copy = curl_malloc(size);
  return copy ? memcpy(copy, text, size) : NULL;
}

static void *curl_realloc(void *block, size_t size)
{
  if (!block)
    return curl_malloc(size);
  if (fails(HEAP_CURL))
    return NULL;
  union head *moved =
      __real_realloc((union head *)block - 1, sizeof(union head) + size);
  return moved ? moved + 1 : NULL;
}

static void give_curls(void *block)
{
  if (!block)
    return;
  union head *head = (union head *)block - 1;
  heap_blocks[head->heap]--;
  __real_free(head);
}

void heap_init_curl(void)
{
  curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_malloc, give_curls,
                       curl_realloc, curl_strdup, curl_calloc);
}

/* -- OpenSSL ---------------------------------------------------------------- */

static void *openssl_malloc(size_t size, const char *file, int line)
{
  (void)file;
  (void)line;
  return fails(HEAP_OPENSSL) ? NULL : __real_malloc(size);
}

static void *openssl_realloc(void *block, size_t size, const char *file,
                             int line)
{
  (void)file;
  (void)line;
  return fails(HEAP_OPENSSL) ? NULL : __real_realloc(block, size);
}

static void give_openssls(void *block, const char *file, int line)
{
  (void)file;
  (void)line;
  __real_free(block);
}

bool heap_take_openssl(void)
{
  return CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc,
                                  give_openssls);
}

/* -- Lua -------------------------------------------------------------------- */

void *heap_allocate_lua(void *unused, void *block, size_t old_size,
                        size_t size)
{
  (void)unused;
  if (size == 0) {
    heap_blocks[HEAP_LUA] -= block != NULL;
    __real_free(block);
    return NULL;
  }
  bool shrinks = block && size <= old_size; /* which must not fail */
  if (!shrinks && fails(HEAP_LUA))
    return NULL;
  void *moved = __real_realloc(block, size);
  return block ? moved : counted(HEAP_LUA, moved);
}

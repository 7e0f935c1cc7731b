/* SPDX-License-Identifier: MIT */
/* The four heaps of the allocation walker: each counts its blocks, and refuses
   the requests that it is told to. */
#ifndef BALANCE_SPEC_WALK_HEAPS_H
#define BALANCE_SPEC_WALK_HEAPS_H

#include <stdbool.h>
#include <stddef.h>

enum heap {
  HEAP_LUA,  /* what lua_newstate was given */
  HEAP_CURL, /* what curl_global_init_mem was given */
  HEAP_OWN,  /* what our C calls: malloc, OPENSSL_malloc, EVP_MD_fetch, ... */
  HEAP_OPENSSL, /* what CRYPTO_set_mem_functions was given */
  HEAPS,
  HEAP_NGHTTP2 = HEAPS /* counted only: the part of libcurl's */
};

extern const char *const heap_names[];

/* Which requests are refused. */
struct refusal {
  enum heap heap;
  bool is_on;
  bool is_once; /* one request; else all from the first on */
  long first;   /* from 1 */
  long asked;   /* requests so far */
};

extern struct refusal refusal;

/* How many blocks each heap has given out. */
extern long heap_blocks[HEAPS + 1];

void *heap_allocate_lua(void *unused, void *block, size_t old_size,
                        size_t size);

/* curl_global_init, with its heap. */
void heap_init_curl(void);

/* False: OpenSSL has allocated already. */
bool heap_take_openssl(void);

/* Whether libnghttp2 is among the callers. */
bool heap_is_nghttp2s(void);

#endif

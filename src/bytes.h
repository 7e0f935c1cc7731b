/* SPDX-License-Identifier: MIT */
/* Borrowed bytes: a pointer and a length, owned by whoever made them. They
   may hold any byte, so nothing here looks for a terminating zero. */
#ifndef BALANCE_BYTES_H
#define BALANCE_BYTES_H

#include <stddef.h>

struct bytes {
  const char *data;
  size_t len;
};

/* The bytes of a string literal. */
#define BYTES(literal) ((struct bytes){(literal), sizeof(literal) - 1})

/* One header field of a request. */
struct header {
  struct bytes name;
  struct bytes value;
};

#endif

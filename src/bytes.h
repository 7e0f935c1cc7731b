/* SPDX-License-Identifier: MIT */
/* Borrowed bytes: a pointer and a length. They may hold zeros, and need not end
   with one. */
#ifndef BALANCE_BYTES_H
#define BALANCE_BYTES_H

#include <stdbool.h>
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

/* Whether it may stand in a header: it has no control character but tabs. A
   line end in it would begin another header. */
static inline bool is_field_text(struct bytes text)
{
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.data[i];
    if ((c < ' ' && c != '\t') || c == 0x7f)
      return false;
  }
  return true;
}

#endif

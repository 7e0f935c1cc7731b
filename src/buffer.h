/* SPDX-License-Identifier: MIT */
/* A growing buffer with a maximum. It may hold secrets: when it grows, is reset
   or freed, it cleanses what it gives up. */
#ifndef BALANCE_BUFFER_H
#define BALANCE_BUFFER_H

#include <stddef.h>

#include "bytes.h"

#pragma GCC visibility push(hidden)

struct buffer {
  char *data; /* owned; NULL while nothing was appended */
  size_t len;
  size_t cap;
  size_t max;
};

enum buffer_status { BUFFER_OK, BUFFER_FULL, BUFFER_NO_MEMORY };

/* Makes an empty buffer that holds at most `max` bytes. Allocates nothing. */
void buffer_init(struct buffer *buffer, size_t max);

/* Appends the pieces, one after another, or changes nothing and fails. */
enum buffer_status buffer_append(struct buffer *buffer,
                                 const struct bytes *pieces, size_t count);

/* Cleanses the content, and keeps the memory. */
void buffer_reset(struct buffer *buffer);

/* Cleanses and frees; the buffer is empty and may be used again. */
void buffer_free(struct buffer *buffer);

/* The same, with the pieces as arguments. */
#define BUFFER_APPEND(buffer, ...)                                            \
  buffer_append((buffer), (const struct bytes[]){__VA_ARGS__},                \
                sizeof((const struct bytes[]){__VA_ARGS__}) /                 \
                    sizeof(struct bytes))

static inline struct bytes buffer_bytes(const struct buffer *buffer)
{
  return (struct bytes){buffer->data, buffer->len};
}

#pragma GCC visibility pop

#endif

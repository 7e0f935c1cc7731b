/* SPDX-License-Identifier: MIT */
#include "buffer.h"

#include <openssl/crypto.h>
#include <string.h>

enum { MIN_CAP = 256 };

void buffer_init(struct buffer *buffer, size_t max)
{
  *buffer = (struct buffer){.max = max};
}

static enum buffer_status grow(struct buffer *buffer, size_t need)
{
  size_t cap = buffer->cap ? buffer->cap : MIN_CAP;
  while (cap < need)
    cap *= 2; /* `need` is at most `max`, far from overflow */
  if (cap > buffer->max)
    cap = buffer->max;

  char *data = OPENSSL_clear_realloc(buffer->data, buffer->cap, cap);
  if (!data)
    return BUFFER_NO_MEMORY;
  buffer->data = data;
  buffer->cap = cap;
  return BUFFER_OK;
}

enum buffer_status buffer_append(struct buffer *buffer,
                                 const struct bytes *pieces, size_t count)
{
  size_t len = buffer->len;
  for (size_t i = 0; i < count; i++) {
    if (pieces[i].len > buffer->max - len)
      return BUFFER_FULL;
    len += pieces[i].len;
  }
  if (len > buffer->cap) {
    enum buffer_status status = grow(buffer, len);
    if (status != BUFFER_OK)
      return status;
  }
  if (len == buffer->len) /* the data may be NULL then */
    return BUFFER_OK;
  char *at = buffer->data + buffer->len;
  for (size_t i = 0; i < count; i++)
    if (pieces[i].len) { /* else the data may be NULL */
      memcpy(at, pieces[i].data, pieces[i].len);
      at += pieces[i].len;
    }
  buffer->len = len;
  return BUFFER_OK;
}

void buffer_reset(struct buffer *buffer)
{
  if (buffer->len)
    OPENSSL_cleanse(buffer->data, buffer->len);
  buffer->len = 0;
}

void buffer_free(struct buffer *buffer)
{
  OPENSSL_clear_free(buffer->data, buffer->len);
  buffer_init(buffer, buffer->max);
}

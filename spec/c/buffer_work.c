/* SPDX-License-Identifier: MIT */
/* Checks a buffer. */
#include "buffer.h"

#include <stdint.h>
#include <string.h>

#include "check.h"

enum { MAX = 1000 };

static bool holds(const struct buffer *buffer, const char *text)
{
  return buffer->len == strlen(text) &&
         (!buffer->len || memcmp(buffer->data, text, buffer->len) == 0);
}

int main(void)
{
  struct buffer buffer;
  struct bytes none = {NULL, 0}, more = BYTES("+"), endless = {"", SIZE_MAX};
  buffer_init(&buffer, MAX);

  check(BUFFER_APPEND(&buffer, none, none) == BUFFER_OK && !buffer.data,
        "empty pieces need no memory");
  check(BUFFER_APPEND(&buffer, none, BYTES("a"), none, BYTES("bc")) ==
                BUFFER_OK &&
            holds(&buffer, "abc"),
        "pieces stand one after another");
  check(BUFFER_APPEND(&buffer, more, endless) == BUFFER_FULL &&
            BUFFER_APPEND(&buffer, endless, endless, more) == BUFFER_FULL &&
            holds(&buffer, "abc"),
        "pieces that do not fit change nothing");

  char filler[MAX] = {0};
  struct bytes rest = {filler, MAX - 3};
  check(BUFFER_APPEND(&buffer, rest, more) == BUFFER_FULL &&
            holds(&buffer, "abc"),
        "nor does one that fits before one that does not");
  check(BUFFER_APPEND(&buffer, rest) == BUFFER_OK && buffer.len == MAX,
        "it can be filled to its last byte");
  check(BUFFER_APPEND(&buffer, none) == BUFFER_OK &&
            BUFFER_APPEND(&buffer, more) == BUFFER_FULL,
        "and not beyond");

  buffer_reset(&buffer);
  check(buffer.len == 0 && buffer.data && buffer.data[0] == '\0',
        "a reset cleanses");
  buffer_free(&buffer);
  return 0;
}

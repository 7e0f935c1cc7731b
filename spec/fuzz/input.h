/* SPDX-License-Identifier: MIT */
/* What a fuzzer's bytes say. Numbers are taken from the end and text from the
   front, so that a seed is text that can be read and written by hand, and
   its last few bytes say what to do with it. An input that is used up gives
   zeros and empty texts. */
#ifndef BALANCE_FUZZ_INPUT_H
#define BALANCE_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"

struct input {
  const uint8_t *data;
  size_t len;
};

/* 0 to 255. */
static inline unsigned take_byte(struct input *input)
{
  return input->len ? input->data[--input->len] : 0;
}

/* 0 to 65535. */
static inline unsigned take_short(struct input *input)
{
  unsigned high = take_byte(input);
  return high << 8 | take_byte(input);
}

/* So many bytes, or what is left. */
static inline struct bytes take_text(struct input *input, size_t len)
{
  if (len > input->len)
    len = input->len;
  struct bytes text = {(const char *)input->data, len};
  input->data += len;
  input->len -= len;
  return text;
}

/* Text up to a bar, which is taken too, or all that is left. */
static inline struct bytes take_field(struct input *input)
{
  size_t len = 0;
  while (len < input->len && input->data[len] != '|')
    len++;
  struct bytes text = take_text(input, len);
  take_text(input, 1);
  return text;
}

static inline void broken(const char *file, int line, const char *promise)
{
  fprintf(stderr, "%s:%d: broken: %s\n", file, line, promise);
  abort();
}

/* What a target promises. */
#define PROMISE(condition)                                                    \
  do {                                                                        \
    if (!(condition))                                                         \
      broken(__FILE__, __LINE__, #condition);                                 \
  } while (0)

#endif

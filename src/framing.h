/* SPDX-License-Identifier: MIT */
/* What the headers of an answer say about its body, in so far as libcurl is
   too trusting. It unpacks a Transfer-Encoding that nobody asked for: six
   kilobytes of gzip within gzip within gzip become gigabytes, and it neither
   looks at a clock nor hands out a byte before it is through. Of several
   lengths it takes the last one. */
#ifndef BALANCE_FRAMING_H
#define BALANCE_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

/* Of one answer; begins as zeros. */
struct framing {
  bool has_length;
  unsigned long long length;
};

/* Reads one line of the headers. Returns what is wrong with it for a person,
   NULL where nothing is. */
const char *framing_read(struct framing *framing, const char *line,
                         size_t len);

#pragma GCC visibility pop

#endif

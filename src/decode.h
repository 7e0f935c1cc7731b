/* SPDX-License-Identifier: MIT */
/* Takes back what services do to a text before they repeat it: escapes of URLs
   (%2F), of JSON (\/ and \u002f) and of XML (&#47; and &amp;). */
#ifndef BALANCE_DECODE_H
#define BALANCE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

#pragma GCC visibility push(hidden)

/* How many bytes are decoded at once, and how many one character may take. */
enum { DECODE_WINDOW = 4096, DECODE_MAX_ESCAPE = 12 };

/* May hold secrets: to be cleansed. */
struct decoded {
  char bytes[DECODE_WINDOW];
  uint16_t from[DECODE_WINDOW + 1]; /* where each byte, and the end, was */
  size_t len;
};

/* Decodes at most DECODE_WINDOW bytes. `plus`: a plus is a space, as in forms.
   Returns whether anything was escaped. */
bool decode(struct bytes text, bool plus, struct decoded *out);

#pragma GCC visibility pop

#endif

/* SPDX-License-Identifier: MIT */
/* A stranger's text made fit for a log: no secret in it and no piece of one,
   no control character, valid UTF-8, and of bounded length. */
#ifndef BALANCE_TEXT_H
#define BALANCE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "bytes.h"

#pragma GCC visibility push(hidden)

enum {
  TEXT_WINDOW = 4096, /* bytes of a text that are looked at */
  TEXT_LONGEST = 300, /* bytes of it that come out, and then three dots */
  TEXT_OUT = TEXT_LONGEST + 3
};

/* The beginning of a text, and which of its bytes are not to be shown. A copy
   with secrets in it: text_close cleanses it. */
struct text {
  unsigned char bytes[TEXT_WINDOW];
  bool hidden[TEXT_WINDOW];
  size_t len;
  bool cut; /* there was more of it */
};

/* Whether it is well-formed UTF-8. */
bool text_is_utf8(struct bytes text);

/* Whether a secret is in it, or a piece that says enough: eight bytes from
   wherever. Upper and lower case are the same. */
bool text_has_secret(struct bytes text, struct bytes secret);

/* Copies the beginning of a text. */
void text_open(struct text *text, struct bytes from);

/* Hides the pieces of a secret, in whatever case. */
void text_hide(struct text *text, struct bytes secret);

/* Hides what looks like a signature, and makes it UTF-8 that has no control
   character. A secret may have come together by that, or been changed: hide
   them before and after. */
void text_tidy(struct text *text);

/* Writes it without the space around it, with asterisks for what is hidden,
   and returns how many bytes these are. */
size_t text_close(struct text *text, char out[TEXT_OUT]);

#pragma GCC visibility pop

#endif

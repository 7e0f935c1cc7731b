/* SPDX-License-Identifier: MIT */
/* Makes a foreign text fit for a log: no secret in it and no piece of one, no
   control character, valid UTF-8, of bounded length. */
#ifndef BALANCE_TEXT_H
#define BALANCE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "bytes.h"

#pragma GCC visibility push(hidden)

enum {
  TEXT_MIN_SECRET = 4, /* bytes; less is no secret, but a part of any text */
  TEXT_WINDOW = 4096,  /* bytes that are read */
  TEXT_MAX = 300,      /* bytes that are shown, and then three dots */
  TEXT_OUT = TEXT_MAX + 3
};

/* A copy of the beginning of a text, and which of its bytes are hidden. There
   may be secrets in it: text_close cleanses it. */
struct text {
  unsigned char bytes[TEXT_WINDOW];
  bool hidden[TEXT_WINDOW];
  size_t len;
  bool cut; /* the text is longer */
};

/* Whether it is well-formed UTF-8. */
bool text_is_utf8(struct bytes text);

/* Whether a secret, or eight successive bytes of one, are in the text, as they
   are or escaped (see decode.h). The case of letters does not matter. */
bool text_has_secret(struct bytes text, struct bytes secret);

/* Copies the beginning of a text. */
void text_open(struct text *text, struct bytes from);

/* Hides the secret, and each eight successive bytes of it, the same way. */
void text_hide(struct text *text, struct bytes secret);

/* Hides what looks like a signature, and makes the text UTF-8 without control
   characters. That changes the text, so that secrets are to be hidden before
   and after it. */
void text_tidy(struct text *text);

/* Writes the text without the space around it, and with three asterisks for
   each row of hidden bytes. Returns its length. */
size_t text_close(struct text *text, char out[TEXT_OUT]);

#pragma GCC visibility pop

#endif

/* SPDX-License-Identifier: MIT */
/* What the head of an answer says, in so far as libcurl is too trusting, or
   does not always take it the same way. It takes "HTTP/2 20 OK" for a status.
   It unpacks a Transfer-Encoding that nobody asked for: six kilobytes of gzip
   within gzip within gzip become gigabytes, and it neither looks at a clock
   nor hands out a byte before it is through. Of several lengths it takes the
   last one. */
#ifndef BALANCE_FRAMING_H
#define BALANCE_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

/* Of one answer; all but `http2` begins as zeros. */
struct framing {
  bool http2; /* libcurl makes such an answer's lines itself */
  int status; /* 0 while there is none */
  bool ended; /* the empty line came */
  bool has_length;
  unsigned long long length;
  bool chunked;
  bool has_field;  /* a line came that another one may go on with */
  bool in_framing; /* and it says where the body ends */
};

/* What is wrong with an answer that libcurl may refuse before us. */
extern const char framing_coded[];

/* Reads one line of the head, or of what follows a chunked body. Returns what
   is wrong with it for a person, NULL where nothing is. */
const char *framing_read(struct framing *framing, const char *line,
                         size_t len);

/* Whether the answer says where it ends. One that does not ends with its
   connection. */
bool framing_has_end(const struct framing *framing);

#pragma GCC visibility pop

#endif

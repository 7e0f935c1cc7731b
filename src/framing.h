/* SPDX-License-Identifier: MIT */
/* Checks the head of an answer where libcurl accepts too much, or not the same
   in every version. It takes "HTTP/2 20 OK" for a status. It unpacks a
   Transfer-Encoding that was not asked for: six kilobytes of gzip within gzip
   within gzip become gigabytes, and until it is through it neither looks at a
   clock nor hands out a byte. Of several lengths it takes the last one. */
#ifndef BALANCE_FRAMING_H
#define BALANCE_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

/* Of one answer. Begins as zeros, but for `http2`. */
struct framing {
  bool http2; /* libcurl makes the lines of such an answer itself */
  int status; /* 0 while there is none */
  bool ended; /* the empty line came */
  bool has_length;
  unsigned long long length;
  bool chunked;
  bool has_field;  /* a line that begins with a space goes on with a field */
  bool in_framing; /* which says where the body ends */
};

/* One of the problems, which libcurl may find before us. */
extern const char framing_coded[];

/* Reads one line of the head, or of the trailer after a chunked body. Returns
   the problem in one sentence, NULL: there is none. */
const char *framing_read(struct framing *framing, const char *line,
                         size_t len);

/* Whether the head is whole, and not that of a 1xx, which only announces the
   answer. */
bool framing_has_head(const struct framing *framing);

/* Whether the answer says where it ends. If not, it ends with its
   connection. */
bool framing_has_end(const struct framing *framing);

#pragma GCC visibility pop

#endif

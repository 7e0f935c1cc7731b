/* SPDX-License-Identifier: MIT */
/* What the head of an answer says about its body, in so far as libcurl is too
   trusting. It takes "HTTP/2 20 OK" for a status. It unpacks a
   Transfer-Encoding that nobody asked for: six kilobytes of gzip within gzip
   within gzip become gigabytes, and it neither looks at a clock nor hands out
   a byte before it is through. Of several lengths it takes the last one. */
#ifndef BALANCE_FRAMING_H
#define BALANCE_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

/* Of one answer; all but `http2` begins as zeros. */
struct framing {
  bool http2; /* libcurl makes such an answer's lines itself */
  bool has_length;
  bool chunked;
  unsigned long long length;
};

/* What is wrong with an answer, for a person. */
extern const char framing_no_status[];
extern const char framing_coded[];

/* Whether an answer begins with this line: its status. */
bool framing_begins(const char *line, size_t len);

/* Reads one line of the head. Returns what is wrong with it for a person, NULL
   where nothing is. */
const char *framing_read(struct framing *framing, const char *line,
                         size_t len);

/* Whether the answer says where it ends. One that does not ends with its
   connection. */
bool framing_has_end(const struct framing *framing, long status);

#pragma GCC visibility pop

#endif

/* SPDX-License-Identifier: MIT */
/* An endpoint: the scheme, host and port that requests go to. */
#ifndef BALANCE_ENDPOINT_H
#define BALANCE_ENDPOINT_H

#include <stdbool.h>

#include "bytes.h"

#pragma GCC visibility push(hidden)

enum { ENDPOINT_MAX = 300 };

struct endpoint {
  bool tls;
  bool metadata;             /* of Tencent's machines, without TLS */
  char origin[ENDPOINT_MAX]; /* "https://example.com:8443" */
  char host[ENDPOINT_MAX];   /* "example.com:8443": the Host header */
};

/* What is wrong with one that nothing protects. */
extern const char endpoint_in_clear[];

/* What was wrong with none: there was no memory. */
extern const char endpoint_no_memory[];

/* Reads "scheme://host[:port]". Takes https, and http for a loopback address
   or Tencent's metadata service. Returns NULL, or a sentence on what is wrong
   with it that does not repeat it (there may be a password inside). */
const char *endpoint_parse(struct bytes text, struct endpoint *out);

#pragma GCC visibility pop

#endif

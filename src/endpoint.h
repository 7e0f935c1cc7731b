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
  bool in_clear;             /* without TLS, to another host than this */
  char origin[ENDPOINT_MAX]; /* "https://example.com:8443" */
  char host[ENDPOINT_MAX];   /* "example.com:8443": the Host header */
};

enum endpoint_status {
  ENDPOINT_OK,
  ENDPOINT_NO_MEMORY,
  ENDPOINT_TOO_LONG,
  ENDPOINT_NO_URL,
  ENDPOINT_NO_HTTPS,
  ENDPOINT_NO_HOST,
  ENDPOINT_HAS_PATH,
  ENDPOINT_HAS_MORE, /* user, password, query, fragment, ... */
  ENDPOINT_IN_CLEAR
};

/* Reads "scheme://host[:port]": https; and http for a loopback address, or for
   `clear_host`, unless that is NULL, at its usual port. */
enum endpoint_status endpoint_parse(struct bytes text, const char *clear_host,
                                    struct endpoint *out);

/* What is wrong, in words. The endpoint is not repeated: there may be a
   password in it. */
const char *endpoint_message(enum endpoint_status status);

#pragma GCC visibility pop

#endif

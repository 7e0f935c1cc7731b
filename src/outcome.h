/* SPDX-License-Identifier: MIT */
/* What became of a transfer. libcurl's codes mislead in places (headers that
   a close cut off are CURLE_OK, a header line that is too long is "out of
   memory"), and differ from version to version, so its code is read together
   with what we saw ourselves. */
#ifndef BALANCE_OUTCOME_H
#define BALANCE_OUTCOME_H

#include <curl/curl.h>
#include <stdbool.h>

#include "session.h"

#pragma GCC visibility push(hidden)

enum outcome {
  OUTCOME_ANSWER, /* a whole answer, whatever its status */
  OUTCOME_CONFIG,
  OUTCOME_DNS,
  OUTCOME_CONNECT,
  OUTCOME_TLS,
  OUTCOME_TIMEOUT,
  OUTCOME_NETWORK,
  OUTCOME_TOO_LARGE,
  OUTCOME_CLOSED,
  OUTCOME_RESOURCE /* this system has something no more */
};

struct evidence {
  CURLcode code;
  const char *text;  /* libcurl's error text, may be empty */
  long proxy_status; /* the proxy's answer to CONNECT, 0 if there was none */
  int lack;          /* errno of what this system has no more; 0: nothing */
  bool late;         /* our own deadline passed */
  bool long_headers; /* our own limits were passed */
  bool long_body;
  bool asked;          /* the request was sent: a CONNECT is none */
  bool http2;          /* over HTTP/2 */
  bool first_byte;     /* something of an answer came */
  bool headers_ended;  /* the head is whole, and not of a 1xx */
  bool has_end;        /* the head says where the body ends */
  const char *problem; /* found by ourselves in what came; NULL: none */
  bool unfit;          /* our look at a connection found it unfit */
  const struct session *session; /* NULL without TLS */
};

enum outcome outcome_of(const struct evidence *seen);

/* "dns", "connect", ...: the kinds of failures, by their public names. NULL
   for an answer. */
const char *outcome_kind(enum outcome outcome);

/* One sentence for a person. Lives as long as `seen`. */
const char *outcome_message(enum outcome outcome, const struct evidence *seen);

/* What to do about it, in one sentence; NULL where nothing is known. */
const char *outcome_hint(enum outcome outcome, const struct evidence *seen);

#pragma GCC visibility pop

#endif

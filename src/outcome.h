/* SPDX-License-Identifier: MIT */
/* The outcome of a transfer, from the facts. libcurl's code alone misleads in
   places (headers that a close cut off are CURLE_OK, a header line that is too
   long is "out of memory"), and differs from version to version. */
#ifndef BALANCE_OUTCOME_H
#define BALANCE_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

#include "framing.h"

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
  OUTCOME_RESOURCE /* the system has run out of something */
};

struct session;

enum { MAX_CURL_TEXT = 256 }; /* with its zero */

/* All that is known of a transfer, or of its second attempt where there is
   one. */
struct facts {
  int code;                 /* libcurl's */
  char text[MAX_CURL_TEXT]; /* libcurl's too; may be empty */
  int lack;                 /* errno of what the system has run out of, or 0 */
  bool late;                /* the time limit passed */
  bool unusable;            /* the connection that libcurl chose was */
  bool request_sent;        /* a CONNECT is none */
  size_t rounds;            /* of libcurl's loops until it was sent */
  long proxy_status;        /* of the answer to CONNECT; 0: there was none */
  bool first_byte;          /* of an answer, a proxy's included */
  size_t header_bytes;
  bool long_headers; /* our limit was passed */
  bool long_body;    /* the same */
  struct framing framing;
  const char *problem;     /* in the answer's head, as framing.h has it */
  struct session *session; /* of the newest TLS connection; owned, or NULL */
};

enum outcome outcome_of(const struct facts *facts);

/* "dns", "connect", ...: the kinds of failures, by their public names. NULL
   for an answer. */
const char *outcome_kind(enum outcome outcome);

/* One sentence for a person, which may stand in the facts. */
const char *outcome_message(enum outcome outcome, const struct facts *facts);

/* What to do about it, in one sentence; NULL where nothing is known. */
const char *outcome_hint(enum outcome outcome, const struct facts *facts);

#pragma GCC visibility pop

#endif

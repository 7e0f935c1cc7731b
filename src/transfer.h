/* SPDX-License-Identifier: MIT */
/* One transfer, as its owner sees it; transport.h starts, moves and frees
   it. */
#ifndef BALANCE_TRANSFER_H
#define BALANCE_TRANSFER_H

#include <stdbool.h>

#include "bytes.h"
#include "outcome.h"

#pragma GCC visibility push(hidden)

struct transfer;

/* Times in seconds from the start, 0 for what did not happen. */
struct transfer_timing {
  double dns, connect, tls, first_byte, total;
};

struct transfer_result {
  enum outcome outcome;
  int code;            /* libcurl's */
  const char *message; /* NULL for an answer */
  const char *hint;    /* NULL where nothing is known */
  long status;
  int http_version; /* 10, 11, 20; 0 without an answer */
  bool reused;      /* went over a kept connection */
  struct bytes body;
  struct transfer_timing timing;
};

/* From 1, never the same twice within a process. */
unsigned long transfer_id(const struct transfer *transfer);

bool transfer_is_done(const struct transfer *transfer);

/* Whether it is under way on a kept connection that has been silent for too
   long, if it is watched, and transfer_take_note was not called since. */
bool transfer_is_stalled(const struct transfer *transfer);

/* Of a transfer that is done. What it points to lasts until transfer_free. */
struct transfer_result transfer_result(const struct transfer *transfer);

/* A header of the answer, the last of that name; NULL: there is none. Lasts as
   long as the result. */
const char *transfer_header(const struct transfer *transfer, const char *name);

#pragma GCC visibility pop

#endif

/* SPDX-License-Identifier: MIT */
/* A request as libcurl reads it, in memory of ours: keys are in it. */
#ifndef BALANCE_REQUEST_H
#define BALANCE_REQUEST_H

#include "buffer.h"
#include "transport.h"

#pragma GCC visibility push(hidden)

struct request {
  struct buffer head; /* a curl_slist, and the headers it points to */
  struct buffer url;
  struct buffer body;
  struct buffer ca_file; /* with its zero; empty where there is none */
};

/* Copies it. What a failure leaves behind request_free takes too. */
enum transport_status request_copy(struct request *request,
                                   const struct transport_request *from);

/* Cleanses and frees the headers, which are of no use after the answer. */
void request_forget(struct request *request);

/* Cleanses and frees all of it. */
void request_free(struct request *request);

#pragma GCC visibility pop

#endif

/* SPDX-License-Identifier: MIT */
/* A request as libcurl reads it, in memory of ours: keys are in it. */
#ifndef BALANCE_REQUEST_H
#define BALANCE_REQUEST_H

#include "buffer.h"
#include "transport.h"

#pragma GCC visibility push(hidden)

struct curl_slist;

struct request {
  struct curl_slist *headers; /* one block with the texts behind; owned */
  size_t headers_size;
  struct buffer url; /* with its zero, as ca_file */
  struct buffer body;
  struct buffer ca_file; /* empty where there is none */
};

/* Copies it. After a failure too, request_free must be called. */
enum transport_status request_copy(struct request *request,
                                   const struct transport_request *from);

/* Cleanses and frees the headers, which are not needed after the answer. */
void request_forget(struct request *request);

/* Cleanses and frees all of it. */
void request_free(struct request *request);

#pragma GCC visibility pop

#endif

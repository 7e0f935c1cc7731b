/* SPDX-License-Identifier: MIT */
/* The easy handle of a transfer: its options, and the callbacks that note in
   the transfer what they are told. */
#ifndef BALANCE_EASY_H
#define BALANCE_EASY_H

#include <curl/curl.h>

#pragma GCC visibility push(hidden)

struct transfer;
struct transport_request;

/* A handle that sends the transfer's request the way `from` says. NULL: no
   memory. */
CURL *easy_new(struct transfer *transfer,
               const struct transport_request *from);

#pragma GCC visibility pop

#endif

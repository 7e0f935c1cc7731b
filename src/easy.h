/* SPDX-License-Identifier: MIT */
/* The easy handle of a transfer: its options and its callbacks. */
#ifndef BALANCE_EASY_H
#define BALANCE_EASY_H

#include <curl/curl.h>

#include "transport.h"

#pragma GCC visibility push(hidden)

struct transfer;

/* A handle that sends the transfer's request the way `from` says. NULL: no
   memory. */
CURL *easy_new(struct transfer *transfer,
               const struct transport_request *from);

long easy_number(CURL *easy, CURLINFO info);
double easy_seconds(CURL *easy, CURLINFO info);

#pragma GCC visibility pop

#endif

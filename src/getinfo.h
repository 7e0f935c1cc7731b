/* SPDX-License-Identifier: MIT */
/* What curl_easy_getinfo says of an easy handle, as a value; 0 or NULL where
   it says nothing, as of a handle that is NULL. */
#ifndef BALANCE_GETINFO_H
#define BALANCE_GETINFO_H

#include <curl/curl.h>
#include <openssl/ssl.h>

#pragma GCC visibility push(hidden)

long getinfo_number(CURL *easy, CURLINFO info);
double getinfo_seconds(CURL *easy, CURLINFO info);

/* The TLS connection that it is on. */
SSL *getinfo_tls(CURL *easy);

#pragma GCC visibility pop

#endif

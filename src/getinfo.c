/* SPDX-License-Identifier: MIT */
#include "getinfo.h"

long getinfo_number(CURL *easy, CURLINFO info)
{
  long value = 0;
  if (easy)
    curl_easy_getinfo(easy, info, &value);
  return value;
}

double getinfo_seconds(CURL *easy, CURLINFO info)
{
  curl_off_t us = 0;
  if (easy)
    curl_easy_getinfo(easy, info, &us);
  return (double)us / 1e6;
}

SSL *getinfo_tls(CURL *easy)
{
  const struct curl_tlssessioninfo *session = NULL;
  if (!easy || curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &session) ||
      !session || session->backend != CURLSSLBACKEND_OPENSSL)
    return NULL;
  return session->internals;
}

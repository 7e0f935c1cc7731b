/* SPDX-License-Identifier: MIT */
#include "outcome.h"

#include <string.h>

enum { CODE_TOO_LARGE = 100 }; /* CURLE_TOO_LARGE, since libcurl 8.6 */

static bool says(const struct evidence *seen, const char *words)
{
  return strstr(seen->text, words) != NULL;
}

/* A handshake that the other side's reset cut short is CURLE_SSL_CONNECT_ERROR
   like one that failed for its certificate. */
static bool was_cut_off(const struct evidence *seen)
{
  return says(seen, "SSL_ERROR_SYSCALL") || says(seen, "Connection reset");
}

static bool headers_too_long(const struct evidence *seen)
{
  if (seen->long_headers || (int)seen->code == CODE_TOO_LARGE)
    return true;
  return seen->code == CURLE_OUT_OF_MEMORY && seen->first_byte &&
         !seen->headers_ended; /* a single line of more than 100 KiB */
}

/* libcurl repeats a proxy that it cannot read, password and all. */
static bool is_bad_proxy(const struct evidence *seen)
{
  return strncmp(seen->text, "Unsupported proxy", 17) == 0;
}

/* libcurl takes "HTTP/2 20" for a status, too. */
static bool has_status(const struct evidence *seen)
{
  return seen->status >= 100 && seen->status <= 999;
}

enum outcome outcome_of(const struct evidence *seen)
{
  if (seen->late)
    return OUTCOME_TIMEOUT;
  if (seen->long_body || headers_too_long(seen))
    return OUTCOME_TOO_LARGE;
  if (seen->problem)
    return OUTCOME_NETWORK;
  if (is_bad_proxy(seen))
    return OUTCOME_CONFIG;
  if (seen->proxy_status && seen->proxy_status / 100 != 2)
    return OUTCOME_CONNECT;

  switch (seen->code) {
  case CURLE_OK:
    return seen->headers_ended && has_status(seen) ? OUTCOME_ANSWER
                                                   : OUTCOME_NETWORK;
  case CURLE_URL_MALFORMAT:
  case CURLE_SSL_CACERT_BADFILE:
    return OUTCOME_CONFIG;
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
    return OUTCOME_DNS;
  case CURLE_COULDNT_CONNECT:
  case CURLE_PROXY:
    return OUTCOME_CONNECT;
  case CURLE_OPERATION_TIMEDOUT:
    return OUTCOME_TIMEOUT;
  case CURLE_SSL_CONNECT_ERROR:
    return was_cut_off(seen) ? OUTCOME_NETWORK : OUTCOME_TLS;
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_CLIENTCERT:
  case CURLE_SSL_INVALIDCERTSTATUS:
    return OUTCOME_TLS;
  case CURLE_RECV_ERROR: /* under TLS 1.3 the server's no comes this late */
    return says(seen, "SSL routines") && says(seen, " alert ")
               ? OUTCOME_TLS
               : OUTCOME_NETWORK;
  default:
    return OUTCOME_NETWORK;
  }
}

const char *outcome_kind(enum outcome outcome)
{
  switch (outcome) {
  case OUTCOME_ANSWER:
    break;
  case OUTCOME_CONFIG:
    return "config";
  case OUTCOME_DNS:
    return "dns";
  case OUTCOME_CONNECT:
    return "connect";
  case OUTCOME_TLS:
    return "tls";
  case OUTCOME_TIMEOUT:
    return "timeout";
  case OUTCOME_NETWORK:
    return "network";
  case OUTCOME_TOO_LARGE:
    return "too_large";
  case OUTCOME_CLOSED:
    return "closed";
  }
  return NULL;
}

/* Where libcurl's are the names of functions. NULL: its own will do. */
static const char *plain_words(const struct evidence *seen)
{
  if (seen->code == CURLE_SSL_CONNECT_ERROR && was_cut_off(seen))
    return "the connection was closed during the TLS handshake";
  if (seen->code == CURLE_SEND_ERROR && says(seen, "SSL routines"))
    return "the connection broke while something was sent";
  if (says(seen, "nghttp2_"))
    return "the answer is not well-formed HTTP/2";
  if (says(seen, "CONNECT tunnel failed, response 0"))
    return "the proxy's answer is not HTTP";
  return NULL;
}

const char *outcome_message(enum outcome outcome, const struct evidence *seen)
{
  if (outcome == OUTCOME_CLOSED)
    return "the call was cancelled";
  if (seen->late)
    return "no complete answer within the time limit";
  if (outcome == OUTCOME_TOO_LARGE)
    return seen->long_body ? "the answer's body is longer than 1 MiB"
                           : "the answer's headers are too long";
  if (seen->problem)
    return seen->problem;
  if (is_bad_proxy(seen))
    return "the proxy is not a URL that libcurl can use";
  if (seen->unfit)
    return "no connection was fit for a request";
  if (outcome == OUTCOME_NETWORK && seen->code == CURLE_OK)
    return seen->headers_ended
               ? "the answer has no HTTP status"
               : "the connection was closed before the answer was complete";
  const char *plain = plain_words(seen);
  if (plain)
    return plain;
  return seen->text[0] ? seen->text : curl_easy_strerror(seen->code);
}

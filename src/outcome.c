/* SPDX-License-Identifier: MIT */
#include "outcome.h"

#include <openssl/x509_vfy.h>
#include <string.h>

#include "framing.h"
#include "libcurl.h"
#include "scarcity.h"

/* CURLE_TOO_LARGE, since libcurl 8.6. */
enum { CODE_TOO_LARGE = 100, HAS_TOO_LARGE = 0x080600 };

static bool says(const struct evidence *seen, const char *words)
{
  return strstr(seen->text, words) != NULL;
}

/* A handshake that the end of the connection cut short is
   CURLE_SSL_CONNECT_ERROR like one that failed for its certificate. */
static bool was_cut_off(const struct evidence *seen)
{
  return seen->code == CURLE_SSL_CONNECT_ERROR && seen->session &&
         session_was_cut_off(seen->session);
}

/* Without close_notify anybody may have ended the connection. */
static bool is_truncated(const struct evidence *seen)
{
  return seen->session && !seen->http2 && !seen->has_end &&
         !seen->session->goodbye;
}

static bool headers_too_long(const struct evidence *seen)
{
  /* A single line of more than 100 KiB is the one code or, before there was
     that, the other. */
  bool long_line = (int)seen->code == CODE_TOO_LARGE ||
                   (seen->code == CURLE_OUT_OF_MEMORY && seen->first_byte &&
                    libcurl_info()->version_num < HAS_TOO_LARGE);
  return seen->long_headers || (long_line && !seen->headers_ended);
}

/* libcurl repeats a proxy that it cannot read, password and all. */
static bool is_bad_proxy(const struct evidence *seen)
{
  return strncmp(seen->text, "Unsupported proxy", 17) == 0;
}

enum outcome outcome_of(const struct evidence *seen)
{
  if (seen->late)
    return OUTCOME_TIMEOUT;
  if (seen->long_body)
    return OUTCOME_TOO_LARGE;
  if (headers_too_long(seen))
    return seen->asked && !seen->http2 ? OUTCOME_TOO_LARGE : OUTCOME_NETWORK;
  if (seen->problem)
    return OUTCOME_NETWORK;
  if (is_bad_proxy(seen))
    return OUTCOME_CONFIG;
  if (seen->proxy_status && seen->proxy_status / 100 != 2)
    return OUTCOME_CONNECT;
  if (seen->lack)
    return OUTCOME_RESOURCE;

  switch (seen->code) {
  case CURLE_OK:
    return seen->headers_ended && !is_truncated(seen) ? OUTCOME_ANSWER
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
  default: /* under TLS 1.3 the server's no comes late */
    return seen->session && seen->session->refused ? OUTCOME_TLS
                                                   : OUTCOME_NETWORK;
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
  case OUTCOME_RESOURCE:
    return "resource";
  }
  return NULL;
}

static const char cut_off[] =
    "the connection was closed before the answer was complete";

/* Where libcurl's are the names of functions. NULL: its own will do. */
static const char *plain_words(const struct evidence *seen)
{
  if (was_cut_off(seen))
    return "the connection was closed during the TLS handshake";
  if (seen->code == CURLE_SEND_ERROR && seen->session)
    return "the connection broke while something was sent";
  if (seen->code == CURLE_BAD_CONTENT_ENCODING)
    return framing_coded;
  if (says(seen, "unexpected eof") || says(seen, "SSL_ERROR_SYSCALL, errno 0"))
    return cut_off;
  if (says(seen, "nghttp2"))
    return "the answer is not well-formed HTTP/2";
  if (says(seen, "CONNECT tunnel failed, response 0") ||
      (seen->code == CURLE_WEIRD_SERVER_REPLY && !seen->asked))
    return "the proxy's answer is not HTTP";
  return NULL;
}

static const char *of_headers(const struct evidence *seen)
{
  return seen->asked ? "the answer's headers are too long"
                     : "the proxy's answer has no end";
}

const char *outcome_message(enum outcome outcome, const struct evidence *seen)
{
  if (outcome == OUTCOME_CLOSED)
    return "the call was cancelled";
  if (outcome == OUTCOME_RESOURCE)
    return scarcity_message(seen->lack);
  if (seen->late)
    return "no complete answer within the time limit";
  if (seen->long_body)
    return "the answer's body is longer than 1 MiB";
  if (headers_too_long(seen))
    return of_headers(seen);
  if (seen->problem)
    return seen->problem;
  if (is_bad_proxy(seen))
    return "the proxy is not a URL that libcurl can use";
  if (seen->unfit)
    return "no connection was fit for a request";
  if (outcome == OUTCOME_NETWORK && seen->code == CURLE_OK)
    return cut_off;
  const char *plain = plain_words(seen);
  if (plain)
    return plain;
  return seen->text[0] ? seen->text : curl_easy_strerror(seen->code);
}

static const char *hint_on_certificate(long verdict)
{
  switch (verdict) {
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return "the certificate is not valid yet: is this machine's clock right?";
  case X509_V_ERR_CERT_HAS_EXPIRED:
    return "the certificate has expired, or this machine's clock is wrong";
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    return "the certificate is signed by itself; give its CA as ca_file";
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    return "its CA is unknown here; give it as ca_file";
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    return "its CA is unknown here: install ca-certificates, or give ca_file";
  case X509_V_ERR_INVALID_PURPOSE:
    return "the certificate is not one for a server";
  case X509_V_ERR_EE_KEY_TOO_SMALL:
    return "the certificate's key is too short for today: it wants a new one";
  case X509_V_ERR_CA_MD_TOO_WEAK:
    return "the certificate's signature is too weak: it wants a new one";
  case X509_V_ERR_INVALID_CA:
    return "the certificate is signed by one that is no CA";
  default:
    return NULL;
  }
}

/* libcurl compares the host itself, with a certificate that OpenSSL took. */
static const char *hint_on_tls(const struct evidence *seen)
{
  const struct session *session = seen->session;
  const char *hint = session ? hint_on_certificate(session->verify) : NULL;
  if (hint)
    return hint;
  if (seen->code == CURLE_PEER_FAILED_VERIFICATION && session &&
      session->verify == X509_V_OK)
    return "the certificate is for another host: check the endpoint";
  if (session && session_is_no_tls(session))
    return "no TLS is spoken there: check the endpoint";
  return "the server must speak TLS 1.2 or newer with a trusted certificate";
}

const char *outcome_hint(enum outcome outcome, const struct evidence *seen)
{
  if (outcome == OUTCOME_RESOURCE)
    return scarcity_hint(seen->lack);
  if (outcome == OUTCOME_TLS)
    return hint_on_tls(seen);
  if (seen->code == CURLE_SSL_CACERT_BADFILE)
    return "check ca_file and ca_path, or SSL_CERT_FILE and SSL_CERT_DIR";
  if (outcome == OUTCOME_CONFIG)
    return "check the option proxy, or https_proxy in the environment";
  return NULL;
}

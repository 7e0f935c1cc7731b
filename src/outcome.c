/* SPDX-License-Identifier: MIT */
#include "outcome.h"

#include <curl/curl.h>
#include <openssl/x509_vfy.h>
#include <string.h>

#include "libcurl.h"
#include "scarcity.h"
#include "session.h"

/* CURLE_TOO_LARGE, since libcurl 8.6. */
enum { CODE_TOO_LARGE = 100, HAS_TOO_LARGE = 0x080600 };

static bool says(const struct facts *facts, const char *words)
{
  return strstr(facts->text, words) != NULL;
}

/* The code is the same when the connection ends during the handshake and when
   the certificate is refused. */
static bool was_cut_off(const struct facts *facts)
{
  return facts->code == CURLE_SSL_CONNECT_ERROR && facts->session &&
         session_was_cut_off(facts->session);
}

/* An answer without a length ends with its connection. Without close_notify
   that end may be an attacker's. */
static bool is_truncated(const struct facts *facts)
{
  return facts->session && !facts->framing.http2 &&
         !framing_has_end(&facts->framing) && !facts->session->goodbye;
}

static bool headers_too_long(const struct facts *facts)
{
  /* libcurl's code for a single line of more than 100 KiB. */
  bool long_line = facts->code == CODE_TOO_LARGE ||
                   (facts->code == CURLE_OUT_OF_MEMORY && facts->first_byte &&
                    libcurl_info()->version_num < HAS_TOO_LARGE);
  return facts->long_headers ||
         (long_line && !framing_has_head(&facts->framing));
}

/* libcurl's text has the proxy in it, with its password. */
static bool is_bad_proxy(const struct facts *facts)
{
  return strncmp(facts->text, "Unsupported proxy", 17) == 0;
}

enum outcome outcome_of(const struct facts *facts)
{
  if (facts->late)
    return OUTCOME_TIMEOUT;
  if (facts->long_body)
    return OUTCOME_TOO_LARGE;
  if (headers_too_long(facts))
    return facts->request_sent && !facts->framing.http2 ? OUTCOME_TOO_LARGE
                                                        : OUTCOME_NETWORK;
  if (facts->problem)
    return OUTCOME_NETWORK;
  if (is_bad_proxy(facts))
    return OUTCOME_CONFIG;
  if (facts->proxy_status && facts->proxy_status / 100 != 2)
    return OUTCOME_CONNECT;
  if (facts->lack)
    return OUTCOME_RESOURCE;

  switch (facts->code) {
  case CURLE_OK:
    return framing_has_head(&facts->framing) && !is_truncated(facts)
               ? OUTCOME_ANSWER
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
    return was_cut_off(facts) ? OUTCOME_NETWORK : OUTCOME_TLS;
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_CLIENTCERT:
  case CURLE_SSL_INVALIDCERTSTATUS:
    return OUTCOME_TLS;
  default: /* under TLS 1.3 a server refuses after the handshake */
    return facts->session && facts->session->refused ? OUTCOME_TLS
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

/* In place of a text of libcurl's that names functions; NULL: it does not. */
static const char *plain_words(const struct facts *facts)
{
  if (was_cut_off(facts))
    return "the connection was closed during the TLS handshake";
  if (facts->code == CURLE_SEND_ERROR && facts->session)
    return "the connection broke while something was sent";
  if (facts->code == CURLE_BAD_CONTENT_ENCODING)
    return framing_coded;
  if (says(facts, "unexpected eof") ||
      says(facts, "SSL_ERROR_SYSCALL, errno 0"))
    return cut_off;
  if (says(facts, "nghttp2"))
    return "the answer is not well-formed HTTP/2";
  if (says(facts, "CONNECT tunnel failed, response 0") ||
      (facts->code == CURLE_WEIRD_SERVER_REPLY && !facts->request_sent))
    return "the proxy's answer is not HTTP";
  return NULL;
}

static const char *on_long_headers(const struct facts *facts)
{
  return facts->request_sent ? "the answer's headers are too long"
                             : "the proxy's answer has no end";
}

const char *outcome_message(enum outcome outcome, const struct facts *facts)
{
  if (outcome == OUTCOME_CLOSED)
    return "the call was cancelled";
  if (outcome == OUTCOME_RESOURCE)
    return scarcity_message(facts->lack);
  if (facts->late)
    return "no complete answer within the time limit";
  if (facts->long_body)
    return "the answer's body is longer than 1 MiB";
  if (headers_too_long(facts))
    return on_long_headers(facts);
  if (facts->problem)
    return facts->problem;
  if (is_bad_proxy(facts))
    return "the proxy is not a URL that libcurl can use";
  if (facts->unusable)
    return "no connection was fit for a request";
  if (outcome == OUTCOME_NETWORK && facts->code == CURLE_OK)
    return cut_off;
  const char *plain = plain_words(facts);
  if (plain)
    return plain;
  return facts->text[0] ? facts->text
                        : curl_easy_strerror((CURLcode)facts->code);
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

/* libcurl compares the host itself, after OpenSSL has accepted the
   certificate. */
static const char *hint_on_tls(const struct facts *facts)
{
  const struct session *session = facts->session;
  const char *hint = session ? hint_on_certificate(session->verify) : NULL;
  if (hint)
    return hint;
  if (facts->code == CURLE_PEER_FAILED_VERIFICATION && session &&
      session->verify == X509_V_OK)
    return "the certificate is for another host: check the endpoint";
  if (session && session_is_no_tls(session))
    return "no TLS is spoken there: check the endpoint";
  return "the server must speak TLS 1.2 or newer with a trusted certificate";
}

const char *outcome_hint(enum outcome outcome, const struct facts *facts)
{
  if (outcome == OUTCOME_RESOURCE)
    return scarcity_hint(facts->lack);
  if (outcome == OUTCOME_TLS)
    return hint_on_tls(facts);
  if (facts->code == CURLE_SSL_CACERT_BADFILE)
    return "check ca_file and ca_path, or SSL_CERT_FILE and SSL_CERT_DIR";
  if (outcome == OUTCOME_CONFIG)
    return "check the option proxy, or https_proxy in the environment";
  return NULL;
}

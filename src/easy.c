/* SPDX-License-Identifier: MIT */
#include "easy.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <string.h>

#include "clock.h"
#include "transfer.h"

enum {
  MAX_IDLE_AGE = 50, /* seconds; Tencent closes at 60 */
  READ_SIZE = 4096,  /* answers are a few hundred bytes; bytes at a time */
  SEND_SIZE = 16384  /* the least that libcurl takes */
};

/* Beside the lowest TLS version: OPENSSL_CONF cannot lower either. */
#define CIPHERS "DEFAULT:@SECLEVEL=2"

/* The same in other words. libcurl reuses no connection whose list differs, so
   that each pool has connections of its own. */
static const char *const pool_ciphers[] = {[POOL_HTTP1] = CIPHERS,
                                           [POOL_HTTP2] = CIPHERS ":",
                                           [POOL_FRESH] = CIPHERS "::"};

long easy_number(CURL *easy, CURLINFO info)
{
  long value = 0;
  curl_easy_getinfo(easy, info, &value);
  return value;
}

double easy_seconds(CURL *easy, CURLINFO info)
{
  curl_off_t us = 0;
  curl_easy_getinfo(easy, info, &us);
  return (double)us / 1e6;
}

/* -- callbacks -------------------------------------------------------------- */

static size_t on_header(char *data, size_t size, size_t count, void *user)
{
  struct transfer *transfer = user;
  size_t len = size * count;
  transfer_hear(transfer);
  transfer->header_bytes += len;
  if (transfer->header_bytes > TRANSPORT_MAX_HEADERS) {
    transfer->seen.long_headers = true;
    return 0;
  }
  transfer->seen.problem = framing_read(&transfer->framing, data, len);
  return transfer->seen.problem ? 0 : len;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
  struct transfer *transfer = user;
  struct bytes more = {data, size * count};
  transfer_hear(transfer);
  enum buffer_status status = BUFFER_APPEND(&transfer->body, more);
  transfer->seen.long_body = status == BUFFER_FULL;
  transfer->user.lack = status == BUFFER_NO_MEMORY ? ENOMEM : 0;
  return status == BUFFER_OK ? more.len : 0;
}

/* Called on every round of libcurl's loops. What a proxy says to a CONNECT it
   reads byte by byte for as long as there are more, asking neither a clock nor
   a callback but this one. */
static int on_round(void *user, curl_off_t to_get, curl_off_t got,
                    curl_off_t to_send, curl_off_t sent)
{
  (void)to_get;
  (void)got;
  (void)to_send;
  (void)sent;
  struct transfer *transfer = user;
  if (transfer->seen.asked || ++transfer->rounds <= TRANSPORT_MAX_HEADERS)
    return 0;
  transfer->seen.long_headers = true;
  return 1;
}

static SSL *ssl_of(CURL *easy)
{
  const struct curl_tlssessioninfo *session = NULL;
  bool is_openssl =
      curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &session) == CURLE_OK &&
      session && session->backend == CURLSSLBACKEND_OPENSSL;
  return is_openssl ? session->internals : NULL;
}

/* Whether OpenSSL has read more from the connection than libcurl asked for. */
static bool has_pending(CURL *easy)
{
  const SSL *ssl = ssl_of(easy);
  return ssl && SSL_has_pending(ssl);
}

static bool speaks_http2(CURL *easy)
{
  const SSL *ssl = ssl_of(easy);
  const unsigned char *protocol = NULL;
  unsigned int len = 0;
  if (ssl)
    SSL_get0_alpn_selected(ssl, &protocol, &len);
  return len == 2 && memcmp(protocol, "h2", 2) == 0;
}

/* Whether libcurl has another transfer on this one's connection. One that has
   ended, and waits to be collected, is on none. */
static bool has_company(const struct transfer *transfer)
{
  const SSL *ssl = ssl_of(transfer->easy);
  const struct transfer *each = transfer->transport->underway;
  while (each &&
         (each == transfer || !each->in_multi || ssl_of(each->easy) != ssl))
    each = each->next;
  return each != NULL;
}

/* The host's address is known. */
static int on_socket(void *user, curl_socket_t fd, curlsocktype purpose)
{
  (void)fd;
  (void)purpose;
  struct transfer *transfer = user;
  origins_found(&transfer->turn, clock_ms());
  return CURL_SOCKOPT_OK;
}

/* The last look at a connection. libcurl 7.88 takes some on which a request
   would go wrong: those that have bytes to read; and where HTTP/2 is welcome,
   and another connection to the host speaks it, those in use that speak
   HTTP/1.1, where two would get each other's answers, or that are still on
   their way through a proxy. */
static int on_request(void *user, char *remote_ip, char *local_ip,
                      int remote_port, int local_port)
{
  struct transfer *transfer = user;
  const SSL *ssl = ssl_of(transfer->easy);
  const bool http2 = speaks_http2(transfer->easy);
  const struct route route = {.local_ip = local_ip,
                              .remote_ip = remote_ip,
                              .local_port = local_port,
                              .remote_port = remote_port,
                              .shared = http2,
                              .origin = origins_id(&transfer->turn)};
  enum socket_state state = transfer_ask(transfer, &route);
  transfer_hold(transfer, ssl ? session_hold(ssl) : NULL);
  transfer->user.lack = 0; /* another address would do */
  transfer->framing.http2 = http2;
  transfer->seen.unfit =
      state == SOCKET_UNREAD || state == SOCKET_DOUBTED ||
      (state == SOCKET_QUIET && has_pending(transfer->easy)) ||
      (transfer->pool != POOL_HTTP1 && !http2 && has_company(transfer));
  if (transfer->seen.unfit)
    return CURL_PREREQFUNC_ABORT;
  origins_connected(&transfer->turn, http2, !transfer->kept, clock_ms());
  return CURL_PREREQFUNC_OK;
}

/* Called for each TLS connection that is opened: twice where the proxy speaks
   TLS as well. What the session with the proxy has read ahead nobody can see,
   so that such a connection is good for one request. */
static CURLcode on_tls(CURL *easy, void *context, void *user)
{
  struct transfer *transfer = user;
  bool is_second = transfer->session != NULL;
  transfer_hold(transfer, session_watch(context));
  if (!transfer->session)
    return CURLE_OUT_OF_MEMORY;
  return is_second ? curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L)
                   : CURLE_OK;
}

/* -- options ---------------------------------------------------------------- */

#define SET(option, ...)                                                      \
  (curl_easy_setopt(easy, CURLOPT_##option, __VA_ARGS__) == CURLE_OK)

/* What is the same for every transfer. */
static bool set_up(struct transfer *transfer, CURL *easy)
{
  return SET(NOSIGNAL, 1L) && SET(QUICK_EXIT, 1L) && SET(NOPROGRESS, 0L) &&
         SET(XFERINFOFUNCTION, on_round) && SET(BUFFERSIZE, (long)READ_SIZE) &&
         SET(UPLOAD_BUFFERSIZE, (long)SEND_SIZE) && SET(FOLLOWLOCATION, 0L) &&
         SET(DISALLOW_USERNAME_IN_URL, 1L) &&
         SET(PROTOCOLS_STR, "http,https") &&
         SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
         SET(MAXAGE_CONN, (long)MAX_IDLE_AGE) &&
         SET(SUPPRESS_CONNECT_HEADERS, 1L) &&
         SET(HEADEROPT, (long)CURLHEADER_SEPARATE) &&
         SET(SSL_VERIFYPEER, 1L) && SET(SSL_VERIFYHOST, 2L) &&
         SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
         SET(SSL_SESSIONID_CACHE, 0L) && SET(PROXY_SSL_VERIFYPEER, 1L) &&
         SET(PROXY_SSL_VERIFYHOST, 2L) &&
         SET(PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
         SET(PROXY_SSL_CIPHER_LIST, CIPHERS) &&
         SET(HEADERFUNCTION, on_header) && SET(WRITEFUNCTION, on_body) &&
         SET(PREREQFUNCTION, on_request) && SET(SSL_CTX_FUNCTION, on_tls) &&
         SET(SOCKOPTFUNCTION, on_socket) &&
         multi_adopt(&transfer->transport->multi, easy, &transfer->user);
}

static bool keep_text(struct buffer *buffer, const char *text)
{
  struct bytes whole = {text, strlen(text) + 1};
  return BUFFER_APPEND(buffer, whole) == BUFFER_OK;
}

/* What differs from one transfer to the next. */
static bool set_request(struct transfer *transfer, CURL *easy,
                        const struct transport_request *from)
{
  const struct transport *transport = transfer->transport;
  const char *file = from->ca_file, *path = from->ca_path;
  if (!file && !path) {
    file = transport->trust.file;
    path = transport->trust.path;
  }
  if (file && !keep_text(&transfer->request.ca_file, file))
    return false;
  /* What goes in clear text to a loopback address goes to no proxy. */
  const char *proxy = from->endpoint->tls ? from->proxy : "";

  /* A libcurl without HTTP/2 refuses it. */
  if (transfer->pool != POOL_HTTP1)
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);

  bool done =
      SET(PRIVATE, transfer) && SET(HEADERDATA, transfer) &&
      SET(WRITEDATA, transfer) && SET(PREREQDATA, transfer) &&
      SET(XFERINFODATA, transfer) && SET(SSL_CTX_DATA, transfer) &&
      SET(SOCKOPTDATA, transfer) && SET(ERRORBUFFER, transfer->text) &&
      SET(URL, transfer->request.url.data) && SET(PROXY, proxy) &&
      SET(SSL_CIPHER_LIST, pool_ciphers[transfer->pool]) &&
      SET(FRESH_CONNECT, (long)transfer->fresh) &&
      SET(CONNECTTIMEOUT_MS, (long)from->connect_timeout_ms) &&
      SET(HTTPHEADER, (struct curl_slist *)transfer->request.head.data) &&
      SET(CAINFO, file) && SET(CAPATH, path) && SET(PROXY_CAINFO, file) &&
      SET(PROXY_CAPATH, path);
  if (!from->body)
    return done && SET(HTTPGET, 1L);
  return done && SET(POST, 1L) &&
         SET(POSTFIELDS,
             transfer->request.body.len ? transfer->request.body.data : "") &&
         SET(POSTFIELDSIZE_LARGE, (curl_off_t)transfer->request.body.len);
}

/* A new handle for each transfer: before 8.1, a handle's second answer whose
   first header line begins with a space makes libcurl use freed memory. */
CURL *easy_new(struct transfer *transfer, const struct transport_request *from)
{
  CURL *easy = curl_easy_init();
  if (easy && set_up(transfer, easy) && set_request(transfer, easy, from))
    return easy;
  curl_easy_cleanup(easy);
  return NULL;
}

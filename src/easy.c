/* SPDX-License-Identifier: MIT */
#include "easy.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <string.h>

#include "libcurl.h"
#include "getinfo.h"
#include "session.h"
#include "transfer_state.h"
#include "transport.h"

_Static_assert(MAX_CURL_TEXT == CURL_ERROR_SIZE, "libcurl's own maximum");

enum {
  MAX_IDLE_AGE = 50, /* seconds; Tencent closes at 60 */
  READ_SIZE = 4096,  /* bytes; answers have a few hundred */
  SEND_SIZE = 16384  /* bytes; libcurl takes no less */
};

/* With CURLOPT_SSLVERSION it keeps OPENSSL_CONF from allowing less. */
#define CIPHERS "DEFAULT:@SECLEVEL=2"

/* The same for OpenSSL, but not for libcurl, which reuses a connection only
   for the same list: so each pool has its own connections. */
static const char *const pool_ciphers[] = {[POOL_HTTP1] = CIPHERS,
                                           [POOL_HTTP2] = CIPHERS ":",
                                           [POOL_FRESH] = CIPHERS "::"};

/* -- callbacks -------------------------------------------------------------- */

static size_t on_header(char *data, size_t size, size_t count, void *user)
{
  struct transfer *transfer = user;
  struct facts *facts = &transfer->facts;
  size_t len = size * count;
  connection_heard(&transfer->connection, facts->header_bytes == 0);
  facts->header_bytes += len;
  if (facts->header_bytes > TRANSPORT_MAX_HEADERS) {
    facts->long_headers = true;
    return 0;
  }
  facts->problem = framing_read(&facts->framing, data, len);
  return facts->problem ? 0 : len;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
  struct transfer *transfer = user;
  struct bytes more = {data, size * count};
  connection_heard(&transfer->connection, transfer->facts.header_bytes == 0);
  enum buffer_status status = BUFFER_APPEND(&transfer->body, more);
  transfer->facts.long_body = status == BUFFER_FULL;
  transfer->facts.lack = status == BUFFER_NO_MEMORY ? ENOMEM : 0;
  return status == BUFFER_OK ? more.len : 0;
}

/* Called on every round of libcurl's loops. libcurl reads a proxy's answer to
   CONNECT byte by byte, without a limit, a clock or another callback. */
static int on_round(void *user, curl_off_t to_get, curl_off_t got,
                    curl_off_t to_send, curl_off_t sent)
{
  (void)to_get;
  (void)got;
  (void)to_send;
  (void)sent;
  struct transfer *transfer = user;
  struct facts *facts = &transfer->facts;
  if (transfer->connection.request_sent ||
      ++facts->rounds <= TRANSPORT_MAX_HEADERS)
    return 0;
  facts->long_headers = true;
  return 1;
}

static bool speaks_http2(const SSL *tls)
{
  const unsigned char *protocol = NULL;
  unsigned int len = 0;
  if (tls)
    SSL_get0_alpn_selected(tls, &protocol, &len);
  return len == 2 && memcmp(protocol, "h2", 2) == 0;
}

/* libcurl opens a socket: the host's address is known. */
static int on_socket(void *user, curl_socket_t fd, curlsocktype purpose)
{
  (void)fd;
  (void)purpose;
  struct transfer *transfer = user;
  routes_resolved(&transfer->place, clock_ms());
  return CURL_SOCKOPT_OK;
}

static void hold_session(struct transfer *transfer, struct session *session)
{
  session_drop(transfer->facts.session);
  transfer->facts.session = session;
}

/* Called just before the request is sent. libcurl 7.88 reuses connections that
   it must not: those that have bytes to read; and where HTTP/2 is welcome, and
   another connection to the host speaks it, those in use that speak HTTP/1.1,
   where two would get each other's answers, or that wait for the proxy's
   answer to CONNECT. */
static int on_request(void *user, char *remote_ip, char *local_ip,
                      int remote_port, int local_port)
{
  struct transfer *transfer = user;
  struct connection *connection = &transfer->connection;
  CURL *easy = transfer->easy.handle;
  const SSL *tls = getinfo_tls(easy);
  const bool http2 = speaks_http2(tls);
  const bool kept = getinfo_number(easy, CURLINFO_NUM_CONNECTS) == 0;
  const struct socket_use use = {.user = &transfer->easy,
                                 .local_ip = local_ip,
                                 .remote_ip = remote_ip,
                                 .local_port = local_port,
                                 .remote_port = remote_port,
                                 .shared = http2,
                                 .route = route_id(transfer->place.route)};
  enum socket_state state =
      connection_begin(connection, &use, kept, transfer->deadline);
  multi_limit(transfer->easy.multi, connection->stalls_at);
  hold_session(transfer, tls ? session_hold(tls) : NULL);
  transfer->easy.socket_lack = 0; /* another address was connected */
  transfer->facts.framing.http2 = http2;
  /* OpenSSL may have read bytes that libcurl has not asked for yet. */
  transfer->facts.unusable =
      state == SOCKET_UNREAD || state == SOCKET_SUSPECT ||
      (state == SOCKET_QUIET && tls && SSL_has_pending(tls)) ||
      (transfer->pool != POOL_HTTP1 && !http2 &&
       multi_is_shared(&transfer->easy));
  if (transfer->facts.unusable)
    return CURL_PREREQFUNC_ABORT;
  routes_connected(&transfer->place, http2, !kept, clock_ms());
  return CURL_PREREQFUNC_OK;
}

/* Called for each TLS connection that is opened: twice where the proxy speaks
   TLS as well. Bytes that the session with the proxy has read ahead cannot be
   seen, so such a connection is used for one request only. */
static CURLcode on_tls(CURL *easy, void *context, void *user)
{
  struct transfer *transfer = user;
  bool is_second = transfer->facts.session != NULL;
  hold_session(transfer, session_watch(context));
  if (!transfer->facts.session)
    return CURLE_OUT_OF_MEMORY;
  return is_second ? curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L)
                   : CURLE_OK;
}

/* -- options ---------------------------------------------------------------- */

#define SET(option, ...)                                                      \
  (curl_easy_setopt(easy, CURLOPT_##option, __VA_ARGS__) == CURLE_OK)

/* The options that are the same for every transfer. */
static bool set_common(CURL *easy)
{
  return SET(NOSIGNAL, 1L) && SET(QUICK_EXIT, 1L) && SET(NOPROGRESS, 0L) &&
         SET(XFERINFOFUNCTION, on_round) && SET(BUFFERSIZE, (long)READ_SIZE) &&
         SET(UPLOAD_BUFFERSIZE, (long)SEND_SIZE) && SET(FOLLOWLOCATION, 0L) &&
         SET(DISALLOW_USERNAME_IN_URL, 1L) && SET(PATH_AS_IS, 1L) &&
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
         SET(SOCKOPTFUNCTION, on_socket);
}

static bool set_request(struct transfer *transfer, CURL *easy,
                        const struct transport_request *from)
{
  const struct request *request = &transfer->request;
  const char *file = request->ca_file.data, *path = from->ca_path;
  /* A request in clear text, to a loopback address, must not leave the
     machine. */
  const char *proxy = from->endpoint->tls ? from->proxy : "";

  /* A libcurl without HTTP/2 refuses it. */
  if (transfer->pool != POOL_HTTP1)
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);

  bool done = SET(HEADERDATA, transfer) && SET(WRITEDATA, transfer) &&
              SET(PREREQDATA, transfer) && SET(XFERINFODATA, transfer) &&
              SET(SSL_CTX_DATA, transfer) && SET(SOCKOPTDATA, transfer) &&
              SET(ERRORBUFFER, transfer->facts.text) &&
              SET(URL, request->url.data) && SET(PROXY, proxy) &&
              SET(SSL_CIPHER_LIST, pool_ciphers[transfer->pool]) &&
              SET(FRESH_CONNECT, (long)transfer->new_connection) &&
              SET(CONNECTTIMEOUT_MS, (long)from->connect_timeout_ms) &&
              SET(HTTPHEADER, request->headers) && SET(CAINFO, file) &&
              SET(CAPATH, path) && SET(PROXY_CAINFO, file) &&
              SET(PROXY_CAPATH, path);
  if (!from->post && !from->body)
    return done && SET(HTTPGET, 1L);
  return done && SET(POST, 1L) && (from->post || SET(CUSTOMREQUEST, "GET")) &&
         SET(POSTFIELDS, request->body.len ? request->body.data : "") &&
         SET(POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
}

/* A new handle for each transfer: before 8.1, a handle's second answer whose
   first header line begins with a space makes libcurl use freed memory. */
CURL *easy_new(struct transfer *transfer, const struct transport_request *from)
{
  CURL *easy = curl_easy_init();
  if (easy && set_common(easy) && set_request(transfer, easy, from))
    return easy;
  curl_easy_cleanup(easy);
  return NULL;
}

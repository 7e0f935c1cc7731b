/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, getpid */
#include "transport.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buffer.h"
#include "framing.h"
#include "libcurl.h"
#include "origins.h"
#include "poller.h"
#include "sockets.h"
#include "trust.h"

enum {
  MAX_OPEN = ORIGIN_MOST, /* connections */
  MAX_IDLE = 64,          /* kept, beside as many as are under way */
  MAX_IDLE_AGE = 50,      /* seconds; Tencent closes at 60 */
  READ_SIZE = 4096,  /* answers are a few hundred bytes; bytes at a time */
  SEND_SIZE = 16384, /* the least that libcurl takes */
  BATCH = 64
};

/* Beside the lowest TLS version: OPENSSL_CONF cannot lower either. */
#define CIPHERS "DEFAULT:@SECLEVEL=2"

struct transport {
  pid_t pid;
  CURLM *multi; /* NULL before the first transfer */
  struct poller *poller;
  struct sockets sockets;
  struct origins origins;
  struct trust trust;
  size_t kept;  /* connections that libcurl may keep; it counts those in use */
  size_t count; /* transfers in the multi */
  int64_t timer;    /* when libcurl wants to be called, -1: not at all */
  int64_t deadline; /* none under way has a sooner one */
  struct transfer *underway; /* each transfer is in one of three lists */
  struct transfer *finished; /* the newest first, until somebody asks */
  struct transfer *settled;
  struct transport *next_abandoned;
};

struct transfer {
  struct transport *transport; /* NULL once that was freed */
  unsigned long id;
  struct transfer *next;
  struct transfer **link; /* what points to this one */
  CURL *easy;             /* kept until the end for its headers */
  struct turn turn;
  bool running; /* in the multi once its turn has come */
  bool in_multi;
  bool fresh; /* on its second try, over a new connection */
  int64_t started;
  int64_t sent; /* when its turn had come */
  int64_t deadline;
  unsigned long socket;
  struct buffer head; /* what libcurl reads: list, headers; secrets */
  struct buffer url;
  struct buffer request_body;
  struct buffer body;
  size_t header_bytes;
  size_t rounds; /* of libcurl's loops before the request is sent */
  bool asked;    /* it is */
  struct framing framing;
  struct evidence seen;
  struct transfer_result result;
  char text[CURL_ERROR_SIZE];
};

static int64_t now_ms(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What a failed handshake leaves in the thread's OpenSSL error queue is, in
   nginx, taken for the failure of somebody else's. */
static void enter_libcurl(void)
{
  ERR_set_mark();
}

static void leave_libcurl(void)
{
  ERR_pop_to_mark();
}

/* -- libcurl's callbacks: they fill C memory and know nothing else -------- */

static size_t on_header(char *data, size_t size, size_t count, void *user)
{
  struct transfer *transfer = user;
  size_t len = size * count;
  transfer->header_bytes += len;
  if (transfer->header_bytes > TRANSPORT_MAX_HEADERS) {
    transfer->seen.long_headers = true;
    return 0;
  }
  bool is_status = len >= 6 && memcmp(data, "HTTP/", 5) == 0;
  if (is_status) { /* once more after a 1xx */
    transfer->framing = (struct framing){0};
    transfer->seen.headers_ended = false;
  } else if (data[0] == '\r' || data[0] == '\n') {
    transfer->seen.headers_ended = true;
  }
  transfer->seen.problem = framing_read(&transfer->framing, data, len);
  return transfer->seen.problem ? 0 : len;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
  struct transfer *transfer = user;
  size_t len = size * count;
  enum buffer_status status = buffer_append(&transfer->body, data, len);
  transfer->seen.long_body = status == BUFFER_FULL;
  return status == BUFFER_OK ? len : 0;
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
  if (transfer->asked || ++transfer->rounds <= TRANSPORT_MAX_HEADERS)
    return 0;
  transfer->seen.problem = "the proxy's answer has no end";
  return 1;
}

static curl_socket_t on_open(void *user, curlsocktype purpose,
                             struct curl_sockaddr *address)
{
  (void)purpose;
  struct transport *transport = user;
  return sockets_open(&transport->sockets, address->family, address->socktype,
                      address->protocol);
}

static int on_close(void *user, curl_socket_t fd)
{
  struct transport *transport = user;
  poller_watch(transport->poller, fd, 0);
  sockets_close(&transport->sockets, fd);
  return 0;
}

static long number(CURL *easy, CURLINFO info)
{
  long value = 0;
  curl_easy_getinfo(easy, info, &value);
  return value;
}

static SSL *session_of(CURL *easy)
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
  const SSL *session = session_of(easy);
  return session && SSL_has_pending(session);
}

static bool speaks_http2(CURL *easy)
{
  const SSL *session = session_of(easy);
  const unsigned char *protocol = NULL;
  unsigned int len = 0;
  if (session)
    SSL_get0_alpn_selected(session, &protocol, &len);
  return len == 2 && memcmp(protocol, "h2", 2) == 0;
}

static int on_request(void *user, char *remote_ip, char *local_ip,
                      int remote_port, int local_port)
{
  struct transfer *transfer = user;
  struct sockets *sockets = &transfer->transport->sockets;
  const bool http2 = speaks_http2(transfer->easy);
  const struct route route = {local_ip, remote_ip, local_port, remote_port,
                              http2};
  enum socket_state state;
  transfer->asked = true;
  sockets_release(sockets, transfer->socket);
  transfer->socket = sockets_use(sockets, &route, &state);
  origins_connected(&transfer->turn, http2,
                    number(transfer->easy, CURLINFO_NUM_CONNECTS) > 0);
  transfer->seen.stale =
      state == SOCKET_UNREAD ||
      (state == SOCKET_QUIET && has_pending(transfer->easy));
  return transfer->seen.stale ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static int on_interest(CURL *easy, curl_socket_t fd, int what, void *user,
                       void *socket_user)
{
  (void)easy;
  (void)socket_user;
  struct transport *transport = user;
  int interest = 0;
  if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
    interest |= POLLER_READ;
  if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
    interest |= POLLER_WRITE;
  /* A failure is the transfer's, which runs into its deadline; told of it,
     libcurl would give up the whole multi handle. */
  poller_watch(transport->poller, fd, interest);
  return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
  (void)multi;
  struct transport *transport = user;
  transport->timer = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
  return 0;
}

/* -- handles -------------------------------------------------------------- */

/* As many connections as are in use may be kept: else one that is done with
   its request would be closed for the next to be opened. */
static void keep_connections(struct transport *transport, size_t wanted)
{
  if (wanted != transport->kept)
    curl_multi_setopt(transport->multi, CURLMOPT_MAXCONNECTS, (long)wanted);
  transport->kept = wanted;
}

/* Makes a multi handle where there is none, or none any more. */
static bool open_multi(struct transport *transport)
{
  if (transport->multi)
    return true;
  CURLM *multi = curl_multi_init();
  if (!multi)
    return false;
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_interest);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, transport);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, transport);
  curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)MAX_OPEN);
  transport->multi = multi;
  keep_connections(transport, MAX_IDLE);
  return true;
}

#define SET(option, ...)                                                      \
  (curl_easy_setopt(easy, CURLOPT_##option, __VA_ARGS__) == CURLE_OK)

/* What is the same for every transfer. */
static bool set_up(struct transport *transport, CURL *easy)
{
  return SET(NOSIGNAL, 1L) && SET(QUICK_EXIT, 1L) && SET(NOPROGRESS, 0L) &&
         SET(XFERINFOFUNCTION, on_round) && SET(BUFFERSIZE, (long)READ_SIZE) &&
         SET(UPLOAD_BUFFERSIZE, (long)SEND_SIZE) && SET(FOLLOWLOCATION, 0L) &&
         SET(DISALLOW_USERNAME_IN_URL, 1L) &&
         SET(PROTOCOLS_STR, "http,https") &&
         SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) &&
         SET(MAXAGE_CONN, (long)MAX_IDLE_AGE) &&
         SET(SUPPRESS_CONNECT_HEADERS, 1L) &&
         SET(HEADEROPT, (long)CURLHEADER_SEPARATE) &&
         SET(SSL_VERIFYPEER, 1L) && SET(SSL_VERIFYHOST, 2L) &&
         SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
         SET(SSL_CIPHER_LIST, CIPHERS) && SET(SSL_SESSIONID_CACHE, 0L) &&
         SET(PROXY_SSL_VERIFYPEER, 1L) && SET(PROXY_SSL_VERIFYHOST, 2L) &&
         SET(PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
         SET(PROXY_SSL_CIPHER_LIST, CIPHERS) &&
         SET(HEADERFUNCTION, on_header) && SET(WRITEFUNCTION, on_body) &&
         SET(PREREQFUNCTION, on_request) && SET(OPENSOCKETFUNCTION, on_open) &&
         SET(OPENSOCKETDATA, transport) &&
         SET(CLOSESOCKETFUNCTION, on_close) && SET(CLOSESOCKETDATA, transport);
}

/* What differs from one transfer to the next. */
static bool set_request(struct transfer *transfer, CURL *easy,
                        const struct transport_request *request)
{
  const struct transport *transport = transfer->transport;
  const char *file = request->ca_file, *path = request->ca_path;
  if (!file && !path) {
    file = transport->trust.file;
    path = transport->trust.path;
  }
  /* What goes in clear text to a loopback address goes to no proxy. */
  const char *proxy = request->endpoint->tls ? request->proxy : "";

  bool done = SET(PRIVATE, transfer) && SET(HEADERDATA, transfer) &&
              SET(WRITEDATA, transfer) && SET(PREREQDATA, transfer) &&
              SET(XFERINFODATA, transfer) &&
              SET(ERRORBUFFER, transfer->text) &&
              SET(URL, transfer->url.data) && SET(PROXY, proxy) &&
              SET(CONNECTTIMEOUT_MS, (long)request->connect_timeout_ms) &&
              SET(HTTPHEADER, (struct curl_slist *)transfer->head.data) &&
              SET(CAINFO, file) && SET(CAPATH, path) &&
              SET(PROXY_CAINFO, file) && SET(PROXY_CAPATH, path);
  if (!request->body)
    return done && SET(HTTPGET, 1L);
  return done && SET(POST, 1L) &&
         SET(POSTFIELDS,
             transfer->request_body.len ? transfer->request_body.data : "") &&
         SET(POSTFIELDSIZE_LARGE, (curl_off_t)transfer->request_body.len);
}

/* A new handle for each transfer: before 8.1, a handle's second answer whose
   first header line begins with a space makes libcurl use freed memory. */
static CURL *new_easy(struct transport *transport)
{
  CURL *easy = curl_easy_init();
  if (easy && !set_up(transport, easy)) {
    curl_easy_cleanup(easy);
    easy = NULL;
  }
  return easy;
}

/* -- a transfer's way ------------------------------------------------------ */

static double seconds(CURL *easy, CURLINFO info)
{
  curl_off_t us = 0;
  curl_easy_getinfo(easy, info, &us);
  return (double)us / 1e6;
}

/* libcurl counts from when the turn had come. */
static double since_start(const struct transfer *transfer, CURLINFO info)
{
  double time = seconds(transfer->easy, info);
  double waited = (double)(transfer->sent - transfer->started) / 1e3;
  return time > 0 ? time + waited : 0;
}

static int http_version(CURL *easy)
{
  switch (number(easy, CURLINFO_HTTP_VERSION)) {
  case CURL_HTTP_VERSION_1_0:
    return 10;
  case CURL_HTTP_VERSION_1_1:
    return 11;
  case CURL_HTTP_VERSION_2_0:
    return 20;
  default:
    return 0;
  }
}

static void take_from_list(struct transfer *transfer)
{
  *transfer->link = transfer->next;
  if (transfer->next)
    transfer->next->link = transfer->link;
}

static void put_into_list(struct transfer *transfer, struct transfer **list)
{
  transfer->next = *list;
  transfer->link = list;
  if (transfer->next)
    transfer->next->link = &transfer->next;
  *list = transfer;
}

static void move_to_list(struct transfer *transfer, struct transfer **list)
{
  take_from_list(transfer);
  put_into_list(transfer, list);
}

static bool add_to_multi(struct transfer *transfer)
{
  struct transport *transport = transfer->transport;
  if (!open_multi(transport) ||
      curl_multi_add_handle(transport->multi, transfer->easy) != CURLM_OK)
    return false;
  transfer->in_multi = true;
  if (++transport->count > transport->kept)
    keep_connections(transport, transport->count);
  return true;
}

static void remove_from_multi(struct transfer *transfer)
{
  struct transport *transport = transfer->transport;
  if (!transfer->in_multi)
    return;
  curl_multi_remove_handle(transport->multi, transfer->easy);
  sockets_release(&transport->sockets, transfer->socket);
  transfer->socket = 0;
  transfer->in_multi = false;
  if (--transport->count == 0)
    keep_connections(transport, MAX_IDLE);
}

/* It is under way from now on. */
static bool enter(struct transfer *transfer,
                  const struct transport_request *request)
{
  struct transport *transport = transfer->transport;
  transfer->turn.owner = transfer;
  if (!origins_join(&transport->origins, request->endpoint->origin,
                    request->proxy, transfer->started, &transfer->turn))
    return false;
  transfer->running = true;
  move_to_list(transfer, &transport->underway);
  if (transfer->deadline < transport->deadline)
    transport->deadline = transfer->deadline;
  return true;
}

static void leave(struct transfer *transfer)
{
  struct transport *transport = transfer->transport;
  remove_from_multi(transfer);
  origins_leave(&transport->origins, &transfer->turn);
  transfer->running = false;
  move_to_list(transfer, &transport->finished);
  if (!transport->underway)
    transport->deadline = INT64_MAX;
}

static void end(struct transfer *transfer, enum outcome outcome)
{
  CURL *easy = transfer->easy;
  struct transfer_result *result = &transfer->result;
  *result = (struct transfer_result){
      .outcome = outcome,
      .code = (int)transfer->seen.code,
      .status = number(easy, CURLINFO_RESPONSE_CODE),
      .verify = number(easy, CURLINFO_SSL_VERIFYRESULT),
      .http_version = http_version(easy),
      .reused = number(easy, CURLINFO_NUM_CONNECTS) == 0,
      .timing = {.dns = since_start(transfer, CURLINFO_NAMELOOKUP_TIME_T),
                 .connect = since_start(transfer, CURLINFO_CONNECT_TIME_T),
                 .tls = since_start(transfer, CURLINFO_APPCONNECT_TIME_T),
                 .first_byte =
                     since_start(transfer, CURLINFO_STARTTRANSFER_TIME_T),
                 .total = since_start(transfer, CURLINFO_TOTAL_TIME_T)},
  };
  if (outcome == OUTCOME_ANSWER)
    result->body = buffer_bytes(&transfer->body);
  else
    result->message = outcome_message(outcome, &transfer->seen);
  if (transfer->seen.late) /* libcurl's clock stopped with its last byte */
    result->timing.total = (double)(now_ms() - transfer->started) / 1e3;
  if (transfer->running)
    leave(transfer);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
  buffer_free(&transfer->head);
}

/* A kept connection may have died, or have become unusable, since its last
   request. That is no news for the caller: once more over a new one. */
static bool deserves_new_connection(const struct transfer *transfer)
{
  if (transfer->fresh)
    return false;
  if (transfer->seen.stale)
    return true;
  switch (transfer->seen.code) {
  case CURLE_SEND_ERROR:
  case CURLE_RECV_ERROR:
  case CURLE_GOT_NOTHING:
    return transfer->header_bytes == 0 &&
           number(transfer->easy, CURLINFO_NUM_CONNECTS) == 0;
  default:
    return false;
  }
}

static bool start_again(struct transfer *transfer)
{
  remove_from_multi(transfer);
  buffer_reset(&transfer->body);
  transfer->header_bytes = 0;
  transfer->rounds = 0;
  transfer->asked = false;
  transfer->seen = (struct evidence){.text = transfer->text};
  transfer->text[0] = '\0';
  transfer->fresh = true;
  return curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 1L) ==
             CURLE_OK &&
         add_to_multi(transfer);
}

static void settle(struct transfer *transfer, CURLcode code)
{
  CURL *easy = transfer->easy;
  struct evidence *seen = &transfer->seen;
  seen->code = code;
  seen->status = number(easy, CURLINFO_RESPONSE_CODE);
  seen->proxy_status = number(easy, CURLINFO_HTTP_CONNECTCODE);
  seen->first_byte = seconds(easy, CURLINFO_STARTTRANSFER_TIME_T) > 0;
  if (deserves_new_connection(transfer)) {
    if (start_again(transfer))
      return;
    seen->code = CURLE_OUT_OF_MEMORY;
  }
  end(transfer, outcome_of(seen));
}

static void collect_finished(struct transport *transport)
{
  const CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(transport->multi, &left))) {
    CURL *easy = message->easy_handle;
    CURLcode code = message->data.result;
    struct transfer *transfer = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
    settle(transfer, code);
  }
}

/* Whoever's turn has come goes out. Not from within libcurl's callbacks. */
static void admit(struct transport *transport)
{
  struct turn *turn;
  while ((turn = origins_next(&transport->origins, now_ms()))) {
    struct transfer *transfer = turn->owner;
    transfer->sent = now_ms();
    if (!add_to_multi(transfer)) {
      transfer->seen.code = CURLE_OUT_OF_MEMORY;
      end(transfer, OUTCOME_NETWORK);
    }
  }
}

/* Our own clock beside libcurl's, whose timer a failed allocation can lose,
   and which does not count a second try. */
static void collect_late(struct transport *transport)
{
  int64_t now = now_ms();
  if (now < transport->deadline)
    return;
  transport->deadline = INT64_MAX;
  struct transfer *next;
  for (struct transfer *each = transport->underway; each; each = next) {
    next = each->next;
    if (each->deadline <= now) {
      each->seen.late = true;
      each->seen.code = CURLE_OPERATION_TIMEDOUT;
      end(each, OUTCOME_TIMEOUT);
    } else if (each->deadline < transport->deadline) {
      transport->deadline = each->deadline;
    }
  }
}

/* libcurl ran out of memory while it changed its own tables, and would crash
   on them: the next transfer gets a new multi handle. */
static void give_up(struct transport *transport)
{
  while (transport->underway) {
    transport->underway->seen.code = CURLE_OUT_OF_MEMORY;
    end(transport->underway, OUTCOME_NETWORK);
  }
  curl_multi_cleanup(transport->multi);
  transport->multi = NULL;
  transport->kept = 0;
  transport->timer = -1;
}

/* -- starting -------------------------------------------------------------- */

/* The list that CURLOPT_HTTPHEADER reads, in one piece of ours instead of
   curl_slist_append's many, so that it can be cleansed. */
static enum transport_status write_head(struct transfer *transfer,
                                        const struct header *headers,
                                        size_t count)
{
  static const char separator[] = ": ";
  size_t list_size = count * sizeof(struct curl_slist), size = list_size;
  for (size_t i = 0; i < count; i++) {
    if (!is_field_text(headers[i].name) || !is_field_text(headers[i].value))
      return TRANSPORT_BAD_HEADER;
    size += headers[i].name.len + headers[i].value.len + sizeof(separator);
  }
  struct curl_slist *list = OPENSSL_zalloc(size);
  if (!list)
    return TRANSPORT_NO_MEMORY;
  transfer->head = (struct buffer){
      .data = (char *)list, .len = size, .cap = size, .max = size};

  char *at = (char *)list + list_size;
  for (size_t i = 0; i < count; i++) {
    list[i] = (struct curl_slist){at, i + 1 < count ? &list[i + 1] : NULL};
    memcpy(at, headers[i].name.data, headers[i].name.len);
    at += headers[i].name.len;
    memcpy(at, separator, sizeof(separator) - 1);
    at += sizeof(separator) - 1;
    memcpy(at, headers[i].value.data, headers[i].value.len);
    at += headers[i].value.len + 1; /* zeroed before */
  }
  return TRANSPORT_OK;
}

static enum transport_status prepare(struct transfer *transfer,
                                     const struct transport_request *request)
{
  enum transport_status status =
      write_head(transfer, request->headers, request->header_count);
  if (status != TRANSPORT_OK)
    return status;
  struct bytes origin = {request->endpoint->origin,
                         strlen(request->endpoint->origin)};
  bool written = buffer_put(&transfer->url, origin) == BUFFER_OK &&
                 buffer_put(&transfer->url, request->path) == BUFFER_OK &&
                 buffer_append(&transfer->url, "", 1) == BUFFER_OK &&
                 (!request->body || buffer_put(&transfer->request_body,
                                               *request->body) == BUFFER_OK);
  if (!written)
    return TRANSPORT_NO_MEMORY;
  transfer->easy = new_easy(transfer->transport);
  return transfer->easy && set_request(transfer, transfer->easy, request)
             ? TRANSPORT_OK
             : TRANSPORT_NO_MEMORY;
}

enum transport_status transport_start(struct transport *transport,
                                      const struct transport_request *request,
                                      struct transfer **out)
{
  *out = NULL;
  struct transfer *transfer = calloc(1, sizeof(*transfer));
  if (!transfer)
    return TRANSPORT_NO_MEMORY;
  buffer_init(&transfer->url, SIZE_MAX / 4);
  buffer_init(&transfer->request_body, SIZE_MAX / 4);
  buffer_init(&transfer->body, TRANSPORT_MAX_BODY);
  transfer->seen.text = transfer->text;
  transfer->started = now_ms();
  transfer->deadline = transfer->started + request->timeout_ms;
  transfer->transport = transport;
  static atomic_ulong last_id;
  transfer->id = atomic_fetch_add(&last_id, 1) + 1;
  put_into_list(transfer, &transport->settled);

  enter_libcurl();
  enum transport_status status = prepare(transfer, request);
  if (status == TRANSPORT_OK && !enter(transfer, request))
    status = TRANSPORT_NO_MEMORY;
  if (status == TRANSPORT_OK)
    admit(transport);
  leave_libcurl();
  if (status != TRANSPORT_OK) {
    transfer_free(transfer);
    return status;
  }

  *out = transfer;
  return TRANSPORT_OK;
}

/* -- moving ---------------------------------------------------------------- */

int transport_fd(const struct transport *transport)
{
  return poller_fd(transport->poller);
}

int64_t transport_timeout_ms(const struct transport *transport)
{
  if (!transport->underway)
    return -1;
  int64_t due = origins_due(&transport->origins);
  if (transport->deadline < due)
    due = transport->deadline;
  if (transport->timer >= 0 && transport->timer < due)
    due = transport->timer;
  int64_t left = due - now_ms();
  return left > 0 ? left : 0;
}

/* Of an error libcurl says nothing but that there is one: what it was it finds
   out where it tries to read or write. */
static int to_curl(int ready)
{
  const int all = CURL_CSELECT_IN | CURL_CSELECT_OUT | CURL_CSELECT_ERR;
  return (ready & POLLER_READ ? CURL_CSELECT_IN : 0) |
         (ready & POLLER_WRITE ? CURL_CSELECT_OUT : 0) |
         (ready & POLLER_ERROR ? all : 0);
}

enum transport_status transport_run(struct transport *transport,
                                    int64_t limit_ms, int *moved)
{
  *moved = 0;
  int64_t wait_ms = transport_timeout_ms(transport);
  if (wait_ms < 0) /* nothing is under way */
    return TRANSPORT_OK;
  if (limit_ms >= 0 && limit_ms < wait_ms)
    wait_ms = limit_ms;
  if (wait_ms > INT_MAX)
    wait_ms = INT_MAX;

  struct poller_event events[BATCH];
  int count = poller_wait(transport->poller, (int)wait_ms, events, BATCH);
  if (count < 0 && errno != EINTR)
    return TRANSPORT_SYSTEM;
  if (count < 0)
    return TRANSPORT_INTERRUPTED;
  if (count == 0 && transport_timeout_ms(transport) > 0)
    return TRANSPORT_OK; /* nothing is ready, nothing is due */

  enter_libcurl();
  CURLMcode code = CURLM_OK;
  int running;
  for (int i = 0; code == CURLM_OK && i < count; i++)
    code = curl_multi_socket_action(transport->multi, events[i].fd,
                                    to_curl(events[i].ready), &running);
  if (code == CURLM_OK && transport->timer >= 0 &&
      transport->timer <= now_ms()) {
    transport->timer = -1;
    code = curl_multi_socket_action(transport->multi, CURL_SOCKET_TIMEOUT, 0,
                                    &running);
  }
  if (code == CURLM_OK) {
    collect_finished(transport);
    collect_late(transport);
  } else {
    give_up(transport);
  }
  admit(transport);
  leave_libcurl();
  *moved = count;
  return TRANSPORT_OK;
}

unsigned long transport_next_finished(struct transport *transport)
{
  struct transfer *transfer = transport->finished;
  if (!transfer)
    return 0;
  move_to_list(transfer, &transport->settled);
  return transfer->id;
}

/* -- results ---------------------------------------------------------------- */

unsigned long transfer_id(const struct transfer *transfer)
{
  return transfer->id;
}

bool transfer_is_done(const struct transfer *transfer)
{
  return !transfer->running;
}

struct transfer_result transfer_result(const struct transfer *transfer)
{
  return transfer->result;
}

const char *transfer_header(const struct transfer *transfer, const char *name)
{
  struct curl_header *header;
  if (!transfer->easy ||
      curl_easy_header(transfer->easy, name, 0, CURLH_HEADER, -1, &header) !=
          CURLHE_OK)
    return NULL;
  if (header->index + 1 < header->amount &&
      curl_easy_header(transfer->easy, name, header->amount - 1, CURLH_HEADER,
                       -1, &header) != CURLHE_OK)
    return NULL;
  return header->value;
}

/* -- beginning and end ------------------------------------------------------ */

enum transport_status transport_new(struct transport **out)
{
  *out = NULL;
  if (!libcurl_init())
    return TRANSPORT_BAD_LIBCURL;

  struct transport *transport = calloc(1, sizeof(*transport));
  if (!transport)
    return TRANSPORT_NO_MEMORY;
  transport->pid = getpid();
  transport->timer = -1;
  transport->deadline = INT64_MAX;
  transport->trust = trust_of_system();
  transport->poller = poller_new();
  if (!transport->poller) {
    int saved = errno;
    free(transport);
    errno = saved;
    return TRANSPORT_SYSTEM;
  }
  *out = transport;
  return TRANSPORT_OK;
}

bool transport_is_ours(const struct transport *transport)
{
  return transport->pid == getpid();
}

/* In a child a handle that is in the multi stays: freeing it would end a
   request of the parent's. */
static void close_transfer(struct transfer *transfer, bool ours)
{
  bool is_parents = transfer->in_multi && !ours;
  if (transfer->running)
    transfer->result = (struct transfer_result){
        .outcome = OUTCOME_CLOSED,
        .message = outcome_message(OUTCOME_CLOSED, &transfer->seen)};
  if (ours)
    remove_from_multi(transfer);
  if (!is_parents)
    curl_easy_cleanup(transfer->easy);
  origins_leave(&transfer->transport->origins, &transfer->turn);
  take_from_list(transfer);
  transfer->running = transfer->in_multi = false;
  transfer->easy = NULL;
  transfer->transport = NULL;
}

static void close_transfers(struct transport *transport, bool ours)
{
  while (transport->underway)
    close_transfer(transport->underway, ours);
  while (transport->finished)
    close_transfer(transport->finished, ours);
  while (transport->settled)
    close_transfer(transport->settled, ours);
}

/* In a child: our copies of the connections are closed, which the parent does
   not notice; libcurl's and OpenSSL's memory stays, because freeing it would
   say goodbye on connections that the parent uses. It stays reachable too, so
   that a leak checker knows what it sees. */
static void abandon(struct transport *transport)
{
  static _Atomic(struct transport *) abandoned;
  if (!transport->poller)
    return; /* it was before, by way of a transfer */
  close_transfers(transport, false);
  sockets_free(&transport->sockets);
  poller_abandon(transport->poller);
  transport->poller = NULL;
  transport->next_abandoned = atomic_load(&abandoned);
  while (!atomic_compare_exchange_weak(&abandoned, &transport->next_abandoned,
                                       transport))
    ;
}

void transport_free(struct transport *transport)
{
  if (!transport)
    return;
  if (!transport_is_ours(transport)) {
    abandon(transport);
    return;
  }
  enter_libcurl();
  close_transfers(transport, true);
  curl_multi_cleanup(transport->multi);
  sockets_free(&transport->sockets);
  poller_free(transport->poller);
  leave_libcurl();
  free(transport);
}

void transfer_free(struct transfer *transfer)
{
  if (!transfer)
    return;
  struct transport *transport = transfer->transport;
  if (transport && !transport_is_ours(transport)) {
    abandon(transport); /* takes this transfer from it */
    transport = NULL;
  }
  if (transport) {
    enter_libcurl();
    if (transfer->running)
      leave(transfer);
    curl_easy_cleanup(transfer->easy);
    take_from_list(transfer);
    admit(transport);
    leave_libcurl();
  }
  buffer_free(&transfer->head);
  buffer_free(&transfer->url);
  buffer_free(&transfer->request_body);
  buffer_free(&transfer->body);
  free(transfer);
}

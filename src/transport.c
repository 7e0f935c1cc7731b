/* SPDX-License-Identifier: MIT */
#include "transport.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "libcurl.h"
#include "easy.h"
#include "scarcity.h"
#include "session.h"
#include "states.h"

enum { BATCH = 64 };

/* In nginx an error that a failed handshake leaves in the thread's OpenSSL
   queue would be taken for that of another request. */
static void enter_libcurl(void)
{
  ERR_set_mark();
}

static void leave_libcurl(void)
{
  ERR_pop_to_mark();
}

static enum transport_status status_of(int error)
{
  errno = error;
  return error == ENOMEM ? TRANSPORT_NO_MEMORY : TRANSPORT_SYSTEM;
}

/* -- starting ---------------------------------------------------------------- */

/* Over HTTP/2 those that want a new connection share one, over HTTP/1.1 each
   has its own. */
static void choose_connections(struct transfer *transfer,
                               const struct transport_request *request)
{
  const struct transfer *rival = request->rival;
  bool http2 = request->http2 && request->endpoint->tls;
  if (http2)
    transfer->pool = request->fresh ? POOL_FRESH : POOL_HTTP2;
  if (!request->fresh)
    return;
  transfer->new_connection = !http2;
  transfer->connection.heard_after =
      rival ? rival->connection.sent_at : transfer->started_at;
}

static void pair(struct transfer *transfer, struct transfer *rival)
{
  if (!rival || !transfer_is_running(rival) || rival->rival ||
      rival->transport != transfer->transport)
    return;
  transfer->rival = rival;
  rival->rival = transfer;
}

static struct transfer *new_transfer(struct transport *transport,
                                     const struct transport_request *request)
{
  static atomic_ulong last_id;
  struct transfer *transfer = calloc(1, sizeof(*transfer));
  if (!transfer)
    return NULL;
  transfer->id = atomic_fetch_add(&last_id, 1) + 1;
  transfer->transport = transport;
  transfer->started_at = clock_ms();
  transfer->deadline = transfer->started_at + request->timeout_ms;
  transfer->connection =
      (struct connection){.sockets = &transport->multi.sockets,
                          .watched = request->watch,
                          .stalls_at = INT64_MAX};
  buffer_init(&transfer->body, TRANSPORT_MAX_BODY);
  choose_connections(transfer, request);
  return transfer;
}

static enum transport_status prepare(struct transfer *transfer,
                                     const struct transport_request *request)
{
  struct transport *transport = transfer->transport;
  enum transport_status status = request_copy(&transfer->request, request);
  if (status != TRANSPORT_OK)
    return status;
  transfer->easy.handle = easy_new(transfer, request);
  if (!transfer->easy.handle ||
      multi_adopt(&transport->multi, &transfer->easy, transfer))
    return TRANSPORT_NO_MEMORY;
  transfer->place.route =
      routes_find(&transport->routes, request->endpoint->origin,
                  request->proxy, transfer->pool, transfer->started_at);
  return transfer->place.route ? TRANSPORT_OK : TRANSPORT_NO_MEMORY;
}

enum transport_status transport_start(struct transport *transport,
                                      const struct transport_request *request,
                                      struct transfer **out)
{
  *out = NULL;
  struct transport_request with_trust = *request;
  if (!request->ca_file && !request->ca_path) {
    with_trust.ca_file = transport->trust.file;
    with_trust.ca_path = transport->trust.path;
  } else if (request->endpoint->tls &&
             !trust_is_fit(request->ca_file, request->ca_path,
                           &transport->trust_seen)) {
    return TRANSPORT_BAD_TRUST;
  }
  struct transfer *transfer = new_transfer(transport, request);
  if (!transfer)
    return TRANSPORT_NO_MEMORY;
  enter_libcurl();
  enum transport_status status = prepare(transfer, &with_trust);
  if (status == TRANSPORT_OK) {
    states_start(transfer);
    states_admit(transport);
  }
  leave_libcurl();
  if (status != TRANSPORT_OK) {
    transfer_free(transfer);
    return status;
  }
  pair(transfer, request->rival);
  *out = transfer;
  return TRANSPORT_OK;
}

/* -- moving ------------------------------------------------------------------ */

static int64_t due_at(const struct transport *transport, int64_t now)
{
  if (!transport->running.first)
    return INT64_MAX;
  int64_t due = routes_due(&transport->routes, now);
  if (multi_due(&transport->multi) < due)
    due = multi_due(&transport->multi);
  return due;
}

int64_t transport_timeout_ms(const struct transport *transport)
{
  int64_t now = clock_ms();
  int64_t due = due_at(transport, now);
  if (due == INT64_MAX)
    return -1;
  return due > now ? due - now : 0;
}

static int set_alarm(struct transport *transport, int64_t now)
{
  return poller_alarm(transport->multi.poller, due_at(transport, now), now);
}

int transport_fd(struct transport *transport)
{
  transport->is_polled = set_alarm(transport, clock_ms()) == 0;
  return transport->is_polled ? poller_fd(transport->multi.poller) : -1;
}

int transport_waker(struct transport *transport, struct waker **out)
{
  *out = transport->waker;
  if (transport->waker)
    return 0;
  int fd = transport_fd(transport);
  int error = fd < 0 ? ENOSYS : waker_new(&transport->waker, fd);
  *out = transport->waker;
  return error;
}

int transport_arm(struct transport *transport, int64_t limit_ms)
{
  int64_t now = clock_ms();
  int error = transport->waker ? set_alarm(transport, now) : ENOTCONN;
  return error ? error : waker_arm(transport->waker, now + limit_ms, now);
}

void transport_disarm(struct transport *transport)
{
  if (transport->waker)
    waker_forget(transport->waker);
}

static enum transport_status run(struct transport *transport, int64_t limit_ms,
                                 int *moved)
{
  *moved = 0;
  int64_t wait_ms = transport_timeout_ms(transport);
  bool is_idle = wait_ms < 0; /* but its connections are watched */
  if (is_idle)
    wait_ms = 0;
  if (limit_ms >= 0 && limit_ms < wait_ms)
    wait_ms = limit_ms;
  if (wait_ms > INT_MAX)
    wait_ms = INT_MAX;

  struct poller_event events[BATCH];
  int count = 0, error = 0;
  if (wait_ms > 0 || multi_may_be_ready(&transport->multi))
    error = poller_wait(transport->multi.poller, (int)wait_ms, events, BATCH,
                        &count);
  if (error)
    return error == EINTR ? TRANSPORT_INTERRUPTED : status_of(error);
  if (count == 0 && (is_idle || transport_timeout_ms(transport) > 0))
    return TRANSPORT_OK; /* nothing is ready, nothing is due */
  if (count > 0)
    routes_moved(&transport->routes, clock_ms());

  enter_libcurl();
  int lack = multi_move(&transport->multi, events, count);
  if (lack) {
    states_fail_all(transport, lack);
    multi_reset(&transport->multi);
  } else {
    states_settle(transport);
  }
  states_admit(transport);
  leave_libcurl();
  *moved = count;
  return TRANSPORT_OK;
}

enum transport_status transport_run(struct transport *transport,
                                    int64_t limit_ms, int *moved)
{
  enum transport_status status = run(transport, limit_ms, moved);
  if (transport->is_polled)
    set_alarm(transport, clock_ms());
  return status;
}

unsigned long transport_next_finished(struct transport *transport)
{
  struct transfer *transfer = list_first(&transport->news);
  if (!transfer)
    return 0;
  list_remove(&transfer->news);
  return transfer->id;
}

void transfer_take_note(struct transfer *transfer)
{
  if (transfer->state == TRANSFER_STALLED)
    states_resume(transfer);
}

/* -- beginning and end ------------------------------------------------------- */

enum transport_status transport_new(struct transport **out)
{
  *out = NULL;
  if (libcurl_would_wait())
    return TRANSPORT_BAD_KEYLOG;
  enum libcurl_status ready = libcurl_init();
  if (ready != LIBCURL_READY)
    return ready == LIBCURL_UNFIT ? TRANSPORT_BAD_LIBCURL
                                  : TRANSPORT_NO_MEMORY;

  struct transport *transport = calloc(1, sizeof(*transport));
  if (!transport)
    return TRANSPORT_NO_MEMORY;
  transport->process = libcurl_process();
  int lack = multi_init(&transport->multi, MAX_CONNECTIONS, MAX_IDLE);
  if (!lack) /* a trust store is looked for once */
    lack = scarcity_of_descriptors(1);
  if (lack) {
    multi_free(&transport->multi);
    free(transport);
    return status_of(lack);
  }
  transport->trust = trust_of_system();
  *out = transport;
  return TRANSPORT_OK;
}

bool transport_is_ours(const struct transport *transport)
{
  return transport->process == libcurl_process();
}

/* Nobody is told. */
static void end_transfers(struct transport *transport)
{
  struct transfer *transfer;
  while ((transfer = list_first(&transport->running)))
    states_finish(transfer, OUTCOME_CLOSED);
  while ((transfer = list_first(&transport->news)))
    list_remove(&transfer->news);
  routes_free(&transport->routes);
}

/* In a child. What is not freed stays reachable, for leak checkers. */
static void abandon(struct transport *transport)
{
  static _Atomic(struct transport *) abandoned;
  if (!transport->multi.poller)
    return; /* already abandoned, by transfer_free */
  waker_abandon(transport->waker);
  multi_abandon(&transport->multi);
  end_transfers(transport);
  transport->next_abandoned = atomic_exchange(&abandoned, transport);
}

void transport_free(struct transport *transport)
{
  if (!transport)
    return;
  if (!transport_is_ours(transport)) {
    abandon(transport);
    return;
  }
  waker_free(transport->waker); /* it waits for the poller */
  enter_libcurl();
  end_transfers(transport);
  multi_free(&transport->multi);
  leave_libcurl();
  free(transport);
}

static void cancel(struct transfer *transfer)
{
  struct transport *transport = transfer->transport;
  if (!transport_is_ours(transport)) {
    abandon(transport);
    return;
  }
  if (transfer_has_rival(transfer))
    states_finish(transfer->rival, OUTCOME_CLOSED);
  states_finish(transfer, OUTCOME_CLOSED);
  states_admit(transport);
  if (transport->is_polled) /* what was admitted is due at once */
    set_alarm(transport, clock_ms());
}

void transfer_free(struct transfer *transfer)
{
  if (!transfer)
    return;
  enter_libcurl();
  if (transfer_is_running(transfer))
    cancel(transfer);
  if (transfer->rival)
    transfer->rival->rival = NULL;
  list_remove(&transfer->news);
  curl_easy_cleanup(transfer->easy.handle);
  leave_libcurl();
  session_drop(transfer->facts.session);
  request_free(&transfer->request);
  buffer_free(&transfer->body);
  free(transfer);
}

/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L /* getpid */
#include "transport.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "easy.h"
#include "libcurl.h"
#include "scarcity.h"
#include "transfer.h"

enum { BATCH = 64 };

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

static void collect_finished(struct transport *transport)
{
  CURL *easy;
  CURLcode code;
  while ((easy = multi_next_done(&transport->multi, &code))) {
    struct transfer *transfer = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
    transfer_settle(transfer, code);
  }
}

/* Whoever's turn has come goes out. Not from within libcurl's callbacks. */
static void admit(struct transport *transport)
{
  struct turn *turn;
  while ((turn = origins_next(&transport->origins, clock_ms()))) {
    struct transfer *transfer = turn->owner;
    transfer->sent = clock_ms();
    if (!transfer_send(transfer))
      transfer_end(transfer, OUTCOME_RESOURCE);
  }
}

/* Our own clock beside libcurl's, whose timer a failed allocation can lose,
   which does not count a second try, and knows nothing of silence. */
static void collect_late(struct transport *transport)
{
  int64_t now = clock_ms();
  if (now < transport->deadline)
    return;
  transport->deadline = INT64_MAX;
  struct transfer *next;
  for (struct transfer *each = transport->underway; each; each = next) {
    next = each->next;
    if (each->deadline <= now) {
      each->seen.late = true;
      each->seen.code = CURLE_OPERATION_TIMEDOUT;
      transfer_end(each, OUTCOME_TIMEOUT);
      continue;
    }
    if (each->silent <= now)
      transfer_stall(each);
    if (each->deadline < transport->deadline)
      transport->deadline = each->deadline;
    if (each->silent < transport->deadline)
      transport->deadline = each->silent;
  }
}

/* Of their sockets nobody would hear again. */
static void collect_unwatched(struct transport *transport)
{
  if (!transport->multi.unwatched)
    return;
  transport->multi.unwatched = false;
  struct transfer *next;
  for (struct transfer *each = transport->underway; each; each = next) {
    next = each->next;
    if (each->user.unwatched) {
      each->seen.lack = each->user.lack;
      transfer_end(each, OUTCOME_RESOURCE);
    }
  }
}

/* After an error of the multi handle's. */
static void give_up(struct transport *transport)
{
  while (transport->underway) {
    transport->underway->seen.code = CURLE_OUT_OF_MEMORY;
    transport->underway->seen.lack = ENOMEM;
    transfer_end(transport->underway, OUTCOME_RESOURCE);
  }
  multi_reset(&transport->multi);
}

/* -- starting --------------------------------------------------------------- */

/* Over HTTP/2 new connections are shared, over HTTP/1.1 each has its own. */
static void choose_connections(struct transfer *transfer,
                               const struct transport_request *request)
{
  bool http2 = request->http2 && request->endpoint->tls;
  if (http2)
    transfer->pool = request->fresh ? POOL_FRESH : POOL_HTTP2;
  if (!request->fresh)
    return;
  transfer->fresh = !http2;
  transfer->since = request->rival ? request->rival->asked : transfer->started;
}

static bool begin(struct transfer *transfer,
                  const struct transport_request *request)
{
  transfer->easy = easy_new(transfer, request);
  return transfer->easy && transfer_enter(transfer, request);
}

enum transport_status transport_start(struct transport *transport,
                                      const struct transport_request *request,
                                      struct transfer **out)
{
  *out = NULL;
  if (request->endpoint->tls &&
      !trust_is_fit(request->ca_file, request->ca_path, &transport->seen))
    return TRANSPORT_BAD_TRUST;
  struct transfer *transfer = calloc(1, sizeof(*transfer));
  if (!transfer)
    return TRANSPORT_NO_MEMORY;
  buffer_init(&transfer->body, TRANSPORT_MAX_BODY);
  transfer->seen.text = transfer->text;
  transfer->started = clock_ms();
  transfer->deadline = transfer->started + request->timeout_ms;
  transfer->silent = INT64_MAX;
  transfer->watched = request->watch;
  transfer->transport = transport;
  choose_connections(transfer, request);
  static atomic_ulong last_id;
  transfer->id = atomic_fetch_add(&last_id, 1) + 1;
  transfer_link(transfer, &transport->settled);

  enter_libcurl();
  enum transport_status status = request_copy(&transfer->request, request);
  if (status == TRANSPORT_OK && !begin(transfer, request))
    status = TRANSPORT_NO_MEMORY;
  if (status == TRANSPORT_OK)
    admit(transport);
  leave_libcurl();
  if (status != TRANSPORT_OK) {
    transfer_free(transfer);
    return status;
  }

  transfer_pair(transfer, request->rival);
  *out = transfer;
  return TRANSPORT_OK;
}

/* -- moving ----------------------------------------------------------------- */

int transport_fd(const struct transport *transport)
{
  return poller_fd(transport->multi.poller);
}

int64_t transport_timeout_ms(const struct transport *transport)
{
  if (!transport->underway)
    return -1;
  int64_t now = clock_ms();
  int64_t due = origins_due(&transport->origins, now);
  if (transport->deadline < due)
    due = transport->deadline;
  if (transport->multi.due < due)
    due = transport->multi.due;
  return due > now ? due - now : 0;
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
  int count =
      poller_wait(transport->multi.poller, (int)wait_ms, events, BATCH);
  if (count < 0 && errno != EINTR)
    return TRANSPORT_SYSTEM;
  if (count < 0)
    return TRANSPORT_INTERRUPTED;
  if (count == 0 && transport_timeout_ms(transport) > 0)
    return TRANSPORT_OK; /* nothing is ready, nothing is due */

  enter_libcurl();
  if (multi_move(&transport->multi, events, count)) {
    collect_finished(transport);
    collect_unwatched(transport);
    collect_late(transport);
  } else {
    give_up(transport);
  }
  admit(transport);
  leave_libcurl();
  *moved = count;
  return TRANSPORT_OK;
}

static struct transfer *next_stalled(struct transport *transport)
{
  struct transfer *each = transport->has_stalled ? transport->underway : NULL;
  while (each && !each->untold)
    each = each->next;
  transport->has_stalled = each != NULL;
  return each;
}

unsigned long transport_next_finished(struct transport *transport)
{
  struct transfer *transfer = transport->finished;
  if (transfer) {
    transfer_move(transfer, &transport->settled);
    return transfer->id;
  }
  transfer = next_stalled(transport);
  if (!transfer)
    return 0;
  transfer->untold = false;
  return transfer->id;
}

/* -- beginning and end ------------------------------------------------------ */

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
  transport->pid = getpid();
  transport->deadline = INT64_MAX;
  int lack = multi_init(&transport->multi, ORIGIN_MOST) ? 0 : errno;
  if (!lack) /* a trust store is looked for once */
    lack = scarcity_of_descriptors(1);
  if (lack) {
    multi_free(&transport->multi);
    free(transport);
    errno = lack;
    return TRANSPORT_SYSTEM;
  }
  transport->trust = trust_of_system();
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
    transfer_withdraw(transfer);
  if (!is_parents)
    curl_easy_cleanup(transfer->easy);
  origins_leave(&transfer->transport->origins, &transfer->turn, clock_ms());
  transfer_unlink(transfer);
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
  origins_free(&transport->origins);
}

/* In a child. What stays of it stays reachable, so that a leak checker knows
   what it sees. */
static void abandon(struct transport *transport)
{
  static _Atomic(struct transport *) abandoned;
  if (!transport->multi.poller)
    return; /* it was before, by way of a transfer */
  close_transfers(transport, false);
  multi_abandon(&transport->multi);
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
  multi_free(&transport->multi);
  leave_libcurl();
  free(transport);
}

void transfer_free(struct transfer *transfer)
{
  if (!transfer)
    return;
  struct transport *transport = transfer->transport;
  struct transfer *rival = transfer->rival;
  transfer_part(transfer);
  if (transport && !transport_is_ours(transport)) {
    abandon(transport); /* takes this transfer from it */
    transport = NULL;
  }
  if (transport) {
    enter_libcurl();
    if (transfer->running && rival && rival->running)
      transfer_end(rival, OUTCOME_CLOSED);
    if (transfer->running)
      transfer_leave(transfer);
    curl_easy_cleanup(transfer->easy);
    transfer_unlink(transfer);
    admit(transport);
    leave_libcurl();
  }
  transfer_hold(transfer, NULL);
  request_free(&transfer->request);
  buffer_free(&transfer->body);
  free(transfer);
}

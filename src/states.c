/* SPDX-License-Identifier: MIT */
#include "states.h"

#include <errno.h>

#include "libcurl.h"

static void tell(struct transfer *transfer)
{
  if (!transfer->news.list)
    list_append(&transfer->transport->news, &transfer->news, transfer);
}

/* Moves a transfer to the next state, as the diagram in transfer_state.h has
   it. Returns 0, or the errno of a lack, and then its state is as it was. */
static int move(struct transfer *transfer, enum transfer_state next)
{
  struct transport *transport = transfer->transport;
  struct multi *multi = &transport->multi;
  int lack = 0;
  switch (next) {
  case TRANSFER_NEW:
    break;
  case TRANSFER_PENDING:
    routes_wait(&transport->routes, &transfer->place, transfer, clock_ms());
    list_append(&transport->running, &transfer->running, transfer);
    multi_limit(multi, transfer->deadline);
    break;
  case TRANSFER_ACTIVE:
    if (transfer->state == TRANSFER_STALLED) {
      list_remove(&transfer->news);
      break;
    }
    transfer->active_at = clock_ms();
    lack = multi_add(multi, &transfer->easy);
    break;
  case TRANSFER_STALLED:
    connection_stalled(&transfer->connection);
    tell(transfer);
    break;
  case TRANSFER_DONE:
    multi_remove(&transfer->easy);
    connection_end(&transfer->connection);
    routes_leave(&transport->routes, &transfer->place, clock_ms());
    list_remove(&transfer->running);
    if (!transport->running.first)
      multi->limit_due = INT64_MAX;
    tell(transfer);
    transfer->transport = NULL;
    break;
  }
  if (!lack)
    transfer->state = next;
  return lack;
}

void states_finish(struct transfer *transfer, enum outcome outcome)
{
  struct transfer *rival = transfer->rival;
  transfer_report(transfer, outcome);
  if (outcome == OUTCOME_TIMEOUT || outcome == OUTCOME_NETWORK)
    connection_suspect(&transfer->connection);
  move(transfer, TRANSFER_DONE);
  if (transfer->easy.handle)
    curl_easy_setopt(transfer->easy.handle, CURLOPT_HTTPHEADER, NULL);
  request_forget(&transfer->request);
  if (outcome != OUTCOME_ANSWER || !transfer_has_rival(transfer))
    return;
  if (rival->facts.header_bytes == 0)
    connection_suspect(&rival->connection);
  states_finish(rival, OUTCOME_CLOSED);
}

static void fail_for(struct transfer *transfer, int lack)
{
  transfer->facts.lack = lack;
  states_finish(transfer, OUTCOME_RESOURCE);
}

/* Returns 0, or the errno of a lack; then the transfer cannot go on. */
static int send_again(struct transfer *transfer)
{
  if (!transfer->facts.unusable)
    connection_suspect(&transfer->connection);
  multi_remove(&transfer->easy);
  connection_end(&transfer->connection);
  transfer_reset(transfer);
  transfer->new_connection = true;
  if (curl_easy_setopt(transfer->easy.handle, CURLOPT_FRESH_CONNECT, 1L))
    return ENOMEM;
  return multi_add(&transfer->transport->multi, &transfer->easy);
}

void states_admit(struct transport *transport)
{
  struct transfer *transfer;
  while ((transfer = routes_next(&transport->routes, clock_ms()))) {
    int lack = move(transfer, TRANSFER_ACTIVE);
    if (lack)
      fail_for(transfer, lack);
  }
}

static void settle(struct transfer *transfer, CURLcode code)
{
  struct facts *facts = &transfer->facts;
  if (code != CURLE_OPERATION_TIMEDOUT)
    routes_not_resolved(&transfer->place);
  transfer_read_facts(transfer, code);
  if (transfer_needs_new_connection(transfer)) {
    int lack = send_again(transfer);
    if (lack) {
      facts->code = CURLE_OUT_OF_MEMORY;
      fail_for(transfer, lack);
    }
    return;
  }
  facts->lack = transfer_lack(transfer);
  states_finish(transfer, outcome_of(facts));
}

static void settle_done(struct transport *transport)
{
  struct transfer *transfer;
  CURLcode code;
  while ((transfer = multi_next_done(&transport->multi, &code)))
    settle(transfer, code);
}

/* A socket that is not watched will never be ready. */
static void end_unwatched(struct transport *transport)
{
  if (!transport->multi.has_unwatched)
    return;
  transport->multi.has_unwatched = false;
  struct list_item *next;
  for (struct list_item *item = transport->running.first; item; item = next) {
    struct transfer *transfer = item->owner;
    next = item->next;
    if (transfer->easy.watch_lack)
      fail_for(transfer, transfer->easy.watch_lack);
  }
}

static void check_limits(struct transfer *transfer, int64_t now)
{
  if (transfer->deadline <= now) {
    transfer->facts.late = true;
    transfer->facts.code = CURLE_OPERATION_TIMEDOUT;
    states_finish(transfer, OUTCOME_TIMEOUT);
    return;
  }
  if (transfer->connection.stalls_at <= now)
    move(transfer, TRANSFER_STALLED);
  multi_limit(&transfer->transport->multi, transfer->deadline);
  multi_limit(&transfer->transport->multi, transfer->connection.stalls_at);
}

/* libcurl has a timer of its own, but that can get lost when memory runs out,
   starts anew with a second attempt, and does not know of silence. */
static void check_all_limits(struct transport *transport)
{
  int64_t now = clock_ms();
  if (now < transport->multi.limit_due)
    return;
  transport->multi.limit_due = INT64_MAX;
  struct list_item *next;
  for (struct list_item *item = transport->running.first; item; item = next) {
    next = item->next;
    check_limits(item->owner, now);
  }
}

void states_settle(struct transport *transport)
{
  settle_done(transport);
  end_unwatched(transport);
  check_all_limits(transport);
}

void states_fail_all(struct transport *transport, int lack)
{
  struct transfer *transfer;
  while ((transfer = list_first(&transport->running))) {
    transfer->facts.code = CURLE_OUT_OF_MEMORY;
    fail_for(transfer, lack);
  }
}

void states_start(struct transfer *transfer)
{
  move(transfer, TRANSFER_PENDING);
}

void states_resume(struct transfer *transfer)
{
  move(transfer, TRANSFER_ACTIVE);
}

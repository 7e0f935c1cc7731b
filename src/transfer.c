/* SPDX-License-Identifier: MIT */
#include "transfer.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "easy.h"
#include "scarcity.h"

/* -- on its way ------------------------------------------------------------- */

void transfer_unlink(struct transfer *transfer)
{
  *transfer->link = transfer->next;
  if (transfer->next)
    transfer->next->link = transfer->link;
}

void transfer_link(struct transfer *transfer, struct transfer **list)
{
  transfer->next = *list;
  transfer->link = list;
  if (transfer->next)
    transfer->next->link = &transfer->next;
  *list = transfer;
}

void transfer_move(struct transfer *transfer, struct transfer **list)
{
  transfer_unlink(transfer);
  transfer_link(transfer, list);
}

bool transfer_enter(struct transfer *transfer,
                    const struct transport_request *request)
{
  struct transport *transport = transfer->transport;
  transfer->turn.owner = transfer;
  if (!origins_join(&transport->origins, request->endpoint->origin,
                    request->proxy, transfer->pool, transfer->started,
                    &transfer->turn))
    return false;
  transfer->running = true;
  transfer_move(transfer, &transport->underway);
  if (transfer->deadline < transport->deadline)
    transport->deadline = transfer->deadline;
  return true;
}

bool transfer_send(struct transfer *transfer)
{
  struct evidence *seen = &transfer->seen;
  seen->lack = multi_add(&transfer->transport->multi, transfer->easy);
  transfer->in_multi = !seen->lack;
  return transfer->in_multi;
}

void transfer_withdraw(struct transfer *transfer)
{
  struct multi *multi = &transfer->transport->multi;
  if (!transfer->in_multi)
    return;
  multi_remove(multi, transfer->easy);
  sockets_release(&multi->sockets, transfer->socket);
  transfer->socket = 0;
  transfer->in_multi = false;
}

void transfer_hold(struct transfer *transfer, struct session *session)
{
  session_drop(transfer->session);
  transfer->session = session;
  transfer->seen.session = session;
}

void transfer_leave(struct transfer *transfer)
{
  struct transport *transport = transfer->transport;
  transfer_withdraw(transfer);
  origins_leave(&transport->origins, &transfer->turn, clock_ms());
  transfer->running = transfer->stalled = transfer->untold = false;
  transfer_move(transfer, &transport->finished);
  if (!transport->underway)
    transport->deadline = INT64_MAX;
}

/* -- the end ---------------------------------------------------------------- */

static int http_version(CURL *easy)
{
  switch (easy_number(easy, CURLINFO_HTTP_VERSION)) {
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

/* Of the answer itself: those below 200 only announce it. */
static long status_of(const struct transfer *transfer)
{
  return transfer->framing.status < 200 ? 0 : transfer->framing.status;
}

/* libcurl counts from when the turn had come. */
static double since_start(const struct transfer *transfer, CURLINFO info)
{
  double time = easy_seconds(transfer->easy, info);
  double waited = (double)(transfer->sent - transfer->started) / 1e3;
  return time > 0 ? time + waited : 0;
}

void transfer_end(struct transfer *transfer, enum outcome outcome)
{
  CURL *easy = transfer->easy;
  struct transfer_result *result = &transfer->result;
  *result = (struct transfer_result){
      .outcome = outcome,
      .code = (int)transfer->seen.code,
      .status = status_of(transfer),
      .http_version = http_version(easy),
      .reused = transfer->kept,
      .timing = {.dns = since_start(transfer, CURLINFO_NAMELOOKUP_TIME_T),
                 .connect = since_start(transfer, CURLINFO_CONNECT_TIME_T),
                 .tls = since_start(transfer, CURLINFO_APPCONNECT_TIME_T),
                 .first_byte =
                     since_start(transfer, CURLINFO_STARTTRANSFER_TIME_T),
                 .total = since_start(transfer, CURLINFO_TOTAL_TIME_T)},
  };
  if (outcome == OUTCOME_ANSWER) {
    result->body = buffer_bytes(&transfer->body);
  } else {
    result->message = outcome_message(outcome, &transfer->seen);
    result->hint = outcome_hint(outcome, &transfer->seen);
  }
  if (transfer->seen.late) /* libcurl's clock stopped with its last byte */
    result->timing.total = (double)(clock_ms() - transfer->started) / 1e3;
  if (outcome == OUTCOME_TIMEOUT || outcome == OUTCOME_NETWORK)
    transfer_doubt(transfer);
  if (transfer->running)
    transfer_leave(transfer);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
  request_forget(&transfer->request);
  if (outcome == OUTCOME_ANSWER && transfer_has_rival(transfer))
    transfer_lose(transfer->rival);
}

/* A kept connection may have died, or have become unusable, since its last
   request. That is no news for the caller: once more over a new one, unless a
   second request is on its way anyhow. */
static bool deserves_new_connection(const struct transfer *transfer)
{
  if (transfer->fresh || (transfer_has_rival(transfer) && !transfer->since))
    return false;
  if (transfer->seen.unfit)
    return true;
  switch (transfer->seen.code) {
  case CURLE_SEND_ERROR:
  case CURLE_RECV_ERROR:
  case CURLE_GOT_NOTHING:
  case CURLE_HTTP2:
  case CURLE_HTTP2_STREAM:
    return transfer->header_bytes == 0 && transfer->kept;
  default:
    return false;
  }
}

static bool start_again(struct transfer *transfer)
{
  if (!transfer->seen.unfit)
    transfer_doubt(transfer);
  transfer_withdraw(transfer);
  buffer_reset(&transfer->body);
  transfer->header_bytes = 0;
  transfer->rounds = 0;
  transfer->framing = (struct framing){0};
  transfer->seen = (struct evidence){.text = transfer->text};
  transfer_hold(transfer, NULL);
  transfer->text[0] = '\0';
  transfer->fresh = true;
  transfer->kept = false;
  transfer->silent = INT64_MAX;
  return curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 1L) ==
             CURLE_OK &&
         transfer_send(transfer);
}

static int lack_of_connection(const struct transfer *transfer)
{
  int error = (int)easy_number(transfer->easy, CURLINFO_OS_ERRNO);
  if (transfer->user.lack)
    return transfer->user.lack;
  if (scarcity_is_of_sockets(error))
    return error;
  if (scarcity_in_words(transfer->text))
    return ENOMEM;
  /* The error is that of one address among several. */
  return transfer->seen.code == CURLE_COULDNT_CONNECT ? scarcity_of_ports()
                                                      : 0;
}

/* It wants two descriptors to hear of its thread, and the thread. */
static int lack_of_lookup(const struct transfer *transfer)
{
  int lack = transfer->user.lookup_lack;
  if (!lack)
    lack = scarcity_of_descriptors(2);
  return lack ? lack : scarcity_of_threads();
}

static int lack_of_trust(const struct transfer *transfer)
{
  int lack = transfer->transport->multi.lack;
  const char *file = transfer->request.ca_file.data;
  if (!lack)
    lack = scarcity_of_descriptors(1);
  return lack || (file && !trust_is_good(file)) ? lack : ENOMEM;
}

/* The names in a certificate, which are there: there was no memory for them. */
static bool could_not_copy(const char *text)
{
  return strncmp(text, "SSL: could not get X509", 23) == 0;
}

/* What libcurl's code says is not always what it was for. */
static int lack_of(const struct transfer *transfer)
{
  const struct session *session = transfer->session;
  switch (transfer->seen.code) {
  case CURLE_OUT_OF_MEMORY:
  case CURLE_SSL_CIPHER: /* the list is ours, and good */
    return ENOMEM;
  case CURLE_COULDNT_CONNECT:
  case CURLE_SEND_ERROR:
  case CURLE_RECV_ERROR:
    return lack_of_connection(transfer);
  case CURLE_FAILED_INIT:
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
    return lack_of_lookup(transfer);
  case CURLE_SSL_CACERT_BADFILE:
    return lack_of_trust(transfer);
  case CURLE_PEER_FAILED_VERIFICATION:
    return (session && session_lacked_memory(session)) ||
                   could_not_copy(transfer->text)
               ? ENOMEM
               : scarcity_of_memory();
  case CURLE_SSL_CONNECT_ERROR: /* without a session it had not begun */
    if (strncmp(transfer->text, "error setting certificate", 25) == 0)
      return lack_of_trust(transfer);
    return !session || session_lacked_memory(session)
               ? ENOMEM
               : scarcity_in_words(transfer->text);
  case CURLE_WRITE_ERROR: /* on_body's word */
    return transfer->user.lack;
  default:
    return 0;
  }
}

void transfer_settle(struct transfer *transfer, CURLcode code)
{
  CURL *easy = transfer->easy;
  struct evidence *seen = &transfer->seen;
  if (code != CURLE_OPERATION_TIMEDOUT)
    origins_not_found(&transfer->turn);
  seen->code = code;
  seen->proxy_status = easy_number(easy, CURLINFO_HTTP_CONNECTCODE);
  seen->first_byte = easy_seconds(easy, CURLINFO_STARTTRANSFER_TIME_T) > 0;
  seen->http2 = transfer->framing.http2;
  seen->headers_ended = transfer->framing.ended && status_of(transfer) > 0;
  seen->has_end = framing_has_end(&transfer->framing);
  if (deserves_new_connection(transfer)) {
    if (start_again(transfer))
      return;
    seen->code = CURLE_OUT_OF_MEMORY;
  }
  seen->lack = lack_of(transfer);
  transfer_end(transfer, outcome_of(seen));
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

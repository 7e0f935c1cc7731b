/* SPDX-License-Identifier: MIT */
#include "transfer_state.h"

#include <errno.h>
#include <string.h>

#include "libcurl.h"
#include "getinfo.h"
#include "scarcity.h"
#include "session.h"

/* -- an attempt that libcurl is done with ----------------------------------- */

void transfer_read_facts(struct transfer *transfer, CURLcode code)
{
  struct facts *facts = &transfer->facts;
  CURL *easy = transfer->easy.handle;
  facts->code = (int)code;
  facts->request_sent = transfer->connection.request_sent;
  facts->proxy_status = getinfo_number(easy, CURLINFO_HTTP_CONNECTCODE);
  facts->first_byte = getinfo_seconds(easy, CURLINFO_STARTTRANSFER_TIME_T) > 0;
}

/* A kept connection may have died, or have become unusable, since its last
   request. That is no failure that the caller need hear of: the request goes
   out once more, unless a second one is on its way anyhow. */
bool transfer_needs_new_connection(const struct transfer *transfer)
{
  const struct facts *facts = &transfer->facts;
  if (transfer->new_connection)
    return false;
  if (transfer_has_rival(transfer) && !transfer->connection.heard_after)
    return false;
  if (facts->unusable)
    return true;
  switch (facts->code) {
  case CURLE_SEND_ERROR:
  case CURLE_RECV_ERROR:
  case CURLE_GOT_NOTHING:
  case CURLE_HTTP2:
  case CURLE_HTTP2_STREAM:
    return facts->header_bytes == 0 && transfer->connection.kept;
  default:
    return false;
  }
}

void transfer_reset(struct transfer *transfer)
{
  session_drop(transfer->facts.session);
  transfer->facts = (struct facts){.code = 0};
  buffer_reset(&transfer->body);
}

/* -- what the system lacked ------------------------------------------------- */

static int lack_of_connection(const struct transfer *transfer)
{
  const struct facts *facts = &transfer->facts;
  int error = (int)getinfo_number(transfer->easy.handle, CURLINFO_OS_ERRNO);
  if (transfer->easy.socket_lack)
    return transfer->easy.socket_lack;
  if (transfer->easy.watch_lack)
    return transfer->easy.watch_lack;
  if (scarcity_is_of_sockets(error))
    return error;
  if (scarcity_in_words(facts->text))
    return ENOMEM;
  /* The error is that of one address among several. */
  return facts->code == CURLE_COULDNT_CONNECT ? scarcity_of_ports() : 0;
}

/* A look-up needs a thread, and two descriptors to be told of its end. */
static int lack_of_lookup(const struct transfer *transfer)
{
  int lack = transfer->easy.lookup_lack;
  if (!lack)
    lack = scarcity_of_descriptors(2);
  return lack ? lack : scarcity_of_threads();
}

static int lack_of_trust(const struct transfer *transfer)
{
  int lack = transfer->easy.multi->lack;
  const char *file = transfer->request.ca_file.data;
  if (!lack)
    lack = scarcity_of_descriptors(1);
  return lack || (file && !trust_is_good(file)) ? lack : ENOMEM;
}

static int lack_of_handshake(const struct facts *facts)
{
  /* Without a session it had not begun. */
  if (!facts->session || session_lacked_memory(facts->session))
    return ENOMEM;
  return scarcity_in_words(facts->text);
}

/* libcurl copies the names in the certificate, for which it needs memory. */
static int lack_of_verification(const struct facts *facts)
{
  bool could_not_copy =
      strncmp(facts->text, "SSL: could not get X509", 23) == 0;
  if (could_not_copy ||
      (facts->session && session_lacked_memory(facts->session)))
    return ENOMEM;
  return scarcity_of_memory();
}

/* libcurl has the same code for a lack and for other failures. */
int transfer_lack(const struct transfer *transfer)
{
  const struct facts *facts = &transfer->facts;
  switch (facts->code) {
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
    return lack_of_verification(facts);
  case CURLE_SSL_CONNECT_ERROR:
    return strncmp(facts->text, "error setting certificate", 25) == 0
               ? lack_of_trust(transfer)
               : lack_of_handshake(facts);
  case CURLE_WRITE_ERROR: /* on_body has noted it */
    return facts->lack;
  default:
    return 0;
  }
}

/* -- the result -------------------------------------------------------------- */

static int http_version(CURL *easy)
{
  switch (getinfo_number(easy, CURLINFO_HTTP_VERSION)) {
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

/* libcurl counts from when the transfer became active. */
static double since_start(const struct transfer *transfer, CURLINFO info)
{
  double seconds = getinfo_seconds(transfer->easy.handle, info);
  int64_t pending_ms = transfer->active_at - transfer->started_at;
  return seconds > 0 ? seconds + (double)pending_ms / 1e3 : 0;
}

static struct transfer_timing timing_of(const struct transfer *transfer)
{
  struct transfer_timing timing = {
      .dns = since_start(transfer, CURLINFO_NAMELOOKUP_TIME_T),
      .connect = since_start(transfer, CURLINFO_CONNECT_TIME_T),
      .tls = since_start(transfer, CURLINFO_APPCONNECT_TIME_T),
      .first_byte = since_start(transfer, CURLINFO_STARTTRANSFER_TIME_T),
      .total = since_start(transfer, CURLINFO_TOTAL_TIME_T)};
  if (transfer->facts.late) /* libcurl's clock stopped with its last byte */
    timing.total = (double)(clock_ms() - transfer->started_at) / 1e3;
  return timing;
}

void transfer_report(struct transfer *transfer, enum outcome outcome)
{
  const struct facts *facts = &transfer->facts;
  struct transfer_result *result = &transfer->result;
  *result = (struct transfer_result){
      .outcome = outcome,
      .code = facts->code,
      .status = facts->framing.status < 200 ? 0 : facts->framing.status,
      .http_version = http_version(transfer->easy.handle),
      .reused = transfer->connection.kept,
      .timing = timing_of(transfer)};
  if (outcome == OUTCOME_ANSWER) {
    result->body = buffer_bytes(&transfer->body);
  } else {
    result->message = outcome_message(outcome, facts);
    result->hint = outcome_hint(outcome, facts);
  }
}

/* -- as its owner sees it ---------------------------------------------------- */

unsigned long transfer_id(const struct transfer *transfer)
{
  return transfer->id;
}

bool transfer_is_done(const struct transfer *transfer)
{
  return transfer->state == TRANSFER_DONE;
}

bool transfer_is_stalled(const struct transfer *transfer)
{
  return transfer->state == TRANSFER_STALLED;
}

struct transfer_result transfer_result(const struct transfer *transfer)
{
  return transfer->result;
}

const char *transfer_header(const struct transfer *transfer, const char *name)
{
  CURL *easy = transfer->easy.handle;
  struct curl_header *header;
  if (!easy || curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header))
    return NULL;
  if (header->index + 1 < header->amount &&
      curl_easy_header(easy, name, header->amount - 1, CURLH_HEADER, -1,
                       &header))
    return NULL;
  return header->value;
}

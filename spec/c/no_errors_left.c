/* SPDX-License-Identifier: MIT */
/* no_errors_left ENDPOINT: checks that a failed handshake, with this endpoint,
   leaves OpenSSL's error queue empty. In nginx an error that is left there
   makes another connection fail. */
#include <openssl/err.h>
#include <string.h>

#include "check.h"
#include "endpoint.h"
#include "transport.h"

static void fail_with_tls(struct transport *transport, const char *text)
{
  struct endpoint endpoint;
  const struct bytes bytes = {text, strlen(text)};
  check(endpoint_parse(bytes, NULL, &endpoint) == ENDPOINT_OK, "an endpoint");
  const struct header host = {BYTES("Host"),
                              {endpoint.host, strlen(endpoint.host)}};
  const struct transport_request request = {.endpoint = &endpoint,
                                            .headers = &host,
                                            .header_count = 1,
                                            .path = BYTES("/"),
                                            .timeout_ms = 20000,
                                            .connect_timeout_ms = 20000};
  struct transfer *transfer;
  check(transport_start(transport, &request, &transfer) == TRANSPORT_OK,
        "a transfer");
  while (!transfer_is_done(transfer)) {
    int moved;
    check(transport_run(transport, -1, &moved) == TRANSPORT_OK, "a step");
  }
  check(transfer_result(transfer).outcome == OUTCOME_TLS, "a failure of TLS");
  transfer_free(transfer);
}

int main(int argc, char **argv)
{
  struct transport *transport;
  check(transport_new(&transport) == TRANSPORT_OK, "a transport");
  ERR_clear_error();
  check(argc == 2, "one endpoint");
  fail_with_tls(transport, argv[1]);
  check(ERR_peek_error() == 0, "the queue is empty");
  transport_free(transport);
  return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: MIT */
/* The connection that a transfer's request goes over: whether it was kept from
   an earlier request, and how long it may be silent.

   A kept connection that a NAT or a load balancer has forgotten looks like one
   on which a slow service is at work. The time that its last answer took tells
   the two apart. */
#ifndef BALANCE_CONNECTION_H
#define BALANCE_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "sockets.h"

#pragma GCC visibility push(hidden)

/* Times are in milliseconds, of clock_ms(). */
struct connection {
  struct sockets *sockets; /* of its transport */
  bool watched;            /* for silence, where it is a kept one */
  int64_t heard_after;     /* a kept one not heard since then will not do */
  bool request_sent;
  bool kept;
  unsigned long socket; /* its id there; 0: none */
  unsigned long route;
  int64_t sent_at;   /* when a request of this transfer went out last */
  int64_t stalls_at; /* without an answer; INT64_MAX: not watched */
};

/* A connection for a request that must be answered by the deadline goes the
   way that `use` says; `kept`: it was not opened for this. Returns what was
   found of its socket. */
enum socket_state connection_begin(struct connection *connection,
                                   const struct socket_use *use, bool kept,
                                   int64_t deadline);

/* A part of the answer came. */
void connection_heard(struct connection *connection, bool is_first);

/* It has been silent for too long, which is noticed once. */
void connection_stalled(struct connection *connection);

/* Nothing came of the request. This connection may be dead; if it was a kept
   one, so may the others of the route that were not heard since. */
void connection_suspect(const struct connection *connection);

/* The request is over. */
void connection_end(struct connection *connection);

#pragma GCC visibility pop

#endif

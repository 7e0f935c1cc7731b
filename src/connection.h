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
  struct sockets *sockets; /* the transport's */
  bool watched;            /* for silence, if it is a kept one */
  int64_t heard_after;     /* else a kept one is not good enough; 0: it is */
  bool request_sent;
  bool kept;
  unsigned long socket; /* its id; 0: none */
  unsigned long route;  /* its id */
  int64_t sent_at;      /* when the transfer's last request went out */
  int64_t stalls_at;    /* unless it is heard before; INT64_MAX: never */
};

/* A request is about to go out, which must be answered by the deadline.
   `kept`: the connection was not opened for it. */
enum socket_state connection_begin(struct connection *connection,
                                   const struct socket_use *use, bool kept,
                                   int64_t deadline);

/* A part of the answer came. */
void connection_heard(struct connection *connection, bool is_first);

/* It has been silent for too long. It is not watched any longer. */
void connection_stalled(struct connection *connection);

/* Nothing came of the request. This connection may be dead; if it was a kept
   one, so may the others of the route that were not heard since. */
void connection_suspect(const struct connection *connection);

/* The request is over. */
void connection_end(struct connection *connection);

#pragma GCC visibility pop

#endif

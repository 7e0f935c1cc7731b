/* SPDX-License-Identifier: MIT */
/* The routes of a transport: an origin, the proxy on the way to it, and the
   pool that connections are taken from. A transfer is pending on its route
   until it may go, which is to ask libcurl for a connection.

   Over HTTP/1.1 each transfer has a connection. At first no more go than
   connections are kept afterwards, for each further one is a handshake more at
   every such crowd. The others are pending until one is free, which is soon
   where answers come quickly. Where nothing moves for a while, or one is
   pending for long, the service is slow, and more go.

   Where HTTP/2 is welcome too, libcurl opens a connection for each of many that
   begin together, for it cannot know yet that one would carry them all. So one
   goes first, and the others are pending until it is connected: then over
   HTTP/2 as many go as fit on the connections there are, and one more to open
   another. While a host's address is not known, few go, as lookups.h says. A
   long list of pending transfers costs nothing here; inside libcurl it does. */
#ifndef BALANCE_ROUTES_H
#define BALANCE_ROUTES_H

#include <stdbool.h>
#include <stdint.h>

#include "list.h"

#pragma GCC visibility push(hidden)

/* In all, and those that are kept when none is in use. */
enum { MAX_CONNECTIONS = 512, MAX_IDLE = 64 };

/* A connection belongs to one pool. */
enum pool {
  POOL_HTTP1,
  POOL_HTTP2, /* HTTP/2 is welcome */
  POOL_FRESH  /* the same, for transfers that must not use an old one */
};

struct route;

struct routes {
  struct list list; /* those in use, now or a minute ago; owned */
  int64_t moved_at; /* the last time that routes_moved was called */
  unsigned long last_id;
};

/* The place of one transfer on its route. Begins as zeros. */
struct route_place {
  void *transfer;
  struct route *route;      /* NULL: on none */
  struct list_item pending; /* in the route's list until it goes */
  int64_t pending_since;
  bool connecting; /* it went, and has no connection yet */
  int64_t *lookup; /* as lookups_begin has it */
};

/* The route to this origin, made where there is none; a NULL proxy is the
   environment's. NULL: no memory. */
struct route *routes_find(struct routes *routes, const char *origin,
                          const char *proxy, enum pool pool, int64_t now);

/* From 1, never the same for two of them. */
unsigned long route_id(const struct route *route);

/* The transfer is pending on its route, after the others. */
void routes_wait(struct routes *routes, struct route_place *place,
                 void *transfer, int64_t now);

/* Something comes over one of the connections. */
void routes_moved(struct routes *routes, int64_t now);

/* A pending transfer goes. NULL: none may go now. */
void *routes_next(struct routes *routes, int64_t now);

/* When one may go if nothing happens before; INT64_MAX: none may. */
int64_t routes_due(const struct routes *routes, int64_t now);

/* The address of its host is known, as a socket is opened; or the look-up is
   over without that. */
void routes_resolved(struct route_place *place, int64_t now);
void routes_not_resolved(struct route_place *place);

/* Its request is about to go out over a connection. */
void routes_connected(struct route_place *place, bool http2, bool is_new,
                      int64_t now);

/* It leaves its route, pending or not. Does nothing if it is on none. */
void routes_leave(struct routes *routes, struct route_place *place,
                  int64_t now);

/* Frees the routes; no transfer may be on them. */
void routes_free(struct routes *routes);

#pragma GCC visibility pop

#endif

/* SPDX-License-Identifier: MIT */
/* The routes of a transport. A route is an origin, the proxy on the way to it,
   and which connections will do. A transfer on it is pending until it may have
   a connection.

   Over HTTP/1.1 each transfer has a connection. Where HTTP/2 is welcome too,
   libcurl opens a connection for each of many that begin together, for it
   cannot know yet that one would carry them all. So one goes first, and the
   others are pending until it is connected: then over HTTP/2 as many go as fit
   on the connections there are, and one more to open another. While a host's
   address is not known, only a few go, as lookups.h says. Pending here costs
   nothing; a long list inside libcurl does. */
#ifndef BALANCE_ROUTES_H
#define BALANCE_ROUTES_H

#include <stdbool.h>
#include <stdint.h>

#include "list.h"

#pragma GCC visibility push(hidden)

enum { MAX_CONNECTIONS = 512 };

/* Which connections will do. libcurl keeps those of each pool apart. */
enum pool {
  POOL_HTTP1,
  POOL_HTTP2, /* HTTP/2 is welcome */
  POOL_FRESH  /* the same, but over none of the old ones */
};

struct route;

struct routes {
  struct list list; /* those in use, now or a minute ago; owned */
  unsigned long last_id;
};

/* Where one transfer is on its route. Begins as zeros. */
struct route_place {
  void *transfer;
  struct route *route;      /* NULL: on none */
  struct list_item pending; /* in the route's list, else it may go */
  bool connecting;          /* it may go, but has no connection yet */
  int64_t *lookup; /* the place of its host's look-up, see lookups.h */
};

/* The route to this origin, made where there is none; a NULL proxy is the
   environment's. NULL: no memory. */
struct route *routes_find(struct routes *routes, const char *origin,
                          const char *proxy, enum pool pool, int64_t now);

/* From 1, never the same for two of them. */
unsigned long route_id(const struct route *route);

/* The transfer is pending on the route of its place, behind the others. */
void routes_wait(struct route_place *place, void *transfer);

/* The next pending transfer that may go: it is pending no more. NULL: none
   may. */
void *routes_next(struct routes *routes, int64_t now);

/* When one may go though nothing has happened until then; INT64_MAX: none. */
int64_t routes_due(const struct routes *routes, int64_t now);

/* Its host's address was found, as a socket is opened; or the look-up is over
   without that. */
void routes_resolved(struct route_place *place, int64_t now);
void routes_not_resolved(struct route_place *place);

/* Its request is about to go out over a connection. */
void routes_connected(struct route_place *place, bool http2, bool is_new,
                      int64_t now);

/* It is over, wherever it was. Does nothing where it is on no route. */
void routes_leave(struct routes *routes, struct route_place *place,
                  int64_t now);

/* Frees the routes; no transfer may be on them. */
void routes_free(struct routes *routes);

#pragma GCC visibility pop

#endif

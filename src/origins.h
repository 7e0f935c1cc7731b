/* SPDX-License-Identifier: MIT */
/* Whose turn it is among the transfers to one origin by way of one proxy.

   Over HTTP/1.1 each has a connection. Where HTTP/2 is welcome too, libcurl
   opens a connection for each of many that begin together, for it cannot know
   yet that one would carry them all. So one goes first, and the others wait
   until it is connected: then over HTTP/2 as many go as fit on the
   connections there are, and one more to open another. While a host's address
   is not known, few go to look it up. Beyond that they wait here, where it
   costs nothing, rather than in libcurl's lists.

   Those that must not go over an old connection have turns of their own: one
   of them opens a new one, and the others follow. */
#ifndef BALANCE_ORIGINS_H
#define BALANCE_ORIGINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

struct origin;

/* Of one transfer; it must stay where it is from origins_join to leave. */
struct turn {
  struct origin *origin; /* NULL outside */
  void *owner;
  bool has_come;
  bool connecting;
  int64_t *lookup; /* held while the host may be looked up for it, or NULL */
  struct turn *next;
  struct turn **link; /* what points to this one while it waits */
};

struct origins {
  struct origin *list; /* those in use, now or a minute ago; owned */
  unsigned long last_id;
};

enum {
  ORIGIN_PATIENCE = 1000, /* milliseconds */
  ORIGIN_STREAMS = 100,
  ORIGIN_MOST = 512
};

/* Which connections a transfer may go over; it has its turn among those that
   may go over the same. */
enum pool {
  POOL_HTTP1,
  POOL_HTTP2, /* is welcome */
  POOL_FRESH  /* the same, but the old ones will not do */
};

/* Queues up. NULL is the environment's proxy; `now` is in milliseconds. False:
   no memory. */
bool origins_join(struct origins *origins, const char *name, const char *proxy,
                  enum pool pool, int64_t now, struct turn *turn);

/* Which origin that is: from 1, never the same for another. */
unsigned long origins_id(const struct turn *turn);

/* When somebody's turn comes by time alone; INT64_MAX where nobody's does. */
int64_t origins_due(const struct origins *origins, int64_t now);

/* Somebody whose turn has come, each once; NULL if there is nobody. */
struct turn *origins_next(struct origins *origins, int64_t now);

/* Its request is about to go out over a connection, a new one or not. */
void origins_connected(struct turn *turn, bool http2, bool is_new,
                       int64_t now);

/* Its host has been looked up: a socket is opened. */
void origins_found(struct turn *turn, int64_t now);

/* The look-up for it is over, if there was one: it came to nothing. */
void origins_not_found(struct turn *turn);

/* It has ended, wherever it was. Outside of every origin it does nothing. */
void origins_leave(struct origins *origins, struct turn *turn, int64_t now);

/* Forgets the origins that are left, all without a transfer. */
void origins_free(struct origins *origins);

#pragma GCC visibility pop

#endif

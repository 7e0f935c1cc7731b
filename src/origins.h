/* SPDX-License-Identifier: MIT */
/* Whose turn it is among the transfers to one origin by way of one proxy.

   Over HTTP/1.1 each has a connection. Where HTTP/2 is welcome too, libcurl
   opens a connection for each of many that begin together, for it cannot know
   yet that one would carry them all. So one goes first, and the others wait
   until it is connected: then over HTTP/2 as many go as fit on the
   connections there are, and one more to open another. Beyond that they wait
   here, where it costs nothing, rather than in libcurl's lists. */
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
  struct turn *next;
  struct turn **link; /* what points to this one while it waits */
};

struct origins {
  struct origin *list; /* those with a transfer; owned */
};

enum {
  ORIGIN_PATIENCE = 1000, /* milliseconds */
  ORIGIN_STREAMS = 100,
  ORIGIN_MOST = 512
};

/* Queues up. NULL is the environment's proxy; `http2` is whether it is welcome;
   `now` is in milliseconds. False: no memory. */
bool origins_join(struct origins *origins, const char *name, const char *proxy,
                  bool http2, int64_t now, struct turn *turn);

/* When those that wait have waited long enough for the first; INT64_MAX where
   nobody does. */
int64_t origins_due(const struct origins *origins);

/* Somebody whose turn has come, each once; NULL if there is nobody. */
struct turn *origins_next(struct origins *origins, int64_t now);

/* Its request is about to go out over a connection, a new one or not. */
void origins_connected(struct turn *turn, bool http2, bool is_new);

/* It has ended, wherever it was. Outside of every origin it does nothing. */
void origins_leave(struct origins *origins, struct turn *turn);

#pragma GCC visibility pop

#endif

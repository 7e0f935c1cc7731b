/* SPDX-License-Identifier: MIT */
/* libcurl's multi handle with the sockets that it opens and the poller that
   watches them. What its easy handles are for it does not know. */
#ifndef BALANCE_MULTI_H
#define BALANCE_MULTI_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "poller.h"
#include "sockets.h"

#pragma GCC visibility push(hidden)

struct multi;

/* What CURLOPT_PRIVATE of an easy handle points to begins with this. */
struct multi_user {
  struct multi *multi;
  int lack;        /* errno of what there was none of for a socket, or 0 */
  int lookup_lack; /* the same, while the host was looked up */
  bool unwatched;  /* nobody can tell when one of its sockets is ready */
};

struct multi {
  CURLM *handle; /* NULL before the first easy handle */
  struct poller *poller;
  struct sockets sockets;
  size_t most;    /* connections */
  size_t kept;    /* of them, that libcurl may keep; it counts those in use */
  size_t count;   /* easy handles */
  int64_t due;    /* when libcurl wants to be called, by clock_ms() */
  int lack;       /* errno of what there was none of in the last move, or 0 */
  bool doubtful;  /* libcurl may have drawn its conclusions from a lack */
  bool unwatched; /* there is an easy handle that is */
};

/* Opens the poller; there will be no more than `most` connections. False:
   errno says why. */
bool multi_init(struct multi *multi, size_t most);

/* Has an easy handle open and close its sockets by way of this one. */
bool multi_adopt(struct multi *multi, CURL *easy, struct multi_user *user);

/* Returns 0, or the errno of what there is none of. */
int multi_add(struct multi *multi, CURL *easy);
void multi_remove(struct multi *multi, CURL *easy);

/* Moves what is ready, and what is due. False: libcurl has failed, as it does
   where memory runs out while it changes its own tables, and would crash on
   them. Then every easy handle must go, and multi_reset follow. */
bool multi_move(struct multi *multi, const struct poller_event *events,
                int count);

/* An easy handle that is done, each once, and how it went; NULL: none is. */
CURL *multi_next_done(struct multi *multi, CURLcode *code);

/* The next easy handle gets a new multi handle. */
void multi_reset(struct multi *multi);

/* Closes all connections and frees everything. */
void multi_free(struct multi *multi);

/* In a child: our copies of the connections are closed, which the parent does
   not notice; libcurl's and OpenSSL's memory stays, because freeing it would
   say goodbye on connections that the parent uses. */
void multi_abandon(struct multi *multi);

#pragma GCC visibility pop

#endif

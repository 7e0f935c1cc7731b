/* SPDX-License-Identifier: MIT */
/* libcurl's multi handle, with the sockets that it opens and the poller that
   watches them. It does not know what its easy handles are for. */
#ifndef BALANCE_MULTI_H
#define BALANCE_MULTI_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "list.h"
#include "poller.h"
#include "sockets.h"

#pragma GCC visibility push(hidden)

struct multi;

/* An easy handle, whose CURLOPT_PRIVATE points here. A lack, here and below,
   is the errno of what the system has run out of, or 0. */
struct multi_easy {
  CURL *handle;
  void *transfer; /* the owner of this */
  struct multi *multi;
  struct list_item item; /* in the multi's list */
  int socket_lack;       /* when a socket was opened */
  int lookup_lack;       /* while the host was looked up */
  int watch_lack;        /* when a socket was to be watched */
};

struct multi {
  CURLM *handle; /* NULL before the first easy handle */
  struct poller *poller;
  struct sockets sockets;
  struct list easies; /* the easy handles in it */
  size_t count;       /* of easy handles in it */
  size_t max_connections;
  size_t max_idle;    /* connections that are kept when none is in use */
  size_t max_kept;    /* connections, idle or in use, that libcurl keeps */
  int64_t curl_due;   /* when libcurl wants to be called, by clock_ms() */
  int64_t limit_due;  /* the soonest time limit of ours */
  int lack;           /* in the last move, when a socket was closed */
  bool has_unwatched; /* an easy handle has a watch_lack */
  bool outdated;      /* libcurl may remember a lack, and must be made anew */
};

/* Opens the poller. Returns 0 or an errno. */
int multi_init(struct multi *multi, size_t max_connections, size_t max_idle);

/* Prepares the easy handle for this multi handle. Returns 0 or ENOMEM. */
int multi_adopt(struct multi *multi, struct multi_easy *easy, void *transfer);

/* Returns 0 or a lack. */
int multi_add(struct multi *multi, struct multi_easy *easy);

/* Does nothing with one that is not in the multi. */
void multi_remove(struct multi_easy *easy);

/* Whether libcurl has another easy handle on the same TLS connection. One
   whose transfer has ended is on none. */
bool multi_is_shared(const struct multi_easy *easy);

/* multi_due is at the latest then. */
void multi_limit(struct multi *multi, int64_t due);

/* When libcurl wants to be called, or a time limit of ours is due. */
int64_t multi_due(const struct multi *multi);

/* Whether the poller may have found something that is of use now. Idle
   connections are watched too, but can wait. */
bool multi_may_be_ready(const struct multi *multi);

/* Moves what is ready, and what is due. Returns 0, or ENOMEM: libcurl has
   failed, as it does where memory runs out while it changes its own tables,
   and would crash on them. Then every easy handle must be removed, and
   multi_reset follow. */
int multi_move(struct multi *multi, const struct poller_event *events,
               int count);

/* The transfer of an easy handle that is done, each once, and how that went;
   NULL: none is. */
void *multi_next_done(struct multi *multi, CURLcode *code);

/* The next easy handle gets a new multi handle. */
void multi_reset(struct multi *multi);

/* Closes all connections and frees everything. No easy handle may be in it. */
void multi_free(struct multi *multi);

/* In a child: our copies of the connections are closed, which the parent does
   not notice. The memory of libcurl and OpenSSL stays: freeing it would say
   goodbye on connections that the parent uses. So the easy handles that were
   in the multi are gone. */
void multi_abandon(struct multi *multi);

#pragma GCC visibility pop

#endif

/* SPDX-License-Identifier: MIT */
/* The inside of transfers and of the transport that they share, for the files
   that move them: easy.c, transfer.c and transport.c. */
#ifndef BALANCE_TRANSFER_H
#define BALANCE_TRANSFER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "buffer.h"
#include "framing.h"
#include "multi.h"
#include "origins.h"
#include "outcome.h"
#include "request.h"
#include "session.h"
#include "transport.h"
#include "trust.h"

#pragma GCC visibility push(hidden)

struct transport {
  pid_t pid;
  struct multi multi;
  struct origins origins;
  struct trust trust;
  struct trust_seen seen;    /* of a caller's trust store */
  int64_t deadline;          /* none under way has a sooner one, or stalls */
  bool has_stalled;          /* maybe, and nobody was told */
  struct transfer *underway; /* each transfer is in one of three lists */
  struct transfer *finished; /* the newest first, until somebody asks */
  struct transfer *settled;
  struct transport *next_abandoned;
};

struct transfer {
  struct multi_user user;      /* must be first */
  struct transport *transport; /* NULL once that was freed */
  unsigned long id;
  struct transfer *next;
  struct transfer **link; /* what points to this one */
  CURL *easy;             /* kept until the end for its headers */
  struct turn turn;
  bool running; /* in the multi once its turn has come */
  bool in_multi;
  bool fresh; /* over a new connection, and there is no other try */
  enum pool pool;
  bool watched;
  bool stalled;
  bool untold; /* that it is */
  struct transfer *rival;
  int64_t since; /* connections that were not heard since will not do */
  int64_t started;
  int64_t sent;   /* when its turn had come */
  int64_t asked;  /* when its request went out */
  int64_t silent; /* when that is too long ago without an answer */
  int64_t deadline;
  bool kept; /* the connection that it goes over */
  unsigned long origin;
  unsigned long socket;
  struct request request;
  struct buffer body;
  size_t header_bytes;
  size_t rounds;           /* of libcurl's loops before the request is sent */
  struct session *session; /* of the newest TLS connection; held */
  struct framing framing;
  struct evidence seen;
  struct transfer_result result;
  char text[CURL_ERROR_SIZE];
};

/* Into a list, out of the one that it is in, and from there into another. */
void transfer_link(struct transfer *transfer, struct transfer **list);
void transfer_unlink(struct transfer *transfer);
void transfer_move(struct transfer *transfer, struct transfer **list);

/* It is under way, and waits for its turn. False: no memory. */
bool transfer_enter(struct transfer *transfer,
                    const struct transport_request *request);

/* Its turn has come. False: `seen` says what this system lacks. */
bool transfer_send(struct transfer *transfer);

/* Its request is about to go out this way. Returns what a look at the
   connection shows. */
enum socket_state transfer_ask(struct transfer *transfer,
                               const struct route *route);

/* Something of an answer came. */
void transfer_hear(struct transfer *transfer);

/* It has been silent for too long. */
void transfer_stall(struct transfer *transfer);

/* libcurl is done with it: it has ended, or goes out once more. */
void transfer_settle(struct transfer *transfer, CURLcode code);

/* It has ended, as `seen` says; with an answer, its rival too. */
void transfer_end(struct transfer *transfer, enum outcome outcome);

/* It is not under way any more, however far it came. */
void transfer_leave(struct transfer *transfer);

/* Out of the multi handle, where it is in it. */
void transfer_withdraw(struct transfer *transfer);

/* Takes over what the caller holds, or nothing: NULL. */
void transfer_hold(struct transfer *transfer, struct session *session);

/* Each is the other's rival from now on, where they go the same way. */
void transfer_pair(struct transfer *transfer, struct transfer *rival);

/* Whether its rival is under way. */
bool transfer_has_rival(const struct transfer *transfer);

/* Its rival was answered. */
void transfer_lose(struct transfer *transfer);

/* Its connection has come to nothing, and is not used again; nor are those that
   are as old as a kept one. */
void transfer_doubt(const struct transfer *transfer);

/* Each is the other's rival no more. */
void transfer_part(struct transfer *transfer);

#pragma GCC visibility pop

#endif

/* SPDX-License-Identifier: MIT */
/* A transfer and its states, for the files that share it: transport.c starts
   and frees it, states.c moves it from one state to the next, transfer.c
   reports how it went, easy.c has libcurl's options and callbacks. None of
   them calls one that stands before it.

     NEW
      |  transport_start
      v
     PENDING -----------------.
      |  its route has room   |
      v                       |
     ACTIVE ----------------->|  an answer, a failure,
      |  ^                    |  a time limit, a lack,
      |  | transfer_take_note |  its rival's answer,
      v  |                    |  transport_free
     STALLED ---------------->|
                              v
                             DONE

   A transfer whose kept connection was dead keeps its state and goes out once
   more, over a new connection. */
#ifndef BALANCE_TRANSFER_STATE_H
#define BALANCE_TRANSFER_STATE_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "connection.h"
#include "list.h"
#include "multi.h"
#include "outcome.h"
#include "request.h"
#include "routes.h"
#include "transfer.h"

#pragma GCC visibility push(hidden)

enum transfer_state {
  TRANSFER_NEW,     /* being made */
  TRANSFER_PENDING, /* waits on its route for a connection */
  TRANSFER_ACTIVE,  /* in the multi handle */
  TRANSFER_STALLED, /* the same, and silent for too long */
  TRANSFER_DONE     /* has its result, and is its owner's alone */
};

/* Times are in milliseconds, of clock_ms(). */
struct transfer {
  enum transfer_state state;
  unsigned long id;
  struct transport *transport; /* NULL once it is done */
  struct list_item running;    /* in the transport's list of this name */
  struct list_item news;       /* the same */
  struct transfer *rival; /* the other request of the same call, or NULL */
  struct request request;
  struct multi_easy easy; /* freed last: it has the answer's headers */
  struct route_place place;
  enum pool pool;
  bool new_connection; /* is needed, and this is the last attempt */
  int64_t started_at;
  int64_t active_at; /* when it became active */
  int64_t deadline;
  struct connection connection;
  struct buffer body;
  struct facts facts;
  struct transfer_result result;
};

static inline bool transfer_is_running(const struct transfer *transfer)
{
  return transfer->state != TRANSFER_NEW && transfer->state != TRANSFER_DONE;
}

static inline bool transfer_has_rival(const struct transfer *transfer)
{
  return transfer->rival && transfer_is_running(transfer->rival);
}

/* libcurl is done with it: completes the facts. */
void transfer_read_facts(struct transfer *transfer, CURLcode code);

/* Errno of what the system has run out of, if that is why it failed; 0. */
int transfer_lack(const struct transfer *transfer);

/* Whether it failed for its kept connection alone, and is to go out once more,
   over a new one. */
bool transfer_needs_new_connection(const struct transfer *transfer);

/* Forgets the first attempt. */
void transfer_reset(struct transfer *transfer);

/* Writes the result. */
void transfer_report(struct transfer *transfer, enum outcome outcome);

#pragma GCC visibility pop

#endif

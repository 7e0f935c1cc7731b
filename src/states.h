/* SPDX-License-Identifier: MIT */
/* The transfers of a transport, and the one place where they go from one state
   to the next: transfer_state.h has the diagram. */
#ifndef BALANCE_STATES_H
#define BALANCE_STATES_H

#include <stdbool.h>
#include <stdint.h>

#include "list.h"
#include "multi.h"
#include "routes.h"
#include "transfer_state.h"
#include "libcurl.h"
#include "waker.h"

#pragma GCC visibility push(hidden)

struct transport {
  unsigned process; /* as libcurl_process has it */
  struct multi multi;
  bool is_polled;      /* another event loop has asked for its descriptor */
  struct waker *waker; /* NULL before the first wait in nginx */
  struct routes routes;
  struct list running; /* transfers that are pending, active or stalled */
  struct list news;    /* those done or stalled whose owner was not told yet */
  struct trust trust;
  struct trust_seen trust_seen; /* of a caller's trust store */
  struct transport *next_abandoned;
};

/* A new transfer is pending on its route. */
void states_start(struct transfer *transfer);

/* Pending transfers that may have a connection now become active. Not from
   within libcurl's callbacks. */
void states_admit(struct transport *transport);

/* After the multi handle has moved: ends the transfers that libcurl is done
   with, but for those that go out once more; that have a socket which is not
   watched; or whose time limit has passed. Finds those that have stalled. */
void states_settle(struct transport *transport);

/* A stalled transfer is active again. */
void states_resume(struct transfer *transfer);

/* A running transfer is done; so is its rival, if this one was answered. */
void states_finish(struct transfer *transfer, enum outcome outcome);

/* All running transfers are done, for this lack. */
void states_fail_all(struct transport *transport, int lack);

#pragma GCC visibility pop

#endif

/* SPDX-License-Identifier: MIT */
/* HTTPS transfers on one libcurl multi handle, driven by
   curl_multi_socket_action and a poller, so that nothing here ever waits
   unless it is asked to.

   A transport belongs to the process that made it. After a fork the child
   makes a new one; freeing the inherited one there says nothing on the
   parent's connections. Everything a transport owns is used from one thread
   at a time.

   What a function returns, in all of src/ that does not know Lua:
   - a status enum: 0 is done, the others say why not. X_NO_MEMORY: memory ran
     out; X_SYSTEM: errno says more;
   - an int named error or lack: 0, or an errno, as pthread_create has it;
     ENOMEM: memory ran out;
   - a pointer to what was made: NULL, memory ran out;
   - a pointer to what was found, or to a sentence on a problem: NULL, there is
     none;
   - a bool: the answer to a question, never whether something was done.
   Further results are written to the last parameters. */
#ifndef BALANCE_TRANSPORT_H
#define BALANCE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "endpoint.h"
#include "transfer.h"
#include "waker.h"

#pragma GCC visibility push(hidden)

/* An answer may have this many bytes of body, and of headers. */
enum { TRANSPORT_MAX_BODY = 1 << 20, TRANSPORT_MAX_HEADERS = 64 * 1024 };

struct transport;

/* Need not outlive transport_start. The strings that are not `bytes` end with a
   zero and may be NULL. */
struct transport_request {
  const struct endpoint *endpoint;
  struct bytes path;        /* with the query, from the slash on */
  bool post;                /* a POST, else a GET */
  const struct bytes *body; /* NULL: there is none */
  const struct header *headers;
  size_t header_count;
  const char *ca_file; /* with both NULL the system's trust store */
  const char *ca_path;
  const char *proxy;      /* NULL: from the environment, as libcurl does */
  bool http2;             /* where the server speaks it, over TLS */
  bool fresh;             /* over no connection that is older than this */
  bool watch;             /* for silence on a kept connection */
  struct transfer *rival; /* the first request of the same call; may be NULL */
  int64_t timeout_ms;     /* of the whole transfer */
  int64_t connect_timeout_ms;
};

enum transport_status {
  TRANSPORT_OK,
  TRANSPORT_NO_MEMORY,
  TRANSPORT_BAD_HEADER,  /* a control character */
  TRANSPORT_BAD_TRUST,   /* a trust store that is not made of files */
  TRANSPORT_BAD_KEYLOG,  /* SSLKEYLOGFILE is a FIFO */
  TRANSPORT_BAD_LIBCURL, /* too old, or without OpenSSL */
  TRANSPORT_INTERRUPTED, /* a signal came while waiting */
  TRANSPORT_SYSTEM       /* errno says */
};

/* Makes a transport; the caller owns it. */
enum transport_status transport_new(struct transport **out);

/* Ends what is under way (its outcome is OUTCOME_CLOSED) and frees it. The
   transfers stay their owners'. NULL is fine. */
void transport_free(struct transport *transport);

/* Whether this is the process that made it. */
bool transport_is_ours(const struct transport *transport);

/* Starts a transfer, which the caller owns; nothing is sent before the next
   step. Of it and its rival the one that is answered ends the other, as
   OUTCOME_CLOSED. */
enum transport_status transport_start(struct transport *transport,
                                      const struct transport_request *request,
                                      struct transfer **out);

/* Moves what can be moved. Waits for at most `limit_ms` until there is
   something (0: not at all, -1: as long as it takes). `moved` tells how many
   sockets were ready. */
enum transport_status transport_run(struct transport *transport,
                                    int64_t limit_ms, int *moved);

/* The id of a transfer that has ended or stalled since, each once, 0: none.
   So many transfers can be waited for without asking each. */
unsigned long transport_next_finished(struct transport *transport);

/* For other event loops: a descriptor that is readable when a step is due, or
   sometimes before; -1 where the system has no such thing. A step is due when
   there is something to move, and by time; also after transport_start, which
   only the next step or transport_fd tells the descriptor. */
int transport_fd(struct transport *transport);

/* The time until a step is due even if nothing is readable; -1: none is. */
int64_t transport_timeout_ms(const struct transport *transport);

/* For event loops that cannot wait for a descriptor: its waker, which is the
   transport's; and waker_arm and waker_forget for it. Two of them return 0 or an
   errno. */
int transport_waker(struct transport *transport, struct waker **out);
int transport_arm(struct transport *transport, int64_t limit_ms);
void transport_disarm(struct transport *transport);

/* A stalled transfer is under way again; it does not stall twice. */
void transfer_take_note(struct transfer *transfer);

/* Cancels the transfer if it is under way, and its rival then, and frees it.
   NULL is fine. */
void transfer_free(struct transfer *transfer);

#pragma GCC visibility pop

#endif

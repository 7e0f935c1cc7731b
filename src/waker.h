/* SPDX-License-Identifier: MIT */
/* Wakes an event loop that cannot wait for a descriptor of ours, but can read
   from a socket of its own, as nginx can: a thread waits for the descriptor,
   and then sends a datagram to that socket.

   The two find each other over UDP on the loopback. The loop's socket connects
   to the waker's port and sends its nonce; whoever sends anything else is not
   heard. As that socket is connected, it hears the waker alone. So nothing
   listens, and nothing is left of it when it is closed.

   The thread waits and sends; it calls nothing else, and no handler of a
   signal runs in it. In a child of the process it does not exist.

   With epoll; elsewhere there is none. The build picks one of two files. */
#ifndef BALANCE_WAKER_H
#define BALANCE_WAKER_H

#include <stdint.h>

#pragma GCC visibility push(hidden)

enum { WAKER_NONCE = 16 };

struct waker;

struct waker_address {
  uint16_t port; /* of 127.0.0.1 */
  unsigned char nonce[WAKER_NONCE];
};

/* Starts the thread, for this descriptor. The caller frees it. Returns 0 or an
   errno. */
int waker_new(struct waker **out, int fd);

/* Ends the thread. Whoever is still waiting for a datagram gets one. NULL is
   fine. */
void waker_free(struct waker *waker);

/* In a child: frees it, but leaves its descriptors, whose numbers may be the
   host's by now. */
void waker_abandon(struct waker *waker);

/* Forgets the socket, which gets no datagram any more. */
void waker_forget(struct waker *waker);

/* Where the next socket connects to, and what it sends. The last one is
   forgotten. Returns 0 or an errno. */
int waker_invite(struct waker *waker, struct waker_address *out);

/* The socket that has sent the nonce gets a datagram as soon as the descriptor is
   readable; at `due`, by clock_ms(), in any case. It may get one that nothing
   was the reason for. Returns 0 or an errno; ENOTCONN: no nonce has come. */
int waker_arm(struct waker *waker, int64_t due, int64_t now);

#pragma GCC visibility pop

#endif

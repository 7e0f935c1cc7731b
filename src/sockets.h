/* SPDX-License-Identifier: MIT */
/* The sockets that libcurl opened for one transport.

   libcurl 7.88 reuses an idle connection on which bytes are waiting, and
   takes them for the answer to the next request: a late second answer or a
   proxy's 408 would become somebody else's balance. So each socket is looked
   at before it is used again. libcurl tells only the local port at that
   moment, hence this table. It also closes our copies after a fork. */
#ifndef BALANCE_SOCKETS_H
#define BALANCE_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

struct socket {
  unsigned long id; /* from 1; unlike fd never used again */
  int fd;
  int port;  /* local port in host order, 0 while it is not known */
  int users; /* transfers on it; more than one with HTTP/2 */
  bool used; /* carried a request before */
};

struct sockets {
  struct socket *list; /* owned */
  size_t count;
  size_t cap;
  unsigned long last_id;
};

/* Opens a close-on-exec socket. -1 when that fails. */
int sockets_open(struct sockets *sockets, int domain, int type, int protocol);

void sockets_close(struct sockets *sockets, int fd);

/* Notes that a request is about to go out from this local port. Returns the
   socket's id, 0 where it is none of ours. `clean` tells whether nothing
   waits to be read on it: true on a new one, and on one that other requests
   are using now, where reading is HTTP/2's business. */
unsigned long sockets_use(struct sockets *sockets, int port, bool *clean);

/* The request is over. An id whose socket was closed is fine. */
void sockets_release(struct sockets *sockets, unsigned long id);

/* Closes all that are left and frees the table. */
void sockets_free(struct sockets *sockets);

#pragma GCC visibility pop

#endif

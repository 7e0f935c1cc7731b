/* SPDX-License-Identifier: MIT */
/* The sockets that libcurl opened for one transport.

   libcurl 7.88 reuses an idle connection on which bytes are waiting, and
   takes them for the answer to the next request: a late second answer or a
   proxy's 408 would become somebody else's balance. So each socket is looked
   at before it is used again. libcurl tells only the two ends at that moment,
   hence this table. It also closes our copies after a fork. */
#ifndef BALANCE_SOCKETS_H
#define BALANCE_SOCKETS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#pragma GCC visibility push(hidden)

/* Both ends of a connection, addresses as inet_ntop writes them. */
struct route {
  const char *local_ip;
  const char *remote_ip;
  int local_port;
  int remote_port;
  bool shared; /* by the streams of HTTP/2, which tells them apart */
};

struct end {
  char ip[INET6_ADDRSTRLEN]; /* empty while it is not known */
  int port;
};

struct socket {
  unsigned long id; /* from 1; unlike fd never used again */
  int fd;
  dev_t device; /* with the inode: what fd was, whatever it is now */
  ino_t inode;
  struct end local;
  struct end remote;
  int users; /* transfers on it */
  bool used; /* carried a request before */
};

struct sockets {
  struct socket *list; /* owned */
  size_t count;
  size_t cap;
  unsigned long last_id;
};

/* What a look at a socket shows before a request goes out over it. */
enum socket_state {
  SOCKET_NEW,   /* no request went over it, or HTTP/2 is reading from it */
  SOCKET_QUIET, /* nothing waits to be read, as far as the system knows */
  SOCKET_UNREAD /* something does, if only the end */
};

/* Opens a close-on-exec socket. -1 when that fails: errno says why. */
int sockets_open(struct sockets *sockets, int domain, int type, int protocol);

void sockets_close(struct sockets *sockets, int fd);

/* Notes that a request is about to go out over this route. Returns the
   socket's id, 0 where it is none of ours. */
unsigned long sockets_use(struct sockets *sockets, const struct route *route,
                          enum socket_state *state);

/* The request is over. An id whose socket was closed is fine. */
void sockets_release(struct sockets *sockets, unsigned long id);

/* Closes those that are left, unless the host has closed them before and the
   number is somebody else's now, and frees the table. */
void sockets_free(struct sockets *sockets);

#pragma GCC visibility pop

#endif

/* SPDX-License-Identifier: MIT */
/* The sockets that libcurl opened for one transport.

   libcurl 7.88 reuses an idle connection on which bytes are waiting, and
   takes them for the answer to the next request: a late second answer or a
   proxy's 408 would become somebody else's balance. So each socket is looked
   at before it is used again. libcurl tells only the two ends at that moment,
   hence this table. It also closes our copies after a fork.

   A connection that a NAT or a load balancer has forgotten shows nothing to
   such a look. So the table knows when each was last heard: where one turns
   out to be dead, those that have said nothing since are in doubt too. */
#ifndef BALANCE_SOCKETS_H
#define BALANCE_SOCKETS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#pragma GCC visibility push(hidden)

/* Both ends of a connection, addresses as inet_ntop writes them. */
struct route {
  const char *local_ip;
  const char *remote_ip;
  int local_port;
  int remote_port;
  bool shared; /* by the streams of HTTP/2, which tells them apart */
  unsigned long origin;
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
  unsigned long origin; /* that the last request was for */
  int users;            /* transfers on it */
  bool used;            /* carried a request before */
  bool doubted;         /* not to be used until it is heard */
  int64_t heard;        /* when something came last, or it was opened */
  int64_t took;         /* until the last answer began; -1: there was none */
};

struct sockets {
  struct socket *list; /* owned */
  size_t count;
  size_t cap;
  unsigned long last_id;
};

/* What a look at a socket shows before a request goes out over it. */
enum socket_state {
  SOCKET_NEW,    /* no request went over it, or HTTP/2 is reading from it */
  SOCKET_QUIET,  /* nothing waits to be read, as far as the system knows */
  SOCKET_UNREAD, /* something does, if only the end */
  SOCKET_DOUBTED
};

/* Opens a close-on-exec socket. -1 when that fails: errno says why. Times
   are in milliseconds. */
int sockets_open(struct sockets *sockets, int domain, int type, int protocol,
                 int64_t now);

void sockets_close(struct sockets *sockets, int fd);

/* Notes that a request is about to go out over this route. Returns the
   socket's id, 0 where it is none of ours. */
unsigned long sockets_use(struct sockets *sockets, const struct route *route,
                          enum socket_state *state);

/* The socket of this id, until another one is opened or closed; NULL where it
   was closed. */
struct socket *sockets_find(struct sockets *sockets, unsigned long id);

/* Something of an answer came over it: it is alive. `took` is how long the
   answer took to begin; -1: it had begun before. An id whose socket was closed
   is fine, here and below. */
void sockets_heard(struct sockets *sockets, unsigned long id, int64_t now,
                   int64_t took);

/* Those to this origin that have said nothing since then may be dead. Who is
   on one stays; nobody else is let on it, and with nobody on it, it ends. */
void sockets_doubt(struct sockets *sockets, unsigned long origin,
                   int64_t since);

/* The same of one alone. */
void sockets_doubt_one(struct sockets *sockets, unsigned long id,
                       int64_t since);

/* The request is over. */
void sockets_release(struct sockets *sockets, unsigned long id);

/* Closes those that are left, unless the host has closed them before and the
   number is somebody else's now, and frees the table. */
void sockets_free(struct sockets *sockets);

#pragma GCC visibility pop

#endif

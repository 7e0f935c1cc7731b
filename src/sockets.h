/* SPDX-License-Identifier: MIT */
/* The sockets that libcurl opened for one transport.

   libcurl 7.88 reuses an idle connection on which bytes are waiting, and
   takes them for the answer to the next request: a late second answer or a
   proxy's 408 would become another call's balance. So each socket is checked
   before it is used again. libcurl tells only the two ends at that moment,
   hence this table. It also closes our copies after a fork.

   A connection that a NAT or a load balancer has forgotten passes that check.
   So the table knows when each socket was last heard: where one turns out to
   be dead, those that have not been heard since are suspect too. */
#ifndef BALANCE_SOCKETS_H
#define BALANCE_SOCKETS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#pragma GCC visibility push(hidden)

/* How a request is about to use a connection: its ends, with addresses as
   inet_ntop writes them, and on which route, see routes.h. */
struct socket_use {
  const void *user;
  const char *local_ip;
  const char *remote_ip;
  int local_port;
  int remote_port;
  bool shared; /* by the streams of HTTP/2, which tells them apart */
  unsigned long route;
};

struct end {
  char ip[INET6_ADDRSTRLEN]; /* empty while it is not known */
  int port;
};

struct socket {
  unsigned long id; /* from 1; unlike fd never used again */
  int fd;
  const void *opener; /* for whom it was opened, as its first user has it */
  int wanted;         /* as sockets_want has it */
  int watched;        /* what the poller watches it for */
  dev_t device;       /* with the inode: whether fd is still this socket */
  ino_t inode;
  struct end local;
  struct end remote;
  unsigned long route; /* of its last request */
  int users;           /* transfers on it */
  bool used;           /* a request went out over it */
  bool suspect;        /* it may be dead: no new request until it is heard */
  int64_t heard_at;    /* when something came last, or it was opened */
  int64_t took;        /* until its last answer began; -1: it had none */
};

struct sockets {
  struct socket *list; /* owned */
  size_t count;
  size_t wanted; /* of them, that libcurl waits for */
  size_t cap;
  unsigned long last_id;
};

/* The state of a socket when a request is about to go out over it. */
enum socket_state {
  SOCKET_NEW,    /* no request went over it, or HTTP/2 is reading from it */
  SOCKET_QUIET,  /* the system has nothing to read from it */
  SOCKET_UNREAD, /* there is something to read, if only the end */
  SOCKET_SUSPECT
};

/* Opens a close-on-exec socket, which is at `out` as sockets_find has it.
   Returns 0 or an errno. Times are in milliseconds, of clock_ms(). */
int sockets_open(struct sockets *sockets, int domain, int type, int protocol,
                 int64_t now, struct socket **out);

void sockets_close(struct sockets *sockets, int fd);

/* A request is about to go out. Returns the socket's id, 0 where it is none of
   ours. */
unsigned long sockets_use(struct sockets *sockets,
                          const struct socket_use *use,
                          enum socket_state *state);

/* The socket of this id, until another one is opened or closed; NULL where it
   was closed. */
struct socket *sockets_find(struct sockets *sockets, unsigned long id);

/* The same by its descriptor; NULL where it is none of ours. */
struct socket *sockets_of(struct sockets *sockets, int fd);

/* libcurl waits for this on it, as poller_watch has it. */
void sockets_want(struct sockets *sockets, struct socket *socket,
                  int interest);

/* It is ready, and libcurl does not wait for it. An idle one that has something
   to read is of no use any more, and is shut down. */
void sockets_stray(struct socket *socket);

/* A part of an answer came over it, so it is alive. `took` is how long the
   answer took to begin; -1: it had begun before. Does nothing where the socket
   was closed, as the next three. */
void sockets_heard(struct sockets *sockets, unsigned long id, int64_t now,
                   int64_t took);

/* It may be dead, unless it was heard since then. A transfer that is on it
   stays; no other may use it, and without one it is shut down. */
void sockets_suspect(struct sockets *sockets, unsigned long id, int64_t since);

/* The same of all that were used on a route. */
void sockets_suspect_route(struct sockets *sockets, unsigned long route,
                           int64_t since);

/* The request is over. */
void sockets_release(struct sockets *sockets, unsigned long id);

/* Closes those that are left, but no descriptor that the host has closed and
   opened anew for itself, and frees the table. */
void sockets_free(struct sockets *sockets);

#pragma GCC visibility pop

#endif

/* SPDX-License-Identifier: MIT */
/* Proves what a check of a kept connection finds, over real ones on loopback.
   Prints what is wrong and fails. */
#define _POSIX_C_SOURCE 200809L
#include "sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

enum { ROUTE = 1, OPENED = 1000 };

struct pair {
  int ours, theirs;
  struct socket_use use;
  char ip[16];
};

static int port_of(int fd)
{
  struct sockaddr_in name;
  socklen_t len = sizeof(name);
  check(getsockname(fd, (struct sockaddr *)&name, &len) == 0, "a name");
  return ntohs(name.sin_port);
}

static void connect_pair(struct sockets *sockets, struct pair *pair)
{
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  socklen_t len = sizeof(address);
  check(bind(listener, (struct sockaddr *)&address, len) == 0 &&
            listen(listener, 1) == 0 &&
            getsockname(listener, (struct sockaddr *)&address, &len) == 0,
        "a server");
  struct socket *opened;
  check(sockets_open(sockets, AF_INET, SOCK_STREAM, 0, OPENED, &opened) == 0,
        "a socket");
  opened->opener = pair;
  pair->ours = opened->fd;
  check(sockets_of(sockets, pair->ours) == opened, "it is found again");
  check(connect(pair->ours, (struct sockaddr *)&address, len) == 0,
        "a connection");
  check((fcntl(pair->ours, F_GETFD) & FD_CLOEXEC) != 0, "close-on-exec");
  pair->theirs = accept(listener, NULL, NULL);
  close(listener);
  memcpy(pair->ip, "127.0.0.1", sizeof("127.0.0.1"));
  pair->use = (struct socket_use){.user = pair,
                                  .local_ip = pair->ip,
                                  .remote_ip = pair->ip,
                                  .local_port = port_of(pair->ours),
                                  .remote_port = ntohs(address.sin_port),
                                  .route = ROUTE};
}

static enum socket_state use(struct sockets *sockets, const struct pair *pair,
                             unsigned long *id)
{
  enum socket_state state;
  *id = sockets_use(sockets, &pair->use, &state);
  return state;
}

static void write_to(const struct pair *pair)
{
  struct pollfd readable = {.fd = pair->ours, .events = POLLIN};
  check(write(pair->theirs, "x", 1) == 1 && poll(&readable, 1, 5000) == 1,
        "a byte arrives");
}

static bool is_ended(const struct pair *pair)
{
  char byte;
  return recv(pair->ours, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void answer(struct sockets *sockets, const struct pair *pair,
                   int64_t now)
{
  unsigned long id;
  use(sockets, pair, &id);
  sockets_heard(sockets, id, now, 5);
  sockets_heard(sockets, id, now, -1);
  check(sockets_find(sockets, id)->took == 5, "what it took is known");
  sockets_release(sockets, id);
}

/* Which of those that are as old as a dead one are not used again. */
static void suspects(void)
{
  struct sockets sockets = {0};
  struct pair old, young, busy, other, unused;
  unsigned long id, again;
  connect_pair(&sockets, &old);
  connect_pair(&sockets, &young);
  connect_pair(&sockets, &busy);
  connect_pair(&sockets, &other);
  connect_pair(&sockets, &unused);
  other.use.route = ROUTE + 1;
  answer(&sockets, &old, OPENED + 10);
  answer(&sockets, &young, OPENED + 21);
  answer(&sockets, &busy, OPENED + 10);
  answer(&sockets, &other, OPENED + 10);
  busy.use.shared = true;
  check(use(&sockets, &busy, &id) == SOCKET_QUIET, "somebody is on it");

  sockets_suspect_route(&sockets, ROUTE, OPENED + 20);
  check(is_ended(&old), "an idle one that is as old ends");
  check(!is_ended(&young), "one that was heard since does not");
  check(!is_ended(&other), "nor does that of another route");
  check(!is_ended(&unused), "nor one that is still on its way");
  check(!is_ended(&busy), "nor one while somebody is on it");
  check(use(&sockets, &busy, &again) == SOCKET_SUSPECT && again == id,
        "but nobody else may use that");
  sockets_release(&sockets, again);
  sockets_heard(&sockets, id, OPENED + 30, -1);
  check(use(&sockets, &busy, &again) == SOCKET_NEW,
        "until something comes over it");
  sockets_release(&sockets, again);
  sockets_suspect_route(&sockets, ROUTE, OPENED + 30);
  sockets_release(&sockets, id);
  check(is_ended(&busy), "with nobody on it any more it ends");
  check(is_ended(&young), "each is as good as when it was heard last");
  sockets_free(&sockets);
}

/* What comes over a socket that nobody waits for. */
static void strays(void)
{
  struct sockets sockets = {0};
  struct pair idle, quiet, busy, unused;
  unsigned long id;
  connect_pair(&sockets, &idle);
  connect_pair(&sockets, &quiet);
  connect_pair(&sockets, &busy);
  connect_pair(&sockets, &unused);
  answer(&sockets, &idle, OPENED + 10);
  answer(&sockets, &quiet, OPENED + 10);
  use(&sockets, &busy, &id);
  write_to(&idle);
  write_to(&busy);
  write_to(&unused);
  sockets_stray(sockets_of(&sockets, idle.ours));
  sockets_stray(sockets_of(&sockets, quiet.ours));
  sockets_stray(sockets_of(&sockets, busy.ours));
  sockets_stray(sockets_of(&sockets, unused.ours));
  char byte;
  check(read(idle.theirs, &byte, 1) == 0, "an idle one ends");
  check(use(&sockets, &idle, &id) == SOCKET_SUSPECT, "and is not used again");
  check(use(&sockets, &quiet, &id) == SOCKET_QUIET, "for nothing it does not");
  check(use(&sockets, &unused, &id) == SOCKET_NEW, "nor one that is new");
  check(send(busy.ours, "x", 1, MSG_NOSIGNAL) == 1, "nor one in use");
  sockets_free(&sockets);
}

/* One that libcurl has closed without a word, and what has its number now. */
static void silent_closes(void)
{
  struct sockets sockets = {0};
  struct socket *socket;
  check(sockets_open(&sockets, AF_INET, SOCK_STREAM, 0, OPENED, &socket) == 0,
        "a socket");
  sockets_want(&sockets, socket, 1);
  int fd = socket->fd;
  unsigned long id = socket->id;
  close(fd);
  check(sockets_open(&sockets, AF_INET, SOCK_STREAM, 0, OPENED, &socket) == 0,
        "another socket");
  check(socket->fd == fd && sockets_of(&sockets, fd) == socket &&
            socket->id != id && sockets.count == 1 && sockets.wanted == 0,
        "nothing is left of the first one");
  sockets_free(&sockets);
}

/* An opener's own is found while others still connect; another's too. */
static void openers(void)
{
  struct sockets sockets = {0};
  struct pair one, two;
  unsigned long id, other;
  connect_pair(&sockets, &one);
  connect_pair(&sockets, &two);
  use(&sockets, &two, &id);
  one.use.user = &two;
  use(&sockets, &one, &other);
  check(id && other && id != other, "each has its own");
  sockets_free(&sockets);
}

int main(void)
{
  suspects();
  strays();
  openers();
  silent_closes();
  struct sockets sockets = {0};
  struct pair one, two;
  unsigned long id, other;
  connect_pair(&sockets, &one);
  connect_pair(&sockets, &two);

  write_to(&one); /* a greeting, tickets of TLS */
  check(use(&sockets, &one, &id) == SOCKET_NEW && id, "new before its use");
  check(use(&sockets, &one, &other) == SOCKET_UNREAD && other == id,
        "a second user over HTTP/1 is told of what waits");
  one.use.shared = true;
  check(use(&sockets, &one, &other) == SOCKET_NEW,
        "over HTTP/2 reading is the others' business");
  sockets_release(&sockets, id);
  sockets_release(&sockets, id);
  sockets_release(&sockets, id);
  check(use(&sockets, &one, &other) == SOCKET_UNREAD,
        "with nobody on it what waits is nobody's");

  check(use(&sockets, &two, &id) == SOCKET_NEW, "the other one is new");
  sockets_release(&sockets, id);
  check(use(&sockets, &two, &id) == SOCKET_QUIET, "and then quiet");
  sockets_release(&sockets, id);

  struct socket_use changed = two.use;
  enum socket_state state;
  changed.remote_port++;
  check(!sockets_use(&sockets, &changed, &state), "the far port counts");
  changed = two.use;
  changed.remote_ip = "127.0.0.2";
  check(!sockets_use(&sockets, &changed, &state), "the far address counts");
  changed = two.use;
  changed.local_ip = "::1";
  check(!sockets_use(&sockets, &changed, &state), "the near address counts");

  close(two.theirs);
  struct pollfd readable = {.fd = two.ours, .events = POLLIN};
  poll(&readable, 1, 5000);
  check(use(&sockets, &two, &id) == SOCKET_UNREAD, "an end is no good");

  /* a child closes all, opens a file, and makes its first call */
  int ends[2];
  close(one.ours);
  check(pipe(ends) == 0 && dup2(ends[1], one.ours) == one.ours, "a pipe");
  sockets_free(&sockets);
  check(fcntl(one.ours, F_GETFD) >= 0, "the host's descriptor stays open");
  check(fcntl(two.ours, F_GETFD) < 0, "ours is closed");
  return EXIT_SUCCESS;
}

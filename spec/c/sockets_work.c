/* SPDX-License-Identifier: MIT */
/* Proves what a look at a kept connection sees, over real ones on loopback.
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

struct pair {
  int ours, theirs;
  struct route route;
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
  pair->ours = sockets_open(sockets, AF_INET, SOCK_STREAM, 0);
  check(pair->ours >= 0 &&
            connect(pair->ours, (struct sockaddr *)&address, len) == 0,
        "a connection");
  check((fcntl(pair->ours, F_GETFD) & FD_CLOEXEC) != 0, "close-on-exec");
  pair->theirs = accept(listener, NULL, NULL);
  close(listener);
  memcpy(pair->ip, "127.0.0.1", sizeof("127.0.0.1"));
  pair->route = (struct route){pair->ip, pair->ip, port_of(pair->ours),
                               ntohs(address.sin_port), false};
}

static enum socket_state use(struct sockets *sockets, const struct pair *pair,
                             unsigned long *id)
{
  enum socket_state state;
  *id = sockets_use(sockets, &pair->route, &state);
  return state;
}

static void write_to(const struct pair *pair)
{
  struct pollfd readable = {.fd = pair->ours, .events = POLLIN};
  check(write(pair->theirs, "x", 1) == 1 && poll(&readable, 1, 5000) == 1,
        "a byte arrives");
}

int main(void)
{
  struct sockets sockets = {0};
  struct pair one, two;
  unsigned long id, other;
  connect_pair(&sockets, &one);
  connect_pair(&sockets, &two);

  write_to(&one); /* a greeting, tickets of TLS */
  check(use(&sockets, &one, &id) == SOCKET_NEW && id, "new before its use");
  check(use(&sockets, &one, &other) == SOCKET_UNREAD && other == id,
        "a second user over HTTP/1 is told of what waits");
  one.route.shared = true;
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

  struct route route = two.route;
  enum socket_state state;
  route.remote_port++;
  check(!sockets_use(&sockets, &route, &state), "the far port counts");
  route = two.route;
  route.remote_ip = "127.0.0.2";
  check(!sockets_use(&sockets, &route, &state), "the far address counts");
  route = two.route;
  route.local_ip = "::1";
  check(!sockets_use(&sockets, &route, &state), "the near address counts");

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

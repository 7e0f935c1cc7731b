/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* SOCK_CLOEXEC, MSG_DONTWAIT */
#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct socket *add(struct sockets *sockets)
{
  if (sockets->count == sockets->cap) {
    size_t cap = sockets->cap ? 2 * sockets->cap : 8;
    struct socket *list = realloc(sockets->list, cap * sizeof(*list));
    if (!list)
      return NULL;
    sockets->list = list;
    sockets->cap = cap;
  }
  return &sockets->list[sockets->count++];
}

struct socket *sockets_of(struct sockets *sockets, int fd)
{
  for (size_t i = 0; i < sockets->count; i++)
    if (sockets->list[i].fd == fd)
      return &sockets->list[i];
  return NULL;
}

static void forget(struct sockets *sockets, struct socket *socket)
{
  if (!socket)
    return;
  sockets->wanted -= (socket->wanted != 0);
  *socket = sockets->list[--sockets->count];
}

/* libcurl 7.88 says nothing when it closes one that it gave up before it was
   connected, such as the other one of IPv4 and IPv6. */
int sockets_open(struct sockets *sockets, int domain, int type, int protocol,
                 int64_t now, struct socket **out)
{
  *out = NULL;
  struct stat status;
  int fd = socket(domain, type | SOCK_CLOEXEC, protocol);
  int error = fd < 0 || fstat(fd, &status) != 0 ? errno : 0;
  struct socket *added = NULL;
  if (!error) {
    forget(sockets, sockets_of(sockets, fd));
    added = add(sockets);
    error = added ? 0 : ENOMEM;
  }
  if (error) {
    if (fd >= 0)
      close(fd);
    return error;
  }
  *added = (struct socket){.id = ++sockets->last_id,
                           .fd = fd,
                           .device = status.st_dev,
                           .inode = status.st_ino,
                           .heard_at = now,
                           .took = -1};
  *out = added;
  return 0;
}

void sockets_close(struct sockets *sockets, int fd)
{
  forget(sockets, sockets_of(sockets, fd));
  close(fd);
}

void sockets_want(struct sockets *sockets, struct socket *socket, int interest)
{
  sockets->wanted += (interest != 0);
  sockets->wanted -= (socket->wanted != 0);
  socket->wanted = interest;
}

typedef int get_name(int fd, struct sockaddr *address, socklen_t *len);

static void read_end(int fd, get_name *get, struct end *end)
{
  union {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
  } address = {.any.sa_family = AF_UNSPEC};
  socklen_t len = sizeof(address);
  if (get(fd, &address.any, &len) != 0)
    return;
  if (address.any.sa_family == AF_INET) {
    inet_ntop(AF_INET, &address.in.sin_addr, end->ip, sizeof(end->ip));
    end->port = ntohs(address.in.sin_port);
  } else if (address.any.sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &address.in6.sin6_addr, end->ip, sizeof(end->ip));
    end->port = ntohs(address.in6.sin6_port);
  }
}

static bool is_end(const struct end *end, const char *ip, int port)
{
  return end->port == port && strcmp(end->ip, ip) == 0;
}

/* The ends of a socket are not known before its first request, which is mostly
   that of its opener: many may still be connecting. */
static struct socket *find(struct sockets *sockets,
                           const struct socket_use *use, bool by_anybody)
{
  for (size_t i = 0; i < sockets->count; i++) {
    struct socket *candidate = &sockets->list[i];
    if (!candidate->remote.ip[0] &&
        (by_anybody || candidate->opener == use->user)) {
      read_end(candidate->fd, getsockname, &candidate->local);
      read_end(candidate->fd, getpeername, &candidate->remote);
    }
    if (is_end(&candidate->local, use->local_ip, use->local_port) &&
        is_end(&candidate->remote, use->remote_ip, use->remote_port))
      return candidate;
  }
  return by_anybody ? NULL : find(sockets, use, true);
}

struct socket *sockets_find(struct sockets *sockets, unsigned long id)
{
  for (size_t i = 0; id && i < sockets->count; i++)
    if (sockets->list[i].id == id)
      return &sockets->list[i];
  return NULL;
}

static enum socket_state check(const struct socket *socket, bool shared)
{
  if (socket->suspect)
    return SOCKET_SUSPECT;
  if (!socket->used || (shared && socket->users > 0))
    return SOCKET_NEW;
  char byte;
  ssize_t got = recv(socket->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  bool nothing = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  return nothing ? SOCKET_QUIET : SOCKET_UNREAD;
}

unsigned long sockets_use(struct sockets *sockets,
                          const struct socket_use *use,
                          enum socket_state *state)
{
  *state = SOCKET_NEW;
  struct socket *found = find(sockets, use, false);
  if (!found)
    return 0;
  *state = check(found, use->shared);
  found->route = use->route;
  found->used = true;
  found->users++;
  return found->id;
}

void sockets_heard(struct sockets *sockets, unsigned long id, int64_t now,
                   int64_t took)
{
  struct socket *found = sockets_find(sockets, id);
  if (!found)
    return;
  found->heard_at = now;
  found->suspect = false;
  if (took >= 0)
    found->took = took;
}

/* libcurl, which owns it, finds that it has ended and closes it. */
static void shut_down_if_idle(const struct socket *socket)
{
  if (socket->suspect && socket->users == 0)
    shutdown(socket->fd, SHUT_RDWR);
}

static void suspect(struct socket *socket, int64_t since)
{
  if (socket->heard_at > since)
    return;
  socket->suspect = true;
  shut_down_if_idle(socket);
}

void sockets_stray(struct socket *socket)
{
  if (socket->users > 0 || check(socket, false) != SOCKET_UNREAD)
    return;
  socket->suspect = true;
  shut_down_if_idle(socket);
}

void sockets_suspect(struct sockets *sockets, unsigned long id, int64_t since)
{
  struct socket *found = sockets_find(sockets, id);
  if (found)
    suspect(found, since);
}

void sockets_suspect_route(struct sockets *sockets, unsigned long route,
                           int64_t since)
{
  for (size_t i = 0; i < sockets->count; i++) {
    struct socket *each = &sockets->list[i];
    if (each->used && each->route == route)
      suspect(each, since);
  }
}

void sockets_release(struct sockets *sockets, unsigned long id)
{
  struct socket *found = sockets_find(sockets, id);
  if (!found)
    return;
  found->users--;
  shut_down_if_idle(found);
}

void sockets_free(struct sockets *sockets)
{
  for (size_t i = 0; i < sockets->count; i++) {
    const struct socket *left = &sockets->list[i];
    struct stat now;
    if (fstat(left->fd, &now) == 0 && now.st_dev == left->device &&
        now.st_ino == left->inode)
      close(left->fd);
  }
  free(sockets->list);
  *sockets = (struct sockets){.last_id = sockets->last_id};
}

/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* SOCK_CLOEXEC, MSG_DONTWAIT */
#include "sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
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

int sockets_open(struct sockets *sockets, int domain, int type, int protocol)
{
  struct socket *socket_ = add(sockets);
  if (!socket_)
    return -1;
  int fd = socket(domain, type | SOCK_CLOEXEC, protocol);
  if (fd < 0)
    sockets->count--;
  else
    *socket_ = (struct socket){.id = ++sockets->last_id, .fd = fd};
  return fd;
}

void sockets_close(struct sockets *sockets, int fd)
{
  for (size_t i = 0; i < sockets->count; i++)
    if (sockets->list[i].fd == fd) {
      sockets->list[i] = sockets->list[--sockets->count];
      break;
    }
  close(fd);
}

static int local_port(int fd)
{
  union {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
  } address = {.any.sa_family = AF_UNSPEC};
  socklen_t len = sizeof(address);
  if (getsockname(fd, &address.any, &len) != 0)
    return 0;
  if (address.any.sa_family == AF_INET)
    return ntohs(address.in.sin_port);
  if (address.any.sa_family == AF_INET6)
    return ntohs(address.in6.sin6_port);
  return 0;
}

static struct socket *find(struct sockets *sockets, int port)
{
  for (size_t i = 0; i < sockets->count; i++) {
    struct socket *candidate = &sockets->list[i];
    if (candidate->port == 0)
      candidate->port = local_port(candidate->fd);
    if (candidate->port == port)
      return candidate;
  }
  return NULL;
}

/* An end of file counts as something to read: no use asking there. */
static bool nothing_to_read(int fd)
{
  char byte;
  ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

unsigned long sockets_use(struct sockets *sockets, int port, bool *clean)
{
  *clean = true;
  struct socket *found = port > 0 ? find(sockets, port) : NULL;
  if (!found)
    return 0;
  if (found->used && found->users == 0)
    *clean = nothing_to_read(found->fd);
  found->used = true;
  found->users++;
  return found->id;
}

void sockets_release(struct sockets *sockets, unsigned long id)
{
  for (size_t i = 0; id && i < sockets->count; i++)
    if (sockets->list[i].id == id) {
      sockets->list[i].users--;
      return;
    }
}

void sockets_free(struct sockets *sockets)
{
  for (size_t i = 0; i < sockets->count; i++)
    close(sockets->list[i].fd);
  free(sockets->list);
  *sockets = (struct sockets){.last_id = sockets->last_id};
}

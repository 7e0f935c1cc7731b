/* SPDX-License-Identifier: MIT */
/* Short reads and writes: on TCP connections a call moves one byte, and every
   few calls one fails with EAGAIN or EINTR. With READY_TO_WRITE set, no write
   fails. MSG_PEEK works as usual. At the end the number of calls is printed. */
#define _GNU_SOURCE /* RTLD_NEXT, SO_DOMAIN */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static atomic_ulong calls;
static bool ready_to_write;
static void *real_recv, *real_send, *real_read, *real_write;

static void find(void) __attribute__((constructor));
static void tell(void) __attribute__((destructor));

static void find(void)
{
  ready_to_write = getenv("READY_TO_WRITE") != NULL;
  real_recv = dlsym(RTLD_NEXT, "recv");
  real_send = dlsym(RTLD_NEXT, "send");
  real_read = dlsym(RTLD_NEXT, "read");
  real_write = dlsym(RTLD_NEXT, "write");
}

static void tell(void)
{
  fprintf(stderr, "%lu short calls\n", atomic_load(&calls));
}

static int option(int fd, int name)
{
  int value = 0;
  socklen_t len = sizeof(value);
  return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

/* Shortens a call to one byte. False: it fails, as errno says. */
static bool may_move(int fd, size_t *len, bool ready)
{
  int saved = errno, domain = option(fd, SO_DOMAIN);
  bool is_tcp = (domain == AF_INET || domain == AF_INET6) &&
                option(fd, SO_TYPE) == SOCK_STREAM;
  errno = saved;
  if (!is_tcp || *len == 0)
    return true;
  *len = 1;
  unsigned long call = atomic_fetch_add(&calls, 1);
  if (ready || (call % 5 != 4 && call % 7 != 6))
    return true;
  errno = call % 5 == 4 ? EAGAIN : EINTR;
  return false;
}

ssize_t recv(int fd, void *data, size_t len, int flags)
{
  if (!(flags & MSG_PEEK) && !may_move(fd, &len, false))
    return -1;
  ssize_t (*next)(int, void *, size_t, int);
  *(void **)&next = real_recv;
  return next(fd, data, len, flags);
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
  if (!may_move(fd, &len, ready_to_write))
    return -1;
  ssize_t (*next)(int, const void *, size_t, int);
  *(void **)&next = real_send;
  return next(fd, data, len, flags);
}

ssize_t read(int fd, void *data, size_t len)
{
  if (!may_move(fd, &len, false))
    return -1;
  ssize_t (*next)(int, void *, size_t);
  *(void **)&next = real_read;
  return next(fd, data, len);
}

ssize_t write(int fd, const void *data, size_t len)
{
  if (!may_move(fd, &len, ready_to_write))
    return -1;
  ssize_t (*next)(int, const void *, size_t);
  *(void **)&next = real_write;
  return next(fd, data, len);
}

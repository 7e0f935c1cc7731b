/* SPDX-License-Identifier: MIT */
/* Counts the system calls of a call over a kept connection. At the end their
   number is printed. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_ulong calls;

static void tell(void) __attribute__((destructor));

static void tell(void)
{
  fprintf(stderr, "%lu system calls\n", atomic_load(&calls));
}

/* A function that does what the next library's function of its name does. */
#define COUNTED(type, name, parameters, arguments)                            \
  type name parameters                                                        \
  {                                                                           \
    static type(*next) parameters;                                            \
    if (!next)                                                                \
      *(void **)&next = dlsym(RTLD_NEXT, #name);                              \
    atomic_fetch_add(&calls, 1);                                              \
    return next arguments;                                                    \
  }

COUNTED(pid_t, getpid, (void), ())
COUNTED(int, close, (int fd), (fd))
COUNTED(int, socket, (int domain, int type, int protocol),
        (domain, type, protocol))
COUNTED(ssize_t, recv, (int fd, void *data, size_t len, int flags),
        (fd, data, len, flags))
COUNTED(ssize_t, send, (int fd, const void *data, size_t len, int flags),
        (fd, data, len, flags))
COUNTED(int, poll, (struct pollfd * list, nfds_t count, int ms),
        (list, count, ms))
COUNTED(int, epoll_ctl,
        (int epoll, int what, int fd, struct epoll_event *event),
        (epoll, what, fd, event))
COUNTED(int, epoll_wait,
        (int epoll, struct epoll_event *list, int max, int ms),
        (epoll, list, max, ms))
COUNTED(int, stat, (const char *path, struct stat *status), (path, status))
COUNTED(int, fstatat,
        (int directory, const char *path, struct stat *status, int flags),
        (directory, path, status, flags))

/* SPDX-License-Identifier: MIT */
/* A system that has no threads left, with SCARCE=thread, or no epoll watches,
   with SCARCE=watch. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

static bool is_scarce(const char *name)
{
  const char *scarce = getenv("SCARCE");
  return scarce && strcmp(scarce, name) == 0;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                   void *(*start)(void *), void *argument)
{
  static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
                     void *);
  if (is_scarce("thread"))
    return EAGAIN;
  if (!real)
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
  return real(thread, attributes, start, argument);
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
  static int (*real)(int, int, int, struct epoll_event *);
  if (is_scarce("watch") && operation == EPOLL_CTL_ADD) {
    errno = ENOSPC;
    return -1;
  }
  if (!real)
    *(void **)&real = dlsym(RTLD_NEXT, "epoll_ctl");
  return real(epoll, operation, fd, event);
}

/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L /* CLOCK_MONOTONIC */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "alarm.h"
#include "poller.h"

enum { BATCH = 64 };

struct poller {
  int fd;
  struct alarm alarm;
};

int poller_new(struct poller **out)
{
  *out = NULL;
  struct poller *poller = malloc(sizeof(*poller));
  if (!poller)
    return ENOMEM;
  *poller = (struct poller){.alarm.fd = -1};
  poller->fd = epoll_create1(EPOLL_CLOEXEC);
  if (poller->fd < 0) {
    int error = errno;
    free(poller);
    return error;
  }
  *out = poller;
  return 0;
}

void poller_free(struct poller *poller)
{
  if (!poller)
    return;
  alarm_close(&poller->alarm);
  close(poller->fd);
  free(poller);
}

void poller_abandon(struct poller *poller)
{
  free(poller);
}

int poller_watch(struct poller *poller, int fd, int interest)
{
  struct epoll_event event = {.data.fd = fd};
  if (interest & POLLER_READ)
    event.events |= EPOLLIN;
  if (interest & POLLER_WRITE)
    event.events |= EPOLLOUT;

  if (interest == 0) /* a descriptor that was closed has left by itself */
    return epoll_ctl(poller->fd, EPOLL_CTL_DEL, fd, &event) == 0 ||
                   errno == ENOENT || errno == EBADF
               ? 0
               : errno;
  if (epoll_ctl(poller->fd, EPOLL_CTL_ADD, fd, &event) == 0 ||
      (errno == EEXIST &&
       epoll_ctl(poller->fd, EPOLL_CTL_MOD, fd, &event) == 0))
    return 0;
  return errno;
}

int poller_wait(struct poller *poller, int timeout_ms,
                struct poller_event *events, int max, int *count)
{
  struct epoll_event ready[BATCH];
  *count = 0;
  int found =
      epoll_wait(poller->fd, ready, max < BATCH ? max : BATCH, timeout_ms);
  if (found < 0)
    return errno;
  for (int i = 0; i < found; i++) {
    if (ready[i].data.fd == poller->alarm.fd)
      continue;
    struct poller_event event = {.fd = ready[i].data.fd};
    if (ready[i].events & EPOLLIN)
      event.ready |= POLLER_READ;
    if (ready[i].events & EPOLLOUT)
      event.ready |= POLLER_WRITE;
    if (ready[i].events & (EPOLLERR | EPOLLHUP))
      event.ready |= POLLER_ERROR;
    events[(*count)++] = event;
  }
  return 0;
}

int poller_fd(const struct poller *poller)
{
  return poller->fd;
}

int poller_alarm(struct poller *poller, int64_t due, int64_t now)
{
  int error = 0;
  if (poller->alarm.fd < 0)
    error = alarm_open(&poller->alarm, poller->fd, EPOLLIN);
  return error ? error : alarm_set(&poller->alarm, due, now);
}

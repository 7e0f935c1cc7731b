/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "poller.h"

struct poller {
  struct pollfd *watched;
  nfds_t count;
  nfds_t cap;
};

int poller_new(struct poller **out)
{
  *out = calloc(1, sizeof(struct poller));
  return *out ? 0 : ENOMEM;
}

void poller_free(struct poller *poller)
{
  if (!poller)
    return;
  free(poller->watched);
  free(poller);
}

void poller_abandon(struct poller *poller)
{
  poller_free(poller);
}

static struct pollfd *find(struct poller *poller, int fd)
{
  for (nfds_t i = 0; i < poller->count; i++)
    if (poller->watched[i].fd == fd)
      return &poller->watched[i];
  return NULL;
}

static struct pollfd *add(struct poller *poller, int fd)
{
  if (poller->count == poller->cap) {
    nfds_t cap = poller->cap ? 2 * poller->cap : 8;
    struct pollfd *watched = realloc(poller->watched, cap * sizeof(*watched));
    if (!watched)
      return NULL;
    poller->watched = watched;
    poller->cap = cap;
  }
  struct pollfd *entry = &poller->watched[poller->count++];
  *entry = (struct pollfd){.fd = fd};
  return entry;
}

int poller_watch(struct poller *poller, int fd, int interest)
{
  struct pollfd *entry = find(poller, fd);
  if (interest == 0) {
    if (entry)
      *entry = poller->watched[--poller->count];
    return 0;
  }
  if (!entry)
    entry = add(poller, fd);
  if (!entry)
    return ENOMEM;
  entry->events = (short)((interest & POLLER_READ ? POLLIN : 0) |
                          (interest & POLLER_WRITE ? POLLOUT : 0));
  return 0;
}

int poller_wait(struct poller *poller, int timeout_ms,
                struct poller_event *events, int max, int *count)
{
  *count = 0;
  if (poll(poller->watched, poller->count, timeout_ms) < 0)
    return errno;
  for (nfds_t i = 0; i < poller->count && *count < max; i++) {
    short ready = poller->watched[i].revents;
    if (ready == 0)
      continue;
    struct poller_event event = {.fd = poller->watched[i].fd};
    if (ready & POLLIN)
      event.ready |= POLLER_READ;
    if (ready & POLLOUT)
      event.ready |= POLLER_WRITE;
    if (ready & (POLLERR | POLLHUP | POLLNVAL))
      event.ready |= POLLER_ERROR;
    events[(*count)++] = event;
  }
  return 0;
}

int poller_fd(const struct poller *poller)
{
  (void)poller;
  return -1;
}

int poller_alarm(struct poller *poller, int64_t due, int64_t now)
{
  (void)poller;
  (void)due;
  (void)now;
  return ENOSYS;
}

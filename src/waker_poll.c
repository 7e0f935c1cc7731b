/* SPDX-License-Identifier: MIT */
/* Without epoll there is no descriptor to wait for. */
#include <errno.h>
#include <stddef.h>

#include "waker.h"

int waker_new(struct waker **out, int fd)
{
  (void)fd;
  *out = NULL;
  return ENOSYS;
}

void waker_free(struct waker *waker)
{
  (void)waker;
}

void waker_abandon(struct waker *waker)
{
  (void)waker;
}

void waker_forget(struct waker *waker)
{
  (void)waker;
}

int waker_invite(struct waker *waker, struct waker_address *out)
{
  (void)waker;
  (void)out;
  return ENOSYS;
}

int waker_arm(struct waker *waker, int64_t due, int64_t now)
{
  (void)waker;
  (void)due;
  (void)now;
  return ENOSYS;
}

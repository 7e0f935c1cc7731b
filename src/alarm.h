/* SPDX-License-Identifier: MIT */
/* A time at which an epoll set has an event, by a timerfd. For files that know
   epoll. Times are of clock_ms(). */
#ifndef BALANCE_ALARM_H
#define BALANCE_ALARM_H

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct alarm {
  int fd;      /* -1 before alarm_open */
  int64_t due; /* INT64_MAX: at no time */
};

/* `events` as epoll_ctl has them; its data is the timerfd. Returns 0 or an
   errno. */
static inline int alarm_open(struct alarm *alarm, int set, uint32_t events)
{
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (fd < 0)
    return errno;
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) != 0) {
    int error = errno;
    close(fd);
    return error;
  }
  *alarm = (struct alarm){.fd = fd, .due = INT64_MAX};
  return 0;
}

/* It rings at `due` or before. Costs a system call only where it has rung, or
   would ring later. Returns 0 or an errno. */
static inline int alarm_set(struct alarm *alarm, int64_t due, int64_t now)
{
  if (alarm->due > now && alarm->due <= due)
    return 0;
  struct itimerspec when = {.it_value.tv_sec = 0}; /* it is stopped */
  if (due != INT64_MAX) {
    when.it_value.tv_sec = (time_t)(due / 1000);
    when.it_value.tv_nsec = (long)(due % 1000 * 1000000);
  }
  alarm->due = due;
  return timerfd_settime(alarm->fd, TFD_TIMER_ABSTIME, &when, NULL) == 0
             ? 0
             : errno;
}

static inline void alarm_close(const struct alarm *alarm)
{
  if (alarm->fd >= 0)
    close(alarm->fd);
}

#endif

/* SPDX-License-Identifier: MIT */
/* Readiness of sockets: epoll on Linux, poll everywhere else; the build
   picks one of the two files. */
#ifndef BALANCE_POLLER_H
#define BALANCE_POLLER_H

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

enum { POLLER_READ = 1, POLLER_WRITE = 2, POLLER_ERROR = 4 };

struct poller;

struct poller_event {
  int fd;
  int ready; /* POLLER_READ, POLLER_WRITE, POLLER_ERROR */
};

/* Makes a poller; the caller frees it. Returns 0 or an errno. */
int poller_new(struct poller **out);
void poller_free(struct poller *poller);

/* In a child: frees it, but leaves its descriptor, whose number may be the
   host's by now. */
void poller_abandon(struct poller *poller);

/* Watches `fd` for `interest` and nothing else from now on; 0 ends it.
   Returns 0, or an errno, and then nothing has changed. */
int poller_watch(struct poller *poller, int fd, int interest);

/* Waits until something is ready or `timeout_ms` is over (-1: no limit).
   Returns 0 or an errno; EINTR after a signal. */
int poller_wait(struct poller *poller, int timeout_ms,
                struct poller_event *events, int max, int *count);

/* One descriptor that is readable when poller_wait would have an event, so
   that another event loop can wait for it; -1 where there is none. */
int poller_fd(const struct poller *poller);

/* Makes that descriptor readable at `due` too, or before; INT64_MAX: at no
   time. `now` is clock_ms(). Costs a system call only where the last alarm is
   over or comes later. Returns 0 or an errno; ENOSYS where there is no such
   descriptor. */
int poller_alarm(struct poller *poller, int64_t due, int64_t now);

#pragma GCC visibility pop

#endif

/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* SOCK_CLOEXEC, SOCK_NONBLOCK, pthread_sigmask */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alarm.h"
#include "waker.h"

enum {
  STACK_SIZE = 128 * 1024, /* libc and a sanitizer want some of it */
  MAX_STRAY = 1024         /* datagrams that may come before the nonce */
};

struct waker {
  int fd;
  int set; /* an epoll descriptor, in which fd is watched while it is armed */
  struct alarm alarm; /* in this set, and not in fd: a step sets that anew */
  int socket;
  struct waker_address address;
  pthread_t thread;
  atomic_int peer; /* the port of whom to wake; 0: of nobody */
  atomic_bool is_ending;
};

static struct sockaddr_in loopback(int port)
{
  return (struct sockaddr_in){.sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* -- the thread -------------------------------------------------------------- */

static void wake(const struct waker *waker)
{
  struct sockaddr_in peer = loopback(atomic_load(&waker->peer));
  if (peer.sin_port)
    sendto(waker->socket, "", 1, MSG_NOSIGNAL, (struct sockaddr *)&peer,
           sizeof(peer));
}

static void *run(void *user)
{
  const struct waker *waker = user;
  struct epoll_event event;
  bool is_last = false;
  prctl(PR_SET_NAME, "balance-waker"); /* for top -H */
  while (!is_last) {
    int count = epoll_wait(waker->set, &event, 1, -1);
    is_last = atomic_load(&waker->is_ending); /* before its datagram */
    if (count > 0)
      wake(waker);
    else if (errno != EINTR)
      break; /* there are no descriptors any more */
  }
  return NULL;
}

/* A thread has the signal mask of the one that starts it. */
static int start_thread(struct waker *waker)
{
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error)
    return error;
  sigset_t all, before;
  sigfillset(&all);
  pthread_attr_setstacksize(&attributes, STACK_SIZE);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  error = pthread_create(&waker->thread, &attributes, run, waker);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return error;
}

/* -- beginning and end ------------------------------------------------------- */

/* For one event. */
static int watch(const struct waker *waker, int operation, uint32_t events)
{
  struct epoll_event event = {.events = events | EPOLLONESHOT};
  return epoll_ctl(waker->set, operation, waker->fd, &event) == 0 ? 0 : errno;
}

static int open_set(struct waker *waker)
{
  waker->set = epoll_create1(EPOLL_CLOEXEC);
  if (waker->set < 0)
    return errno;
  int error = watch(waker, EPOLL_CTL_ADD, 0);
  return error ? error
               : alarm_open(&waker->alarm, waker->set, EPOLLIN | EPOLLET);
}

static int open_socket(struct waker *waker)
{
  struct sockaddr_in own = loopback(0);
  socklen_t len = sizeof(own);
  waker->socket =
      socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (waker->socket < 0 ||
      bind(waker->socket, (struct sockaddr *)&own, len) != 0 ||
      getsockname(waker->socket, (struct sockaddr *)&own, &len) != 0)
    return errno;
  waker->address.port = ntohs(own.sin_port);
  return 0;
}

static void close_all(const struct waker *waker)
{
  alarm_close(&waker->alarm);
  if (waker->set >= 0)
    close(waker->set);
  if (waker->socket >= 0)
    close(waker->socket);
}

int waker_new(struct waker **out, int fd)
{
  *out = NULL;
  struct waker *waker = calloc(1, sizeof(*waker));
  if (!waker)
    return ENOMEM;
  waker->fd = fd;
  waker->set = waker->alarm.fd = waker->socket = -1;
  int error = open_set(waker);
  if (!error)
    error = open_socket(waker);
  if (!error)
    error = start_thread(waker);
  if (error) {
    close_all(waker);
    free(waker);
    return error;
  }
  *out = waker;
  return 0;
}

void waker_free(struct waker *waker)
{
  if (!waker)
    return;
  enum { LONG_AGO = 1 };
  atomic_store(&waker->is_ending, true);
  if (alarm_set(&waker->alarm, LONG_AGO, LONG_AGO) != 0) {
    pthread_detach(waker->thread); /* the host has closed all descriptors */
    return;
  }
  pthread_join(waker->thread, NULL);
  close_all(waker);
  free(waker);
}

void waker_abandon(struct waker *waker)
{
  free(waker);
}

/* -- waking ------------------------------------------------------------------ */

void waker_forget(struct waker *waker)
{
  atomic_store(&waker->peer, 0);
}

/* Makes room for the nonce: nothing is read while there is a peer. */
static void drain(const struct waker *waker)
{
  char byte;
  for (int i = 0; i < MAX_STRAY; i++)
    if (recv(waker->socket, &byte, 1, 0) < 0)
      return;
}

int waker_invite(struct waker *waker, struct waker_address *out)
{
  ERR_set_mark();
  bool is_made = RAND_bytes(waker->address.nonce, WAKER_NONCE) == 1;
  ERR_pop_to_mark();
  if (!is_made)
    return EIO;
  waker_forget(waker);
  drain(waker);
  *out = waker->address;
  return 0;
}

/* The port of whoever has sent the nonce; 0: nobody has. */
static int find_peer(const struct waker *waker)
{
  for (int i = 0; i < MAX_STRAY; i++) {
    unsigned char said[WAKER_NONCE + 1];
    struct sockaddr_in from = loopback(0);
    socklen_t len = sizeof(from);
    ssize_t size = recvfrom(waker->socket, said, sizeof(said), 0,
                            (struct sockaddr *)&from, &len);
    if (size < 0)
      break;
    if (size == WAKER_NONCE &&
        memcmp(said, waker->address.nonce, WAKER_NONCE) == 0)
      return ntohs(from.sin_port);
  }
  return 0;
}

int waker_arm(struct waker *waker, int64_t due, int64_t now)
{
  if (!atomic_load(&waker->peer))
    atomic_store(&waker->peer, find_peer(waker));
  if (!atomic_load(&waker->peer))
    return ENOTCONN;
  int error = alarm_set(&waker->alarm, due, now);
  return error ? error : watch(waker, EPOLL_CTL_MOD, EPOLLIN);
}

/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "scarcity.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char *scarcity_message(int error)
{
  switch (error) {
  case EMFILE:
  case ENFILE:
    return "no file descriptor is left";
  case ENOMEM:
  case ENOBUFS:
    return "not enough memory";
  case EAGAIN:
    return "no thread is left";
  case EADDRNOTAVAIL:
    return "no local port is left";
  case ENOSPC:
    return "no socket more can be watched";
  default:
    return NULL;
  }
}

const char *scarcity_hint(int error)
{
  switch (error) {
  case EMFILE:
    return "raise this process's limit of open files: ulimit -n, LimitNOFILE, "
           "nginx's worker_rlimit_nofile";
  case ENFILE:
    return "raise the system's limit of open files: fs.file-max";
  case EAGAIN:
    return "raise the limit of threads: ulimit -u, TasksMax, pids.max";
  case EADDRNOTAVAIL:
    return "fewer connections at a time, or a wider "
           "net.ipv4.ip_local_port_range";
  case ENOSPC:
    return "raise fs.epoll.max_user_watches";
  default:
    return NULL;
  }
}

bool scarcity_is_of_sockets(int error)
{
  return error == EMFILE || error == ENFILE || error == ENOMEM ||
         error == ENOBUFS;
}

int scarcity_of_descriptors(int wanted)
{
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int error = fd < 0 && scarcity_is_of_sockets(errno) ? errno : 0;
  if (fd >= 0 && wanted > 1)
    error = scarcity_of_descriptors(wanted - 1);
  if (fd >= 0)
    close(fd);
  return error;
}

static void *do_nothing(void *unused)
{
  return unused;
}

int scarcity_of_threads(void)
{
  pthread_t thread;
  int error = pthread_create(&thread, NULL, do_nothing, NULL);
  if (error == 0)
    pthread_join(thread, NULL);
  return error == EAGAIN || error == ENOMEM ? error : 0;
}

/* Port 0 stands for any that is left. */
static bool has_port(const struct sockaddr *address, socklen_t len)
{
  int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool found = fd < 0 || bind(fd, address, len) == 0 || errno != EADDRINUSE;
  if (fd >= 0)
    close(fd);
  return found;
}

int scarcity_of_ports(void)
{
  const struct sockaddr_in in = {.sin_family = AF_INET};
  const struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
  return has_port((const struct sockaddr *)&in, sizeof(in)) &&
                 has_port((const struct sockaddr *)&in6, sizeof(in6))
             ? 0
             : EADDRNOTAVAIL;
}

int scarcity_of_memory(void)
{
  enum { SOME = 16384 }; /* a record of TLS */
  void *block = OPENSSL_malloc(SOME);
  OPENSSL_free(block);
  return block ? 0 : ENOMEM;
}

/* A refusal has a reason of its library, or is "unsupported"; without memory,
   OpenSSL reports "unsupported" as well. */
int scarcity_of_openssl(void)
{
  int reason = ERR_GET_REASON(ERR_peek_last_error());
  bool refused =
      reason == ERR_R_UNSUPPORTED || (reason && !(reason & ERR_RFLAG_COMMON));
  return refused ? scarcity_of_memory() : ENOMEM;
}

int scarcity_in_words(const char *text)
{
  const char *words = ERR_reason_error_string(ERR_R_MALLOC_FAILURE);
  return words && strstr(text, words) ? ENOMEM : 0;
}

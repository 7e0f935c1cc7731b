/* SPDX-License-Identifier: MIT */
/* A resolver that stalls: every look-up of a name takes four seconds. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <unistd.h>

typedef int lookup(const char *, const char *, const struct addrinfo *,
                   struct addrinfo **);

int getaddrinfo(const char *node, const char *service,
                const struct addrinfo *hints, struct addrinfo **result)
{
  lookup *real;
  *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
  sleep(4);
  return real(node, service, hints, result);
}

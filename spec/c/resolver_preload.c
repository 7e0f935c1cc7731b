/* SPDX-License-Identifier: MIT */
/* A resolver that stalls: every look-up of a name takes four seconds and
   finds nothing. Nothing is asked of the network. */
#define _POSIX_C_SOURCE 200112L /* getaddrinfo */
#include <netdb.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service,
                const struct addrinfo *hints, struct addrinfo **result)
{
  (void)node;
  (void)service;
  (void)hints;
  (void)result;
  sleep(4);
  return EAI_NONAME;
}

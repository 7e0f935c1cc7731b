/* SPDX-License-Identifier: MIT */
/* A slow resolver without a network: every look-up fails, after the seconds
   that RESOLVER_STALL says or four; at once for names that begin with "prompt".
   Each name is written to the file RESOLVER_LOG, where it is set. */
#define _POSIX_C_SOURCE 200809L /* getaddrinfo, dprintf */
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void note(const char *name)
{
  const char *path = getenv("RESOLVER_LOG");
  int log = path ? open(path, O_WRONLY | O_APPEND) : -1;
  if (log < 0)
    return;
  dprintf(log, "%s\n", name);
  close(log);
}

int getaddrinfo(const char *node, const char *service,
                const struct addrinfo *hints, struct addrinfo **result)
{
  (void)service;
  (void)hints;
  (void)result;
  note(node);
  const char *stall = getenv("RESOLVER_STALL");
  if (strncmp(node, "prompt", 6) != 0)
    sleep(stall ? (unsigned)atoi(stall) : 4);
  return EAI_NONAME;
}

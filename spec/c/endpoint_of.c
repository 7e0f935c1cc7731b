/* SPDX-License-Identifier: MIT */
/* Prints an endpoint's origin and Host header, or what is wrong with it. */
#include <stdio.h>
#include <string.h>

#include "endpoint.h"

int main(int argc, char **argv)
{
  struct endpoint endpoint;
  if (argc != 2)
    return 2;
  const char *problem =
      endpoint_parse((struct bytes){argv[1], strlen(argv[1])}, &endpoint);
  if (problem) {
    puts(problem);
    return 1;
  }
  printf("%s %s\n", endpoint.origin, endpoint.host);
  return 0;
}

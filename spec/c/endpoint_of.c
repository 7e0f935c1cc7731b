/* SPDX-License-Identifier: MIT */
/* endpoint_of TEXT [CLEAR_HOST]: prints an endpoint's origin and Host header,
   or what is wrong with it. */
#include <stdio.h>
#include <string.h>

#include "endpoint.h"

int main(int argc, char **argv)
{
  struct endpoint endpoint;
  if (argc != 2 && argc != 3)
    return 2;
  const struct bytes text = {argv[1], strlen(argv[1])};
  enum endpoint_status status = endpoint_parse(text, argv[2], &endpoint);
  if (status != ENDPOINT_OK) {
    puts(endpoint_message(status));
    return 1;
  }
  printf("%s %s\n", endpoint.origin, endpoint.host);
  return 0;
}

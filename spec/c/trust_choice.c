/* SPDX-License-Identifier: MIT */
/* Prints the trust store of this system that a transport uses. */
#include <stdio.h>

#include "libcurl.h"

int main(void)
{
  struct trust trust = trust_of_system();
  if (trust.path)
    printf("path=%s\n", trust.path);
  if (trust.file)
    printf("file=%s\n", trust.file);
  return 0;
}

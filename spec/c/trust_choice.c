/* SPDX-License-Identifier: MIT */
/* Prints which trust store of this system a transport would take. */
#include <stdio.h>

#include "trust.h"

int main(void)
{
  struct trust trust = trust_of_system();
  if (trust.path)
    printf("path=%s\n", trust.path);
  if (trust.file)
    printf("file=%s\n", trust.file);
  return 0;
}

/* SPDX-License-Identifier: MIT */
/* How a program here says what is not as promised: it prints it, and fails. */
#ifndef BALANCE_SPEC_CHECK_H
#define BALANCE_SPEC_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static inline void check(bool condition, const char *promise)
{
  if (!condition) {
    printf("not so: %s\n", promise);
    exit(EXIT_FAILURE);
  }
}

#endif

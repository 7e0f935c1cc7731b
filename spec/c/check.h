/* SPDX-License-Identifier: MIT */
/* A program here prints a promise that is not kept, and fails. */
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

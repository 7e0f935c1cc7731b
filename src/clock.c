/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, nanosleep */
#include "clock.h"

#include <time.h>

int64_t clock_ns(void)
{
  struct timespec now;
  /* It fails only where a system has no such clock. */
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_ms(void)
{
  return clock_ns() / 1000000;
}

void clock_sleep(int64_t ms)
{
  struct timespec pause = {.tv_sec = (time_t)(ms / 1000),
                           .tv_nsec = (long)(ms % 1000) * 1000000};
  nanosleep(&pause, NULL);
}

/* SPDX-License-Identifier: MIT */
/* The monotonic clock, by which time limits are kept. */
#ifndef BALANCE_CLOCK_H
#define BALANCE_CLOCK_H

#include <stdint.h>

#pragma GCC visibility push(hidden)

int64_t clock_ns(void);
int64_t clock_ms(void);

/* Waits. A signal ends it early. */
void clock_sleep(int64_t ms);

#pragma GCC visibility pop

#endif

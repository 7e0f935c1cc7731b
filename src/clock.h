/* SPDX-License-Identifier: MIT */
/* The clock that time limits are kept by. */
#ifndef BALANCE_CLOCK_H
#define BALANCE_CLOCK_H

#include <stdint.h>

#pragma GCC visibility push(hidden)

/* Nanoseconds and milliseconds of the monotonic clock. */
int64_t clock_ns(void);
int64_t clock_ms(void);

#pragma GCC visibility pop

#endif

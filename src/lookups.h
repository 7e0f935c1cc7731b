/* SPDX-License-Identifier: MIT */
/* How many look-ups of one host's name are under way.

   The system's resolver cannot be stopped: where it stalls, each look-up holds
   a thread long after its transfer has timed out. libcurl has one thread for
   each, or from 8.20 on some that all hosts share, so that one host whose
   look-ups stall would hold up all others. */
#ifndef BALANCE_LOOKUPS_H
#define BALANCE_LOOKUPS_H

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

enum { MAX_LOOKUPS = 8 };

/* Times are in milliseconds, of clock_ms(). Begins as zeros. */
struct lookups {
  int64_t known_until; /* until then libcurl need not look the host up */
  bool stalled;        /* one was given up, and none has succeeded since */
  int64_t busy_until[MAX_LOOKUPS]; /* of each place for a look-up */
};

/* When one more transfer may begin: now, or later, INT64_MAX where that
   depends on the look-ups under way. */
int64_t lookups_due(const struct lookups *lookups, int64_t now);

/* A transfer begins. Returns the place for its look-up, until one of the next
   three is called with it: NULL where it needs none, which they take too. */
int64_t *lookups_begin(struct lookups *lookups, int64_t now);

/* The host's address was found. */
void lookups_found(struct lookups *lookups, int64_t *place, int64_t now);

/* It was not found, or not looked up. */
void lookups_failed(int64_t *place);

/* The transfer ended first; the resolver may still be at it. */
void lookups_given_up(struct lookups *lookups, int64_t *place, int64_t now);

/* A kept connection was used, so that the host was not looked up. */
void lookups_not_needed(struct lookups *lookups, int64_t now);

/* Whether no address is known and no look-up can be under way. */
bool lookups_are_idle(const struct lookups *lookups, int64_t now);

#pragma GCC visibility pop

#endif

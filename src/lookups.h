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
  int64_t known_until; /* until then nobody needs to look the host up */
  bool suspect;        /* the resolver stalled, and has found nothing since */
  int64_t taken_until[MAX_LOOKUPS]; /* each that may be under way */
};

/* When one more transfer may go to this host: now, or later, INT64_MAX where
   that depends on those that are under way. */
int64_t lookups_due(const struct lookups *lookups, int64_t now);

/* One goes now. Returns what it holds until it is found, failed or given up:
   NULL where nothing is held, which is fine there. */
int64_t *lookups_begin(struct lookups *lookups, int64_t now);

/* The host has an address. */
void lookups_found(struct lookups *lookups, int64_t *held, int64_t now);

/* It has none, or nobody asked. */
void lookups_failed(int64_t *held);

/* Its transfer ended; the resolver may go on. */
void lookups_given_up(struct lookups *lookups, int64_t *held, int64_t now);

/* There is a kept connection, so that nobody needs to ask. */
void lookups_spared(struct lookups *lookups, int64_t now);

/* Whether nothing is known, and none is under way as far as one can know. */
bool lookups_are_idle(const struct lookups *lookups, int64_t now);

#pragma GCC visibility pop

#endif

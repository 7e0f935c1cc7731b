/* SPDX-License-Identifier: MIT */
#include "lookups.h"

#include <stddef.h>

enum {
  CACHED = 60 * 1000, /* milliseconds; CURLOPT_DNS_CACHE_TIMEOUT's default */
  LINGER = 2000       /* how long one that was given up counts */
};

static const int64_t *soonest(const struct lookups *lookups)
{
  const int64_t *found = lookups->taken_until;
  for (int i = 1; i < MAX_LOOKUPS; i++)
    if (lookups->taken_until[i] < *found)
      found = &lookups->taken_until[i];
  return found;
}

int64_t lookups_due(const struct lookups *lookups, int64_t now)
{
  int64_t due = *soonest(lookups);
  return due <= now || now < lookups->known_until ? now : due;
}

int64_t *lookups_begin(struct lookups *lookups, int64_t now)
{
  if (now < lookups->known_until)
    return NULL;
  int64_t *held =
      &lookups->taken_until[soonest(lookups) - lookups->taken_until];
  *held = INT64_MAX;
  return held;
}

void lookups_found(struct lookups *lookups, int64_t *held, int64_t now)
{
  if (!held)
    return;
  lookups->suspect = false;
  lookups->known_until = now + CACHED;
  *held = 0;
}

void lookups_failed(int64_t *held)
{
  if (held)
    *held = 0;
}

void lookups_given_up(struct lookups *lookups, int64_t *held, int64_t now)
{
  if (!held)
    return;
  lookups->suspect = true;
  lookups->known_until = 0;
  *held = now + LINGER;
}

void lookups_spared(struct lookups *lookups, int64_t now)
{
  if (!lookups->suspect)
    lookups->known_until = now + CACHED;
}

bool lookups_are_idle(const struct lookups *lookups, int64_t now)
{
  for (int i = 0; i < MAX_LOOKUPS; i++)
    if (lookups->taken_until[i] > now)
      return false;
  return lookups->known_until <= now;
}

/* SPDX-License-Identifier: MIT */
#include "lookups.h"

#include <stddef.h>

enum {
  CACHE_MS = 60 * 1000, /* CURLOPT_DNS_CACHE_TIMEOUT's default */
  GIVEN_UP_MS = 2000    /* a look-up that was given up counts for so long */
};

static int first_free(const struct lookups *lookups)
{
  int first = 0;
  for (int i = 1; i < MAX_LOOKUPS; i++)
    if (lookups->busy_until[i] < lookups->busy_until[first])
      first = i;
  return first;
}

int64_t lookups_due(const struct lookups *lookups, int64_t now)
{
  int64_t due = lookups->busy_until[first_free(lookups)];
  return due <= now || now < lookups->known_until ? now : due;
}

int64_t *lookups_begin(struct lookups *lookups, int64_t now)
{
  if (now < lookups->known_until)
    return NULL;
  int64_t *place = &lookups->busy_until[first_free(lookups)];
  *place = INT64_MAX;
  return place;
}

void lookups_found(struct lookups *lookups, int64_t *place, int64_t now)
{
  if (!place)
    return;
  lookups->stalled = false;
  lookups->known_until = now + CACHE_MS;
  *place = 0;
}

void lookups_failed(int64_t *place)
{
  if (place)
    *place = 0;
}

void lookups_given_up(struct lookups *lookups, int64_t *place, int64_t now)
{
  if (!place)
    return;
  lookups->stalled = true;
  lookups->known_until = 0;
  *place = now + GIVEN_UP_MS;
}

void lookups_not_needed(struct lookups *lookups, int64_t now)
{
  if (!lookups->stalled)
    lookups->known_until = now + CACHE_MS;
}

bool lookups_are_idle(const struct lookups *lookups, int64_t now)
{
  for (int i = 0; i < MAX_LOOKUPS; i++)
    if (lookups->busy_until[i] > now)
      return false;
  return lookups->known_until <= now;
}

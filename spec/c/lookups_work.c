/* SPDX-License-Identifier: MIT */
/* Proves who may look a host up, and when. Prints what is wrong and fails. */
#include "lookups.h"

#include <stddef.h>

#include "check.h"

enum { NOW = 1000000, MINUTE = 60000 };

static bool may_go(const struct lookups *lookups, int64_t now)
{
  return lookups_due(lookups, now) <= now;
}

int main(void)
{
  struct lookups lookups = {0};
  int64_t *held[MAX_LOOKUPS];
  check(lookups_are_idle(&lookups, NOW), "of a new host nothing is known");
  for (int i = 0; i < MAX_LOOKUPS; i++) {
    check(may_go(&lookups, NOW), "some may look it up");
    held[i] = lookups_begin(&lookups, NOW);
  }
  check(lookups_due(&lookups, NOW) == INT64_MAX,
        "the next one waits for one of them");
  lookups_failed(held[0]);
  check(may_go(&lookups, NOW), "one that failed makes room");

  held[0] = lookups_begin(&lookups, NOW);
  lookups_given_up(&lookups, held[0], NOW);
  check(lookups_due(&lookups, NOW) > NOW &&
            lookups_due(&lookups, NOW) < NOW + MINUTE,
        "one that was given up does so later");
  lookups_not_needed(&lookups, NOW);
  check(!may_go(&lookups, NOW),
        "a kept connection says nothing of a resolver that stalled");

  lookups_found(&lookups, held[1], NOW);
  check(may_go(&lookups, NOW) && !lookups_begin(&lookups, NOW),
        "where one found the host, the others need not look it up");
  check(!lookups_are_idle(&lookups, NOW + MINUTE - 1) &&
            lookups_begin(&lookups, NOW + MINUTE),
        "for a minute");
  lookups_not_needed(&lookups, NOW + MINUTE);
  check(!lookups_begin(&lookups, NOW + 2 * MINUTE - 1),
        "or as long as there is a kept connection");
  lookups_found(&lookups, NULL, NOW);
  lookups_failed(NULL);
  lookups_given_up(&lookups, NULL, NOW);
  return 0;
}

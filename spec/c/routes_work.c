/* SPDX-License-Identifier: MIT */
/* Proves how many transfers of one route go at once over HTTP/1.1. Prints what
   is wrong and fails. */
#include "routes.h"

#include "check.h"

enum { NOW = 1000000, MANY = 2 * MAX_CONNECTIONS };

static struct routes routes;
static struct route_place places[MANY];

static void start(int count, int64_t now)
{
  for (int i = 0; i < count; i++) {
    places[i] = (struct route_place){.transfer = NULL};
    places[i].route =
        routes_find(&routes, "https://a.invalid", NULL, POOL_HTTP1, now);
    routes_wait(&routes, &places[i], &places[i], now);
  }
}

/* As many as may; the last one is `last`. Their host's address is known. */
static int go(int64_t now, struct route_place **last)
{
  int count = 0;
  struct route_place *next;
  while ((next = routes_next(&routes, now))) {
    routes_resolved(next, now);
    *last = next;
    count++;
  }
  return count;
}

static void end(int64_t now)
{
  for (int i = 0; i < MANY; i++)
    routes_leave(&routes, &places[i], now);
}

/* The time until something may go, from which on `count` do. */
static int64_t pause_before(int64_t now, int count)
{
  struct route_place *last;
  int64_t due = routes_due(&routes, now);
  check(go(due - 1, &last) == 0, "none goes before that");
  check(go(due, &last) == count, "but then");
  return due - now;
}

int main(void)
{
  struct route_place *last = NULL;
  start(MANY, NOW);
  check(go(NOW, &last) == MAX_IDLE, "as many go as connections are kept");
  routes_connected(last, false, true, NOW);
  check(go(NOW, &last) == 0, "no more where they speak HTTP/1.1");
  routes_leave(&routes, last, NOW + 1);
  check(routes_due(&routes, NOW + 1) <= NOW + 1 && go(NOW + 1, &last) == 1,
        "the next one where one is free");

  int64_t still = pause_before(NOW + 1, MAX_IDLE);
  check(still > 0 && still < 100, "twice as many where nothing moves");
  int64_t now = NOW + 1 + still;
  for (int i = 0; i < 1000 && go(now, &last) == 0; i++)
    routes_moved(&routes, ++now);
  check(now > NOW + still + 100 && now < NOW + 1000,
        "and where things move, but one is pending for long");
  check(go(now, &last) == 0, "but no more at that time");
  while (routes_due(&routes, now) < INT64_MAX) {
    now = routes_due(&routes, now);
    check(go(now, &last) > 0, "what is due can go");
  }
  int active = 0;
  for (int i = 0; i < MANY; i++)
    active += places[i].route && !places[i].pending.list;
  check(active == MAX_CONNECTIONS, "as long as there are connections");

  end(now);
  start(MANY, now);
  check(go(now, &last) == MAX_IDLE, "a crowd later begins anew");
  end(now);
  routes_free(&routes);
  return EXIT_SUCCESS;
}

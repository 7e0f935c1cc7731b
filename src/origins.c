/* SPDX-License-Identifier: MIT */
#include "origins.h"

#include <stdlib.h>
#include <string.h>

enum protocol { UNKNOWN, HTTP1, HTTP2 };

struct origin {
  enum protocol protocol;
  size_t most;        /* may be under way */
  size_t count;       /* are */
  size_t connecting;  /* of them, have no connection yet */
  struct turn *first; /* of those that wait */
  struct turn **end;
  struct origin *next;
  char name[];
};

static struct origin *find(const struct origins *origins, const char *name)
{
  struct origin *each = origins->list;
  while (each && strcmp(each->name, name) != 0)
    each = each->next;
  return each;
}

static struct origin *add(struct origins *origins, const char *name)
{
  size_t size = strlen(name) + 1;
  struct origin *added = calloc(1, sizeof(*added) + size);
  if (!added)
    return NULL;
  memcpy(added->name, name, size);
  added->most = ORIGIN_FIRST;
  added->end = &added->first;
  added->next = origins->list;
  origins->list = added;
  return added;
}

static void drop(struct origins *origins, struct origin *origin)
{
  struct origin **link = &origins->list;
  while (*link != origin)
    link = &(*link)->next;
  *link = origin->next;
  free(origin);
}

static void take_out(struct turn *turn)
{
  struct origin *origin = turn->origin;
  *turn->link = turn->next;
  if (turn->next)
    turn->next->link = turn->link;
  else
    origin->end = turn->link;
}

bool origins_join(struct origins *origins, const char *name, struct turn *turn)
{
  struct origin *origin = find(origins, name);
  if (!origin)
    origin = add(origins, name);
  if (!origin)
    return false;
  turn->origin = origin;
  turn->has_come = turn->connecting = false;
  turn->next = NULL;
  turn->link = origin->end;
  *origin->end = turn;
  origin->end = &turn->next;
  return true;
}

/* Over HTTP/2, where those that are out have filled what is open. */
static bool may_open(const struct origin *origin)
{
  return origin->protocol == HTTP2 && origin->connecting == 0 &&
         origin->count < ORIGIN_MOST;
}

struct turn *origins_next(struct origins *origins)
{
  for (struct origin *each = origins->list; each; each = each->next) {
    struct turn *turn = each->first;
    if (!turn || !(each->count < each->most || may_open(each)))
      continue;
    take_out(turn);
    turn->has_come = turn->connecting = true;
    each->count++;
    each->connecting++;
    return turn;
  }
  return NULL;
}

static void no_longer_connecting(struct turn *turn)
{
  if (turn->connecting)
    turn->origin->connecting--;
  turn->connecting = false;
}

void origins_connected(struct turn *turn, bool http2, bool is_new)
{
  struct origin *origin = turn->origin;
  if (!http2) {
    origin->protocol = HTTP1;
    origin->most = ORIGIN_MOST;
  } else if (origin->protocol != HTTP2) {
    origin->protocol = HTTP2;
    origin->most = ORIGIN_STREAMS;
  } else if (is_new && origin->most < ORIGIN_MOST) {
    origin->most += ORIGIN_STREAMS;
  }
  no_longer_connecting(turn);
}

/* Where not even the first were connected, the others are not held back. */
void origins_leave(struct origins *origins, struct turn *turn)
{
  struct origin *origin = turn->origin;
  if (!origin)
    return;
  if (turn->has_come) {
    origin->count--;
    no_longer_connecting(turn);
    if (origin->protocol == UNKNOWN)
      origin->most = ORIGIN_MOST;
  } else {
    take_out(turn);
  }
  turn->origin = NULL;
  if (origin->count == 0 && !origin->first)
    drop(origins, origin);
}

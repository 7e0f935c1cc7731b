/* SPDX-License-Identifier: MIT */
#include "origins.h"

#include <openssl/crypto.h>
#include <string.h>

#include "lookups.h"

enum protocol { UNKNOWN, HTTP1, HTTP2 };

struct origin {
  unsigned long id;
  enum pool pool;
  enum protocol protocol;
  size_t most;       /* may be under way */
  size_t count;      /* are */
  size_t connecting; /* of them, have no connection yet */
  int64_t due;       /* until then the others wait for the first */
  struct lookups lookups;
  struct turn *first; /* of those that wait */
  struct turn **end;
  struct origin *next;
  size_t size;       /* of all of it */
  const char *proxy; /* behind the name, or NULL; may hold a password */
  char name[];
};

/* One proxy may hang where another, or none, would not. */
static bool is_of(const struct origin *origin, const char *name,
                  const char *proxy, enum pool pool)
{
  if (origin->pool != pool || strcmp(origin->name, name) != 0)
    return false;
  return proxy && origin->proxy ? strcmp(origin->proxy, proxy) == 0
                                : proxy == origin->proxy;
}

static struct origin *find(const struct origins *origins, const char *name,
                           const char *proxy, enum pool pool)
{
  struct origin *each = origins->list;
  while (each && !is_of(each, name, proxy, pool))
    each = each->next;
  return each;
}

static struct origin *add(struct origins *origins, const char *name,
                          const char *proxy, enum pool pool)
{
  size_t name_size = strlen(name) + 1;
  size_t proxy_size = proxy ? strlen(proxy) + 1 : 0;
  size_t size = sizeof(struct origin) + name_size + proxy_size;
  struct origin *added = OPENSSL_zalloc(size);
  if (!added)
    return NULL;
  added->id = ++origins->last_id;
  added->size = size;
  memcpy(added->name, name, name_size);
  if (proxy)
    added->proxy = memcpy(added->name + name_size, proxy, proxy_size);
  added->pool = pool;
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
  OPENSSL_clear_free(origin, origin->size);
}

static bool is_idle(const struct origin *origin)
{
  return origin->count == 0 && !origin->first;
}

/* Which connections are kept for it, if any, nobody knows. */
static void begin(struct origin *origin, int64_t now)
{
  origin->protocol = origin->pool == POOL_HTTP1 ? HTTP1 : UNKNOWN;
  origin->most = origin->pool == POOL_HTTP1 ? ORIGIN_MOST : 1;
  origin->due = now + ORIGIN_PATIENCE;
}

/* One may stay for what is known of its look-ups. */
static void drop_idle(struct origins *origins, int64_t now)
{
  struct origin *next;
  for (struct origin *each = origins->list; each; each = next) {
    next = each->next;
    if (is_idle(each) && lookups_are_idle(&each->lookups, now))
      drop(origins, each);
  }
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

bool origins_join(struct origins *origins, const char *name, const char *proxy,
                  enum pool pool, int64_t now, struct turn *turn)
{
  drop_idle(origins, now);
  struct origin *origin = find(origins, name, proxy, pool);
  if (!origin)
    origin = add(origins, name, proxy, pool);
  if (!origin)
    return false;
  if (is_idle(origin))
    begin(origin, now);
  turn->origin = origin;
  turn->has_come = turn->connecting = false;
  turn->lookup = NULL;
  turn->next = NULL;
  turn->link = origin->end;
  *origin->end = turn;
  origin->end = &turn->next;
  return true;
}

unsigned long origins_id(const struct turn *turn)
{
  return turn->origin->id;
}

/* Over HTTP/2, where those that are out have filled what is open. */
static bool may_open(const struct origin *origin)
{
  return origin->protocol == HTTP2 && origin->connecting == 0 &&
         origin->count < ORIGIN_MOST;
}

static bool waits_for_first(const struct origin *origin)
{
  return origin->protocol == UNKNOWN && origin->most == 1 && origin->first;
}

/* Whether one more may go, but for the look-up. */
static bool has_room(const struct origin *origin)
{
  return origin->count < origin->most || may_open(origin);
}

static int64_t due_of(const struct origin *origin, int64_t now)
{
  if (!origin->first)
    return INT64_MAX;
  if (waits_for_first(origin) && !has_room(origin))
    return origin->due;
  return has_room(origin) ? lookups_due(&origin->lookups, now) : INT64_MAX;
}

int64_t origins_due(const struct origins *origins, int64_t now)
{
  int64_t due = INT64_MAX;
  for (const struct origin *each = origins->list; each; each = each->next) {
    int64_t its = due_of(each, now);
    if (its < due)
      due = its;
  }
  return due;
}

struct turn *origins_next(struct origins *origins, int64_t now)
{
  for (struct origin *each = origins->list; each; each = each->next) {
    struct turn *turn = each->first;
    if (waits_for_first(each) && each->due <= now)
      each->most = ORIGIN_MOST;
    if (!turn || !has_room(each) || lookups_due(&each->lookups, now) > now)
      continue;
    take_out(turn);
    turn->has_come = turn->connecting = true;
    turn->lookup = lookups_begin(&each->lookups, now);
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

void origins_connected(struct turn *turn, bool http2, bool is_new, int64_t now)
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
  if (!is_new)
    lookups_spared(&origin->lookups, now);
  origins_not_found(turn);
}

void origins_found(struct turn *turn, int64_t now)
{
  lookups_found(&turn->origin->lookups, turn->lookup, now);
  turn->lookup = NULL;
}

void origins_not_found(struct turn *turn)
{
  lookups_failed(turn->lookup);
  turn->lookup = NULL;
}

/* Where not even the first were connected, the others are not held back. */
void origins_leave(struct origins *origins, struct turn *turn, int64_t now)
{
  struct origin *origin = turn->origin;
  if (!origin)
    return;
  if (turn->has_come) {
    origin->count--;
    no_longer_connecting(turn);
    lookups_given_up(&origin->lookups, turn->lookup, now);
    if (origin->protocol == UNKNOWN)
      origin->most = ORIGIN_MOST;
  } else {
    take_out(turn);
  }
  turn->origin = NULL;
  drop_idle(origins, now);
}

void origins_free(struct origins *origins)
{
  while (origins->list)
    drop(origins, origins->list);
}

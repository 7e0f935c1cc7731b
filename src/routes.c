/* SPDX-License-Identifier: MIT */
#include "routes.h"

#include <openssl/crypto.h>
#include <string.h>

#include "lookups.h"

enum {
  MAX_STREAMS = 100,    /* on a connection of HTTP/2 */
  FIRST_WAIT_MS = 1000, /* how long the others wait for the first */
  STILL_MS = 20,        /* over HTTP/1.1: nothing has moved for so long */
  MAX_WAIT_MS = 250     /* the same: one is pending for so long */
};

enum protocol { UNKNOWN, HTTP1, HTTP2 };

struct route {
  struct list_item item;
  unsigned long id;
  enum pool pool;
  enum protocol protocol;
  size_t max_active; /* that the open connections have room for */
  size_t active;     /* transfers that went */
  size_t connecting; /* active transfers without a connection yet */
  int64_t first_due; /* the others wait for the first until then */
  int64_t widened_at;
  struct lookups lookups;
  struct list pending;
  size_t size;       /* of the structure with its two strings */
  const char *proxy; /* may hold a password; NULL: the environment's */
  char origin[];
};

/* By proxy too: one may hang while another one, or none, does not. */
static bool is_same(const struct route *route, const char *origin,
                    const char *proxy, enum pool pool)
{
  if (route->pool != pool || strcmp(route->origin, origin) != 0)
    return false;
  return proxy && route->proxy ? strcmp(route->proxy, proxy) == 0
                               : proxy == route->proxy;
}

static struct route *add(struct routes *routes, const char *origin,
                         const char *proxy, enum pool pool)
{
  size_t origin_size = strlen(origin) + 1;
  size_t proxy_size = proxy ? strlen(proxy) + 1 : 0;
  size_t size = sizeof(struct route) + origin_size + proxy_size;
  struct route *route = OPENSSL_zalloc(size);
  if (!route)
    return NULL;
  route->id = ++routes->last_id;
  route->size = size;
  memcpy(route->origin, origin, origin_size);
  if (proxy)
    route->proxy = memcpy(route->origin + origin_size, proxy, proxy_size);
  route->pool = pool;
  list_append(&routes->list, &route->item, route);
  return route;
}

static void drop(struct route *route)
{
  list_remove(&route->item);
  OPENSSL_clear_free(route, route->size);
}

static bool is_idle(const struct route *route)
{
  return route->active == 0 && !route->pending.first;
}

/* An idle route stays while something is known of its look-ups. */
static void drop_idle(struct routes *routes, int64_t now)
{
  struct list_item *next;
  for (struct list_item *item = routes->list.first; item; item = next) {
    struct route *route = item->owner;
    next = item->next;
    if (is_idle(route) && lookups_are_idle(&route->lookups, now))
      drop(route);
  }
}

/* Whether libcurl still has connections for the route is not known. */
static void begin(struct route *route, int64_t now)
{
  bool http1 = route->pool == POOL_HTTP1;
  route->protocol = http1 ? HTTP1 : UNKNOWN;
  route->max_active = http1 ? MAX_IDLE : 1;
  route->first_due = now + FIRST_WAIT_MS;
}

struct route *routes_find(struct routes *routes, const char *origin,
                          const char *proxy, enum pool pool, int64_t now)
{
  drop_idle(routes, now);
  struct list_item *item = routes->list.first;
  while (item && !is_same(item->owner, origin, proxy, pool))
    item = item->next;
  struct route *route = item ? item->owner : add(routes, origin, proxy, pool);
  if (route && is_idle(route))
    begin(route, now);
  return route;
}

unsigned long route_id(const struct route *route)
{
  return route->id;
}

void routes_moved(struct routes *routes, int64_t now)
{
  routes->moved_at = now;
}

void routes_wait(struct routes *routes, struct route_place *place,
                 void *transfer, int64_t now)
{
  routes_moved(routes, now);
  place->transfer = transfer;
  place->pending_since = now;
  list_append(&place->route->pending, &place->pending, place);
}

/* Over HTTP/2 one may go to open another connection. */
static bool may_open(const struct route *route)
{
  return route->protocol == HTTP2 && route->connecting == 0 &&
         route->active < MAX_CONNECTIONS;
}

/* Whether one more may go, if the look-ups allow it. */
static bool has_room(const struct route *route)
{
  return route->active < route->max_active || may_open(route);
}

/* When more may be active, for `first` is pending. */
static int64_t widening_due(const struct routes *routes,
                            const struct route_place *first)
{
  const struct route *route = first->route;
  if (route->max_active >= MAX_CONNECTIONS || route->protocol == HTTP2)
    return INT64_MAX;
  if (route->protocol == UNKNOWN)
    return route->first_due;
  int64_t still = routes->moved_at + STILL_MS;
  int64_t since = first->pending_since > route->widened_at
                      ? first->pending_since
                      : route->widened_at;
  int64_t waited = since + MAX_WAIT_MS;
  return still < waited ? still : waited;
}

static void widen(struct route *route, int64_t now)
{
  bool http1 = route->protocol == HTTP1;
  route->widened_at = now;
  route->max_active = http1 ? 2 * route->max_active : MAX_CONNECTIONS;
}

static int64_t due_of(const struct routes *routes, const struct route *route,
                      int64_t now)
{
  const struct route_place *first = list_first(&route->pending);
  if (!first)
    return INT64_MAX;
  if (has_room(route))
    return lookups_due(&route->lookups, now);
  return widening_due(routes, first);
}

int64_t routes_due(const struct routes *routes, int64_t now)
{
  int64_t due = INT64_MAX;
  for (const struct list_item *item = routes->list.first; item;
       item = item->next) {
    int64_t its_due = due_of(routes, item->owner, now);
    if (its_due < due)
      due = its_due;
  }
  return due;
}

static void *go(struct routes *routes, struct route_place *place, int64_t now)
{
  routes_moved(routes, now);
  struct route *route = place->route;
  list_remove(&place->pending);
  place->connecting = true;
  place->lookup = lookups_begin(&route->lookups, now);
  route->active++;
  route->connecting++;
  return place->transfer;
}

void *routes_next(struct routes *routes, int64_t now)
{
  for (struct list_item *item = routes->list.first; item; item = item->next) {
    struct route *route = item->owner;
    struct route_place *first = list_first(&route->pending);
    if (!first)
      continue;
    if (!has_room(route) && widening_due(routes, first) <= now)
      widen(route, now);
    if (has_room(route) && lookups_due(&route->lookups, now) <= now)
      return go(routes, first, now);
  }
  return NULL;
}

static void end_connecting(struct route_place *place)
{
  if (place->connecting)
    place->route->connecting--;
  place->connecting = false;
}

void routes_connected(struct route_place *place, bool http2, bool is_new,
                      int64_t now)
{
  struct route *route = place->route;
  enum protocol protocol = http2 ? HTTP2 : HTTP1;
  if (route->protocol != protocol) {
    route->protocol = protocol;
    route->max_active = http2 ? MAX_STREAMS : MAX_IDLE;
  } else if (http2 && is_new && route->max_active < MAX_CONNECTIONS) {
    route->max_active += MAX_STREAMS;
  }
  end_connecting(place);
  if (!is_new)
    lookups_not_needed(&route->lookups, now);
  routes_not_resolved(place);
}

void routes_resolved(struct route_place *place, int64_t now)
{
  lookups_found(&place->route->lookups, place->lookup, now);
  place->lookup = NULL;
}

void routes_not_resolved(struct route_place *place)
{
  lookups_failed(place->lookup);
  place->lookup = NULL;
}

void routes_leave(struct routes *routes, struct route_place *place,
                  int64_t now)
{
  struct route *route = place->route;
  if (!route)
    return;
  if (place->pending.list) {
    list_remove(&place->pending);
  } else {
    route->active--;
    end_connecting(place);
    lookups_given_up(&route->lookups, place->lookup, now);
    if (route->protocol == UNKNOWN) /* the first was not connected */
      route->max_active = MAX_CONNECTIONS;
  }
  place->route = NULL;
  drop_idle(routes, now);
}

void routes_free(struct routes *routes)
{
  struct route *route;
  while ((route = list_first(&routes->list)))
    drop(route);
}

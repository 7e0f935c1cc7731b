/* SPDX-License-Identifier: MIT */
#include "connection.h"

#include "libcurl.h"

/* The longest silence is TIMES_LAST times what the last answer took: at least a
   second, or a quarter of the time left if that is shorter; at most half of
   the time left. In less than MIN_SILENCE_MS nothing can be told. */
enum { TIMES_LAST = 3, USUAL_SILENCE_MS = 1000, MIN_SILENCE_MS = 100 };

static int64_t clamp(int64_t value, int64_t min, int64_t max)
{
  return value < min ? min : value < max ? value : max;
}

static int64_t max_silence(int64_t took, int64_t left)
{
  int64_t min = clamp(left / 4, MIN_SILENCE_MS, USUAL_SILENCE_MS);
  int64_t max = left / 2;
  return min < max ? clamp(TIMES_LAST * took, min, max) : INT64_MAX;
}

enum socket_state connection_begin(struct connection *connection,
                                   const struct socket_use *use, bool kept,
                                   int64_t deadline)
{
  enum socket_state state;
  if (connection->request_sent) /* libcurl tries again by itself */
    connection_suspect(connection);
  sockets_release(connection->sockets, connection->socket);
  connection->socket = sockets_use(connection->sockets, use, &state);
  connection->request_sent = true;
  connection->kept = kept;
  connection->route = use->route;
  connection->sent_at = clock_ms();
  connection->stalls_at = INT64_MAX;

  const struct socket *socket =
      sockets_find(connection->sockets, connection->socket);
  if (!socket || !kept)
    return state;
  if (socket->heard_at <= connection->heard_after) {
    sockets_suspect_route(connection->sockets, use->route,
                          connection->heard_after);
    return SOCKET_SUSPECT;
  }
  if (!connection->watched || socket->took < 0) /* or opened just now */
    return state;
  int64_t silence = max_silence(socket->took, deadline - connection->sent_at);
  if (silence < INT64_MAX)
    connection->stalls_at = connection->sent_at + silence;
  return state;
}

void connection_heard(struct connection *connection, bool is_first)
{
  int64_t now = clock_ms();
  connection->stalls_at = INT64_MAX;
  sockets_heard(connection->sockets, connection->socket, now,
                is_first ? now - connection->sent_at : -1);
}

void connection_stalled(struct connection *connection)
{
  connection->stalls_at = INT64_MAX;
  connection->watched = false;
}

void connection_suspect(const struct connection *connection)
{
  if (connection->kept)
    sockets_suspect_route(connection->sockets, connection->route,
                          connection->sent_at);
  else
    sockets_suspect(connection->sockets, connection->socket,
                    connection->sent_at);
}

void connection_end(struct connection *connection)
{
  sockets_release(connection->sockets, connection->socket);
  connection->request_sent = connection->kept = false;
  connection->socket = 0;
  connection->stalls_at = INT64_MAX;
}

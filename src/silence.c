/* SPDX-License-Identifier: MIT */
/* What a transfer hears on its connection, and what follows where that is
   nothing. */
#include "clock.h"
#include "easy.h"
#include "transfer.h"

/* A kept connection that a NAT or a load balancer has forgotten looks like one
   on which a slow service is at work. So many times as long as the last answer
   over it took is too long; but a second may always pass, or a quarter of the
   time that is left, and no more than half of it. In less than the shortest
   nothing can be told. */
enum { TIMES = 3, USUAL = 1000, SHORTEST = 100 };

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
  return value < least ? least : value < most ? value : most;
}

static void watch(struct transfer *transfer, int64_t took)
{
  struct transport *transport = transfer->transport;
  int64_t left = transfer->deadline - transfer->asked;
  int64_t least = clamp(left / 4, SHORTEST, USUAL), most = left / 2;
  if (least >= most)
    return;
  transfer->silent = transfer->asked + clamp(TIMES * took, least, most);
  if (transfer->silent < transport->deadline)
    transport->deadline = transfer->silent;
}

/* Its connection has come to nothing. Those that are as old as a kept one may
   have, too; a new one says nothing of others. */
void transfer_doubt(const struct transfer *transfer)
{
  struct sockets *sockets = &transfer->transport->multi.sockets;
  if (transfer->kept)
    sockets_doubt(sockets, transfer->origin, transfer->asked);
  else
    sockets_doubt_one(sockets, transfer->socket, transfer->asked);
}

enum socket_state transfer_ask(struct transfer *transfer,
                               const struct route *route)
{
  struct sockets *sockets = &transfer->transport->multi.sockets;
  enum socket_state state;
  if (transfer->seen.asked) /* libcurl tries again by itself */
    transfer_doubt(transfer);
  sockets_release(sockets, transfer->socket);
  transfer->socket = sockets_use(sockets, route, &state);
  transfer->seen.asked = true;
  transfer->asked = clock_ms();
  transfer->silent = INT64_MAX;
  transfer->origin = route->origin;
  transfer->kept = easy_number(transfer->easy, CURLINFO_NUM_CONNECTS) == 0;
  const struct socket *socket = sockets_find(sockets, transfer->socket);
  if (!socket || !transfer->kept)
    return state;
  if (socket->heard <= transfer->since) { /* nor will those that are as old */
    sockets_doubt(sockets, route->origin, transfer->since);
    return SOCKET_DOUBTED;
  }
  if (transfer->watched && socket->took >= 0) /* else it was opened just now */
    watch(transfer, socket->took);
  return state;
}

void transfer_hear(struct transfer *transfer)
{
  int64_t now = clock_ms();
  transfer->silent = INT64_MAX;
  sockets_heard(&transfer->transport->multi.sockets, transfer->socket, now,
                transfer->header_bytes == 0 ? now - transfer->asked : -1);
}

void transfer_stall(struct transfer *transfer)
{
  transfer->silent = INT64_MAX;
  transfer->watched = false;
  transfer->stalled = transfer->untold = true;
  transfer->transport->has_stalled = true;
}

bool transfer_is_stalled(const struct transfer *transfer)
{
  return transfer->stalled;
}

void transfer_take_note(struct transfer *transfer)
{
  transfer->stalled = transfer->untold = false;
}

void transfer_pair(struct transfer *transfer, struct transfer *rival)
{
  if (!rival || !rival->running || rival->rival ||
      rival->transport != transfer->transport)
    return;
  transfer->rival = rival;
  rival->rival = transfer;
}

void transfer_part(struct transfer *transfer)
{
  if (transfer->rival)
    transfer->rival->rival = NULL;
  transfer->rival = NULL;
}

bool transfer_has_rival(const struct transfer *transfer)
{
  return transfer->rival && transfer->rival->running;
}

void transfer_lose(struct transfer *transfer)
{
  if (transfer->header_bytes == 0)
    transfer_doubt(transfer);
  transfer_end(transfer, OUTCOME_CLOSED);
}

/* SPDX-License-Identifier: MIT */
/* The methods of balance.transport for a loop that waits for its waker. What is
   returned where there is none is no failure of a call: the loop does without. */
#include <errno.h>
#include <string.h>

#include "core.h"
#include "waker.h"

static int fail(lua_State *L, int error)
{
  lua_pushnil(L);
  lua_pushstring(L, strerror(error));
  return 2;
}

/* transport:waker(): the port of 127.0.0.1 that the loop's next UDP socket
   connects to, and what it sends; or nil and a message. The transport must have
   been opened, by a call or by fd(). */
int l_transport_waker(lua_State *L)
{
  struct core_state *state = core_check_transport(L);
  struct waker *waker;
  struct waker_address address;
  int error = ENOTCONN;
  if (state->transport && transport_is_ours(state->transport))
    error = transport_waker(state->transport, &waker);
  if (!error)
    error = waker_invite(waker, &address);
  if (error)
    return fail(L, error);
  lua_pushinteger(L, address.port);
  lua_pushlstring(L, (const char *)address.nonce, sizeof(address.nonce));
  return 2;
}

/* transport:arm(seconds): that socket gets a datagram when a step is due, or
   after this time. Returns true, or nil and a message. */
int l_transport_arm(lua_State *L)
{
  struct core_state *state = core_check_transport(L);
  int64_t limit_ms = core_milliseconds(L, luaL_checknumber(L, 2));
  int error = ENOTCONN;
  if (state->transport && transport_is_ours(state->transport))
    error = transport_arm(state->transport, limit_ms);
  if (error)
    return fail(L, error);
  lua_pushboolean(L, true);
  return 1;
}

/* transport:disarm(): that socket gets no datagram any more. */
int l_transport_disarm(lua_State *L)
{
  struct core_state *state = core_check_transport(L);
  if (state->transport && transport_is_ours(state->transport))
    transport_disarm(state->transport);
  return 0;
}

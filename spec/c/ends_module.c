/* SPDX-License-Identifier: MIT */
/* How a connection can end and cqueues does not know: for the server that
   misbehaves. */
#define _POSIX_C_SOURCE 200809L
#include <lauxlib.h>
#include <lua.h>
#include <sys/socket.h>

/* reset(fd): closing it will send a reset. */
static int reset(lua_State *L)
{
  struct linger none = {.l_onoff = 1};
  lua_pushboolean(L, setsockopt((int)luaL_checkinteger(L, 1), SOL_SOCKET,
                                SO_LINGER, &none, sizeof(none)) == 0);
  return 1;
}

/* cut(fd): ends it as anyone in between could, without TLS's goodbye. */
static int cut(lua_State *L)
{
  int fd = (int)luaL_checkinteger(L, 1);
  lua_pushboolean(L, shutdown(fd, SHUT_WR) == 0);
  return 1;
}

int luaopen_ends(lua_State *L);

int luaopen_ends(lua_State *L)
{
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, reset);
  lua_setfield(L, -2, "reset");
  lua_pushcfunction(L, cut);
  lua_setfield(L, -2, "cut");
  return 1;
}

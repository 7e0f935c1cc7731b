/* SPDX-License-Identifier: MIT */
/* Ways to end a connection that cqueues does not have, for the fault server. */
#define _POSIX_C_SOURCE 200809L
#include <lauxlib.h>
#include <lua.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

/* reset(fd): closing it will send a RST. */
static int reset(lua_State *L)
{
  struct linger none = {.l_onoff = 1};
  lua_pushboolean(L, setsockopt((int)luaL_checkinteger(L, 1), SOL_SOCKET,
                                SO_LINGER, &none, sizeof(none)) == 0);
  return 1;
}

/* cut(fd): ends it without TLS's close_notify, as an attacker could. */
static int cut(lua_State *L)
{
  shutdown((int)luaL_checkinteger(L, 1), SHUT_WR);
  return 0;
}

/* goodbye(ssl): sends TLS's close_notify. luaossl has no function for it. */
static int goodbye(lua_State *L)
{
  SSL **ssl = luaL_checkudata(L, 1, "SSL*");
  lua_pushboolean(L, SSL_shutdown(*ssl) >= 0);
  return 1;
}

int luaopen_ends(lua_State *L);

int luaopen_ends(lua_State *L)
{
  lua_createtable(L, 0, 3);
  lua_pushcfunction(L, reset);
  lua_setfield(L, -2, "reset");
  lua_pushcfunction(L, cut);
  lua_setfield(L, -2, "cut");
  lua_pushcfunction(L, goodbye);
  lua_setfield(L, -2, "goodbye");
  return 1;
}

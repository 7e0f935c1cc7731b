/* SPDX-License-Identifier: MIT */
/* chroot and setuid for Lua. */
#define _DEFAULT_SOURCE /* chroot */
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <string.h>
#include <unistd.h>

static int result(lua_State *L, int status)
{
  int saved = errno;
  lua_pushboolean(L, status == 0);
  lua_pushstring(L, status == 0 ? "" : strerror(saved));
  return 2;
}

/* chroot(path): true; or false and strerror's words. */
static int chroot_(lua_State *L)
{
  const char *path = luaL_checkstring(L, 1);
  return result(L, chroot(path) == 0 ? chdir("/") : -1);
}

/* setuid(id): the same. */
static int setuid_(lua_State *L)
{
  return result(L, setuid((uid_t)luaL_checkinteger(L, 1)));
}

int luaopen_chroot(lua_State *L);

int luaopen_chroot(lua_State *L)
{
  lua_newtable(L);
  lua_pushcfunction(L, chroot_);
  lua_setfield(L, -2, "chroot");
  lua_pushcfunction(L, setuid_);
  lua_setfield(L, -2, "setuid");
  return 1;
}

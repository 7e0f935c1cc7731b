/* SPDX-License-Identifier: MIT */
/* Reads a secret into a string of Lua, without another copy in memory. */
#define _DEFAULT_SOURCE /* explicit_bzero */
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <string.h>
#include <unistd.h>

/* read(path): the bytes of a file. */
static int read_(lua_State *L)
{
  char text[256];
  int file = open(luaL_checkstring(L, 1), O_RDONLY);
  ssize_t len = file < 0 ? -1 : read(file, text, sizeof(text));
  close(file);
  if (len < 0)
    return luaL_error(L, "there is no such file");
  lua_pushlstring(L, text, (size_t)len);
  explicit_bzero(text, sizeof(text));
  return 1;
}

int luaopen_secret(lua_State *L);

int luaopen_secret(lua_State *L)
{
  lua_pushcfunction(L, read_);
  return 1;
}

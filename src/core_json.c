/* SPDX-License-Identifier: MIT */
/* What a decoder of JSON leaves to be done: before it, and after. */
#include <math.h>
#include <string.h>

#include "core.h"
#include "text.h"

/* json_size(text): how many commas and colons JSON has outside of its strings,
   as far as a decoder reads it; nil where no JSON can be: it has no zero byte,
   and is UTF-8. */
int l_json_size(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TSTRING);
  struct bytes text = string_at(L, 1);
  if (memchr(text.data, '\0', text.len) || !text_is_utf8(text)) {
    lua_pushnil(L);
    return 1;
  }
  lua_Integer count = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    if (c == '\\' && in_string)
      i++; /* the character that it escapes */
    else if (c == '"')
      in_string = !in_string;
    else if (!in_string && (c == ',' || c == ':'))
      count++;
  }
  lua_pushinteger(L, count);
  return 1;
}

/* Whether the number on top of the stack may stay. If it must be another one,
   that is put on top of it. */
static bool read_number(lua_State *L)
{
  const lua_Number number = lua_tonumber(L, -1);
#if LUA_VERSION_NUM >= 503
  int is_whole = 0;
  const lua_Integer whole = lua_tointegerx(L, -1, &is_whole);
  if (is_whole && !lua_isinteger(L, -1))
    lua_pushinteger(L, whole);
#else
  if (number <= 0 && number >= 0)
    lua_pushinteger(L, 0); /* and not -0 */
#endif
  return isfinite(number);
}

/* normalise(table): in it, and in the tables in it, null becomes nil, and a
   whole number an integer, where Lua has them. Returns false where a number is
   too large for a float, or the tables have no end. */
int l_normalise(lua_State *L)
{
  enum { MAX_DEPTH = 100 }; /* more than a decoder lets through */
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_pushnil(L);
  while (lua_gettop(L) > 1) { /* tables, each with a key on top of it */
    luaL_checkstack(L, 6, "too many tables");
    if (!lua_next(L, -2)) {
      lua_pop(L, 1);
      continue;
    }
    const int value = lua_gettop(L);
    bool is_fit = true;
    if (lua_type(L, value) == LUA_TNUMBER) {
      is_fit = read_number(L);
    } else if (lua_istable(L, value)) {
      lua_pushnil(L);
      if (value < 2 * MAX_DEPTH)
        continue;
      is_fit = false;
    } else if (lua_islightuserdata(L, value) && !lua_touserdata(L, value)) {
      lua_pushnil(L);
    }
    if (!is_fit) {
      lua_pushboolean(L, false);
      return 1;
    }
    if (lua_gettop(L) > value) {
      lua_pushvalue(L, value - 1);
      lua_insert(L, -2);
      lua_rawset(L, value - 2);
    }
    lua_settop(L, value - 1);
  }
  lua_pushboolean(L, true);
  return 1;
}

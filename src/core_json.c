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

/* Pushes what a decoded value should be instead. False: it may stay. */
static bool push_plain(lua_State *L, int index)
{
  if (lua_islightuserdata(L, index) && !lua_touserdata(L, index)) {
    lua_pushnil(L); /* lua-cjson's null */
    return true;
  }
  if (lua_type(L, index) != LUA_TNUMBER)
    return false;
#if LUA_VERSION_NUM >= 503
  int is_whole = 0;
  const lua_Integer whole = lua_tointegerx(L, index, &is_whole);
  const bool is_other = is_whole && !lua_isinteger(L, index);
#else
  const lua_Integer whole = 0; /* and not -0 */
  const bool is_other =
      !(lua_tonumber(L, index) < 0) && !(lua_tonumber(L, index) > 0);
#endif
  if (is_other)
    lua_pushinteger(L, whole);
  return is_other;
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
    luaL_checkstack(L, 4, "too many tables");
    if (!lua_next(L, -2)) {
      lua_pop(L, 1);
      continue;
    }
    const int value = lua_gettop(L), type = lua_type(L, value);
    if (type == LUA_TTABLE && value < 2 * MAX_DEPTH) {
      lua_pushnil(L); /* its fields come next */
      continue;
    }
    if (type == LUA_TTABLE ||
        (type == LUA_TNUMBER && !isfinite(lua_tonumber(L, value)))) {
      lua_pushboolean(L, false);
      return 1;
    }
    if (push_plain(L, value)) {
      lua_pushvalue(L, value - 1);
      lua_insert(L, -2);
      lua_rawset(L, value - 2);
    }
    lua_settop(L, value - 1);
  }
  lua_pushboolean(L, true);
  return 1;
}

/* SPDX-License-Identifier: MIT */
/* Classes of userdata. */
#include <string.h>

#include "core.h"

/* Pushes what the registry has by this address. */
static void push_registered(lua_State *L, void *key)
{
  lua_pushlightuserdata(L, key);
  lua_rawget(L, LUA_REGISTRYINDEX);
}

static bool is_registered(lua_State *L, void *key)
{
  push_registered(L, key);
  bool found = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return found;
}

void core_set_functions(lua_State *L, const luaL_Reg *functions)
{
  for (; functions->name; functions++) {
    lua_pushcfunction(L, functions->func);
    lua_setfield(L, -2, functions->name);
  }
}

void core_new_class(lua_State *L, struct core_class *class, lua_CFunction gc,
                    const luaL_Reg *methods)
{
  if (is_registered(L, class))
    return;
  lua_pushlightuserdata(L, class);
  lua_newtable(L);
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__gc");
  lua_pushstring(L, class->name); /* for getmetatable */
  lua_setfield(L, -2, "__metatable");
  lua_pushstring(L, class->name); /* for tostring, since Lua 5.3 */
  lua_setfield(L, -2, "__name");
  lua_newtable(L);
  core_set_functions(L, methods);
  lua_getfield(L, -1, "close");
  lua_setfield(L, -3, "__close");
  lua_setfield(L, -2, "__index");
  lua_rawset(L, LUA_REGISTRYINDEX);
}

void core_set_class(lua_State *L, struct core_class *class)
{
  push_registered(L, class);
  lua_setmetatable(L, -2);
}

void *core_check(lua_State *L, int index, struct core_class *class)
{
  void *found = lua_touserdata(L, index);
  push_registered(L, class);
  if (!found || !lua_getmetatable(L, index) || !lua_rawequal(L, -1, -2))
    luaL_argerror(L, index,
                  lua_pushfstring(L, "%s expected, got %s", class->name,
                                  luaL_typename(L, index)));
  lua_pop(L, 2);
  return found;
}

void *core_new_instance(lua_State *L, struct core_class *class, size_t size)
{
  if (is_registered(L, &class->instance))
    return NULL;
  lua_pushlightuserdata(L, &class->instance);
  void *instance = lua_newuserdata(L, size);
  memset(instance, 0, size);
  core_set_class(L, class);
  lua_rawset(L, LUA_REGISTRYINDEX);
  return instance;
}

void *core_push_instance(lua_State *L, struct core_class *class)
{
  push_registered(L, &class->instance);
  return lua_touserdata(L, -1);
}

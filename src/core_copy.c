/* SPDX-License-Identifier: MIT */
/* From C memory into a string of Lua; core.h says why it takes so much. */
#include <openssl/crypto.h>
#include <string.h>

#include "core.h"

void core_prepare_call(lua_State *L, lua_CFunction function, void *from)
{
  luaL_checkstack(L, 4, "too many values");
  lua_pushcfunction(L, function);
  lua_pushlightuserdata(L, from);
}

static int push_string(lua_State *L)
{
  const struct core_copy *copy = lua_touserdata(L, 1);
  lua_pushlstring(L, copy->bytes, copy->len);
  return 1;
}

void core_prepare_copy(lua_State *L, struct core_copy *copy)
{
  copy->len = 0;
  core_prepare_call(L, push_string, copy);
}

void core_copy(struct core_copy *copy, struct bytes text)
{
  copy->len = text.len < MAX_TEXT ? text.len : MAX_TEXT;
  memcpy(copy->bytes, text.data, copy->len);
}

void core_wipe_copy(struct core_copy *copy)
{
  OPENSSL_cleanse(copy->bytes, copy->len);
}

void core_push_copy(lua_State *L, struct core_copy *copy)
{
  int failed = lua_pcall(L, 1, 1, 0);
  core_wipe_copy(copy);
  if (failed)
    lua_error(L);
}

/* SPDX-License-Identifier: MIT */
/* Arguments: the fields of a table, as C has them. */
#include <curl/curl.h>

#include "core.h"

enum { MAX_SECONDS = 86400 };

bool core_push_field(lua_State *L, int table, const char *name, int type)
{
  luaL_checkstack(L, 4, "too many fields");
  lua_getfield(L, table, name);
  int found = lua_type(L, -1);
  if (found == LUA_TNIL)
    return false;
  if (found != type)
    luaL_error(L, "field '%s' must be a %s, got %s", name,
               lua_typename(L, type), lua_typename(L, found));
  return true;
}

struct bytes core_string_field(lua_State *L, int table, const char *name,
                               struct bytes fallback)
{
  if (core_push_field(L, table, name, LUA_TSTRING))
    return string_at(L, -1);
  if (!fallback.data)
    luaL_error(L, "field '%s' is missing", name);
  return fallback;
}

struct bytes core_text_field(lua_State *L, int table, const char *name,
                             struct bytes fallback)
{
  struct bytes text = core_string_field(L, table, name, fallback);
  if (!is_field_text(text))
    luaL_error(L, "field '%s' has a control character", name);
  return text;
}

int64_t core_milliseconds(lua_State *L, double seconds)
{
  if (!(seconds >= 0 && seconds <= (double)MAX_SECONDS))
    luaL_error(L, "a time limit must be 0 to %d seconds", MAX_SECONDS);
  return (int64_t)(seconds * 1000 + 0.999);
}

void core_add_header(lua_State *L, struct headers *headers, struct bytes name,
                     struct bytes value)
{
  if (headers->count < MAX_HEADERS)
    headers->list[headers->count++] = (struct header){name, value};
  else
    luaL_error(L, "more than %d headers", MAX_HEADERS);
}

void core_add_headers(lua_State *L, int source, struct headers *headers)
{
  for (lua_pushnil(L); lua_next(L, source); lua_pushvalue(L, -2)) {
    luaL_checkstack(L, 4, "too many headers");
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
      luaL_error(L, "field 'headers' must hold strings by name");
    struct bytes name = string_at(L, -2), value = string_at(L, -1);
    if (!is_field_text(name) || !is_field_text(value))
      luaL_error(L, "field 'headers' has a control character");
    core_add_header(L, headers, name, value);
  }
}

const struct header *core_find_header(const struct headers *headers,
                                      struct bytes name)
{
  for (size_t i = 0; i < headers->count; i++) {
    const struct header *header = &headers->list[i];
    if (header->name.len == name.len &&
        curl_strnequal(header->name.data, name.data, name.len))
      return header;
  }
  return NULL;
}

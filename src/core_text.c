/* SPDX-License-Identifier: MIT */
/* Foreign texts: what may be shown of them. */
#include "core.h"
#include "forms.h"
#include "text.h"

/* Reads the arguments (text, secrets). The secrets stay on the Lua stack, from
   the third place on. Returns how many there are; nothing raises after it. */
static int check_secrets(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TSTRING);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  for (int count = 0;; count++) {
    luaL_checkstack(L, 4, "too many secrets");
    lua_rawgeti(L, 2, count + 1);
    if (lua_isnil(L, -1))
      return count;
    if (lua_type(L, -1) != LUA_TSTRING)
      core_check_transfer(L, count + 3);
  }
}

static struct bytes secret_at(lua_State *L, int i)
{
  if (lua_type(L, i + 3) == LUA_TSTRING)
    return string_at(L, i + 3);
  const struct transfer_box *box = lua_touserdata(L, i + 3);
  return buffer_bytes(&box->made);
}

static void hide_form(void *user, struct bytes form)
{
  text_hide(user, form);
}

static void hide(lua_State *L, struct text *text, int count)
{
  for (int i = 0; i < count; i++)
    forms_each(secret_at(L, i), hide_form, text);
}

int l_clean(lua_State *L)
{
  int count = check_secrets(L);
  struct text text;
  char out[TEXT_OUT];
  text_open(&text, string_at(L, 1));
  hide(L, &text, count);
  text_tidy(&text);
  hide(L, &text, count);
  lua_pushlstring(L, out, text_close(&text, out));
  return 1;
}

struct search {
  struct bytes text;
  bool found;
};

static void find_form(void *user, struct bytes form)
{
  struct search *search = user;
  search->found = search->found || text_has_secret(search->text, form);
}

int l_has_secret(lua_State *L)
{
  int count = check_secrets(L);
  struct search search = {string_at(L, 1), false};
  for (int i = 0; !search.found && i < count; i++)
    forms_each(secret_at(L, i), find_form, &search);
  lua_pushboolean(L, search.found);
  return 1;
}

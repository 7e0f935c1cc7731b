/* SPDX-License-Identifier: MIT */
/* The userdata balance.transfer. */
#define _POSIX_C_SOURCE 200809L /* strnlen */
#include <string.h>

#include "core.h"
#include "outcome.h"

static struct core_class class = {.name = "balance.transfer"};

struct transfer_box *core_check_transfer(lua_State *L, int index)
{
  return core_check(L, index, &class);
}

static struct transfer_box *check_transfer(lua_State *L)
{
  return core_check_transfer(L, 1);
}

static struct transfer *finished_transfer(lua_State *L)
{
  struct transfer *transfer = check_transfer(L)->transfer;
  if (!transfer)
    luaL_error(L, "this transfer is closed");
  if (!transfer_is_done(transfer))
    luaL_error(L, "this transfer is still under way");
  return transfer;
}

/* transfer:id(): as transport:finished() has it. */
static int l_transfer_id(lua_State *L)
{
  const struct transfer *transfer = check_transfer(L)->transfer;
  if (!transfer)
    return luaL_error(L, "this transfer is closed");
  lua_pushnumber(L, (lua_Number)transfer_id(transfer));
  return 1;
}

/* transfer:transport(): moves it; to be waited for. */
static int l_transfer_transport(lua_State *L)
{
  check_transfer(L);
  return l_transport(L);
}

/* transfer:done(): whether there is a result, or it is closed, or it has stalled
   and stalled() was not called yet. */
static int l_transfer_done(lua_State *L)
{
  const struct transfer *transfer = check_transfer(L)->transfer;
  lua_pushboolean(L, !transfer || transfer_is_done(transfer) ||
                         transfer_is_stalled(transfer));
  return 1;
}

/* transfer:stalled(): whether its kept connection is silent for too long. Asked
   once, it is under way again. */
static int l_transfer_stalled(lua_State *L)
{
  struct transfer *transfer = check_transfer(L)->transfer;
  lua_pushboolean(L, transfer && transfer_is_stalled(transfer));
  if (transfer)
    transfer_take_note(transfer);
  return 1;
}

static void set_number(lua_State *L, const char *name, double value)
{
  lua_pushnumber(L, value);
  lua_setfield(L, -2, name);
}

static void set_integer(lua_State *L, const char *name, lua_Integer value)
{
  lua_pushinteger(L, value);
  lua_setfield(L, -2, name);
}

static int push_result(lua_State *L)
{
  enum { ROOM = 16 }; /* an outcome of balance.attempt has more fields */
  const struct transfer_box *box = lua_touserdata(L, 1);
  struct transfer_result result = transfer_result(box->transfer);
  const char *kind = outcome_kind(result.outcome);

  lua_createtable(L, 0, ROOM);
  if (kind) {
    lua_pushstring(L, kind);
    lua_setfield(L, -2, "kind");
    lua_pushstring(L, result.message);
    lua_setfield(L, -2, "message");
    if (result.code) /* 0 where libcurl found nothing wrong */
      set_integer(L, "code", result.code);
    if (result.hint) {
      lua_pushstring(L, result.hint);
      lua_setfield(L, -2, "hint");
    }
  } else {
    lua_pushlstring(L, result.body.data ? result.body.data : "",
                    result.body.len);
    lua_setfield(L, -2, "body");
  }
  if (result.status)
    set_integer(L, "status", result.status);
  if (result.http_version)
    set_number(L, "http_version", result.http_version / 10.0);
  lua_pushboolean(L, result.reused);
  lua_setfield(L, -2, "reused");

  lua_createtable(L, 0, 5);
  set_number(L, "dns", result.timing.dns);
  set_number(L, "connect", result.timing.connect);
  set_number(L, "tls", result.timing.tls);
  set_number(L, "first_byte", result.timing.first_byte);
  set_number(L, "total", result.timing.total);
  lua_setfield(L, -2, "timing");
  return 1;
}

/* transfer:result(): `kind`, `message`, `code` (libcurl's) and `hint` where
   there was no whole answer, else `status` and `body`; `timing` in seconds. */
static int l_transfer_result(lua_State *L)
{
  struct transfer_box *box = check_transfer(L);
  core_prepare_call(L, push_result, box);
  finished_transfer(L);
  box->readers++;
  int failed = lua_pcall(L, 1, 1, 0);
  box->readers--;
  if (box->is_closing)
    core_close_transfer(box);
  return failed ? lua_error(L) : 1;
}

/* transfer:header(name): of the answer, or nil. */
static int l_transfer_header(lua_State *L)
{
  check_transfer(L);
  const char *name = luaL_checkstring(L, 2);
  struct core_copy copy;
  core_prepare_copy(L, &copy);
  const char *value = transfer_header(finished_transfer(L), name);
  if (!value) {
    lua_pushnil(L);
    return 1;
  }
  core_copy(&copy, (struct bytes){value, strnlen(value, MAX_TEXT)});
  core_push_copy(L, &copy);
  return 1;
}

void core_close_transfer(struct transfer_box *box)
{
  box->is_closing = box->readers > 0;
  if (box->is_closing)
    return;
  transfer_free(box->transfer);
  box->transfer = NULL;
  buffer_free(&box->made);
}

/* transfer:close(): cancels what is under way; again does no harm. */
static int l_transfer_close(lua_State *L)
{
  core_close_transfer(check_transfer(L));
  return 0;
}

static int l_transfer_gc(lua_State *L)
{
  struct transfer_box *box = check_transfer(L);
  core_close_transfer(box);
  list_remove(&box->item);
  return 0;
}

static const luaL_Reg methods[] = {{"id", l_transfer_id},
                                   {"done", l_transfer_done},
                                   {"stalled", l_transfer_stalled},
                                   {"result", l_transfer_result},
                                   {"header", l_transfer_header},
                                   {"close", l_transfer_close},
                                   {"transport", l_transfer_transport},
                                   {NULL, NULL}};

struct transfer_box *core_push_transfer(lua_State *L, struct core_state *state)
{
  struct transfer_box *box = lua_newuserdata(L, sizeof(*box));
  memset(box, 0, sizeof(*box));
  buffer_init(&box->made, SIZE_MAX / 4); /* a header may be long */
  core_set_class(L, &class);
  list_append(&state->transfers, &box->item, box);
  return box;
}

void core_open_transfer(lua_State *L)
{
  core_new_class(L, &class, l_transfer_gc, methods);
}

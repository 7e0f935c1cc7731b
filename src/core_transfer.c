/* SPDX-License-Identifier: MIT */
/* The userdata balance.transfer. */
#define _POSIX_C_SOURCE 200809L /* strnlen */
#include <string.h>

#include "buffer.h"
#include "core.h"
#include "outcome.h"

static struct core_class class = {"balance.transfer"};

struct transfer_box {
  struct transfer *transfer; /* NULL once closed; the first, for its address */
  struct buffer made;        /* for its request, and proves who asks */
  bool reading; /* by result(), under which a finalizer may call close() */
  struct transfer_box *next, **link;
};

static void link_box(struct transfer_box *box, struct transfer_box **list)
{
  box->next = *list;
  box->link = list;
  if (box->next)
    box->next->link = &box->next;
  *list = box;
}

static void unlink_box(struct transfer_box *box)
{
  if (!box->link)
    return;
  *box->link = box->next;
  if (box->next)
    box->next->link = box->link;
  box->link = NULL;
}

struct transfer_box *core_check_transfer(lua_State *L, int index)
{
  return core_check_at(L, index, &class);
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
static int transfer_id_(lua_State *L)
{
  const struct transfer *transfer = check_transfer(L)->transfer;
  if (!transfer)
    return luaL_error(L, "this transfer is closed");
  lua_pushnumber(L, (lua_Number)transfer_id(transfer));
  return 1;
}

/* transfer:transport(): what moves it, and must be waited for. */
static int transfer_transport(lua_State *L)
{
  check_transfer(L);
  return core_transport(L);
}

/* transfer:done(): whether there is a result; a closed one is done. So is one
   that has stalled, until stalled() was called. */
static int transfer_done(lua_State *L)
{
  const struct transfer *transfer = check_transfer(L)->transfer;
  lua_pushboolean(L, !transfer || transfer_is_done(transfer) ||
                         transfer_is_stalled(transfer));
  return 1;
}

/* transfer:stalled(): whether the only news is that there is none, over a kept
   connection, for longer than usual. It is under way again then. */
static int transfer_stalled(lua_State *L)
{
  struct transfer *transfer = check_transfer(L)->transfer;
  lua_pushboolean(L, transfer && transfer_is_stalled(transfer));
  if (transfer)
    transfer_take_note(transfer);
  return 1;
}

static void set_seconds(lua_State *L, const char *name, double seconds)
{
  lua_pushnumber(L, seconds);
  lua_setfield(L, -2, name);
}

static void set_integer(lua_State *L, const char *name, lua_Integer value)
{
  lua_pushinteger(L, value);
  lua_setfield(L, -2, name);
}

/* transfer:result(): `kind`, `message`, `code` (libcurl's) and `hint` where
   there was no whole answer, else `status` and `body`; `timing` in seconds. */
static int transfer_result_(lua_State *L)
{
  struct transfer_result result = transfer_result(finished_transfer(L));
  const char *kind = outcome_kind(result.outcome);
  struct transfer_box *box = check_transfer(L);

  box->reading = true;
  lua_createtable(L, 0, 8);
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
    set_seconds(L, "http_version", result.http_version / 10.0);
  lua_pushboolean(L, result.reused);
  lua_setfield(L, -2, "reused");

  lua_createtable(L, 0, 5);
  set_seconds(L, "dns", result.timing.dns);
  set_seconds(L, "connect", result.timing.connect);
  set_seconds(L, "tls", result.timing.tls);
  set_seconds(L, "first_byte", result.timing.first_byte);
  set_seconds(L, "total", result.timing.total);
  lua_setfield(L, -2, "timing");
  box->reading = false;
  return 1;
}

/* transfer:header(name): of the answer, or nil. */
static int transfer_header_(lua_State *L)
{
  check_transfer(L);
  const char *name = luaL_checkstring(L, 2);
  const char *value = transfer_header(finished_transfer(L), name);
  if (!value) {
    lua_pushnil(L);
    return 1;
  }
  core_push_copy(L, (struct bytes){value, strnlen(value, MAX_TEXT)});
  return 1;
}

static void close_box(struct transfer_box *box)
{
  transfer_free(box->transfer);
  box->transfer = NULL;
  buffer_free(&box->made);
}

/* transfer:close(): cancels what is under way; again does no harm. */
static int transfer_close(lua_State *L)
{
  struct transfer_box *box = check_transfer(L);
  if (box->reading)
    return 0;
  close_box(box);
  return 0;
}

static int transfer_gc(lua_State *L)
{
  struct transfer_box *box = check_transfer(L);
  box->reading = false; /* memory ran out under result() */
  unlink_box(box);
  return transfer_close(L);
}

static const luaL_Reg methods[] = {{"id", transfer_id_},
                                   {"done", transfer_done},
                                   {"stalled", transfer_stalled},
                                   {"result", transfer_result_},
                                   {"header", transfer_header_},
                                   {"close", transfer_close},
                                   {"transport", transfer_transport},
                                   {NULL, NULL}};

struct transfer *const *core_transfer_field(lua_State *L, int table,
                                            const char *name)
{
  if (!core_has_field(L, table, name, LUA_TUSERDATA))
    return NULL;
  return &core_check_transfer(L, lua_gettop(L))->transfer;
}

struct transfer **core_push_transfer(lua_State *L, struct transfer_box **list)
{
  struct transfer_box *box = lua_newuserdata(L, sizeof(*box));
  memset(box, 0, sizeof(*box));
  buffer_init(&box->made, SIZE_MAX / 4);
  core_set_class(L, &class);
  link_box(box, list);
  return &box->transfer;
}

bool core_keep_made(struct transfer **transfer, struct bytes made)
{
  struct transfer_box *box = (struct transfer_box *)transfer;
  return BUFFER_APPEND(&box->made, made) == BUFFER_OK;
}

struct bytes core_made(const struct transfer_box *box)
{
  return buffer_bytes(&box->made);
}

void core_close_transfers(struct transfer_box **list)
{
  while (*list) {
    struct transfer_box *box = *list;
    close_box(box);
    unlink_box(box);
  }
}

void core_open_transfer(lua_State *L)
{
  core_new_class(L, &class, transfer_gc, methods);
}

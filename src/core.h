/* SPDX-License-Identifier: MIT */
/* What the files of the module balance.core share: core*.c, which alone know
   Lua.

   A Lua error is a longjmp, so the order is the same everywhere: read all
   arguments, acquire, push results; and what is acquired belongs to a
   userdata before the next call that can raise. Strings are borrowed from
   the Lua stack, where they stay until the function returns. */
#ifndef BALANCE_CORE_H
#define BALANCE_CORE_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "tc3.h"
#include "transport.h"

#pragma GCC visibility push(hidden)

enum { MAX_HEADERS = 32, MAX_TEXT = 65536 };

struct headers {
  struct header list[MAX_HEADERS];
  size_t count;
};

/* -- classes, in core.c ---------------------------------------------------- */

/* A class is known by its address, and so is the one instance that a Lua state
   has of some. Opening the module once more finds both as they were; another
   copy of it, with another layout perhaps, has classes and instances of its
   own. */
struct core_class {
  const char *name;
};

/* Makes a class with a finalizer and methods, of which close is __close. */
void core_new_class(lua_State *L, struct core_class *class, lua_CFunction gc,
                    const luaL_Reg *methods);

/* Makes the userdata on top of the stack one of this class. */
void core_set_class(lua_State *L, struct core_class *class);

/* The value at `index`, or the first argument, which must be of this class. */
void *core_check_at(lua_State *L, int index, struct core_class *class);
void *core_check(lua_State *L, struct core_class *class);

/* Keeps an empty userdata of a class in the registry, found again without
   hashing a name. Returns its memory; NULL where it is there already. */
void *core_new_instance(lua_State *L, struct core_class *class, void *key,
                        size_t size);

/* Pushes it and returns its memory. */
void *core_push_instance(lua_State *L, void *key);

/* -- failures, as the callers in Lua take them, in core.c ------------------ */

/* nil, kind, message. */
int core_fail(lua_State *L, const char *kind, const char *message);

/* nil, "resource", message, hint: for an errno that scarcity_message knows. */
int core_fail_for(lua_State *L, int error);

/* -- arguments, in core_fields.c: all but core_find_header raise ----------- */

static inline struct bytes string_at(lua_State *L, int index)
{
  struct bytes bytes;
  bytes.data = lua_tolstring(L, index, &bytes.len);
  return bytes;
}

/* Pushes the field and leaves it there: it may be the only reference. */
bool core_has_field(lua_State *L, int table, const char *name, int type);

/* Without a fallback the field must be there. */
struct bytes core_string_field(lua_State *L, int table, const char *name,
                               struct bytes fallback);

/* Text for a request line or a header. The error does not repeat the value,
   which may be a secret. */
struct bytes core_text_field(lua_State *L, int table, const char *name,
                             struct bytes fallback);

int64_t core_milliseconds(lua_State *L, double seconds);

void core_add_header(lua_State *L, struct headers *headers, struct bytes name,
                     struct bytes value);

/* Adds those of the table at `source`. They are left on the stack: Lua that
   runs later, in a metamethod or a finalizer, may take them from the table. */
void core_add_headers(lua_State *L, int source, struct headers *headers);

/* NULL if there is none of that name, in whatever case. */
const struct header *core_find_header(const struct headers *headers,
                                      struct bytes name);

/* Pushes C memory that others may free or write over: a finalizer can run
   before Lua has copied it. */
void core_push_copy(lua_State *L, struct bytes text);

/* -- signing, in core_signer.c --------------------------------------------- */

/* What is signed, and sent with it; its memory is lent by the caller. */
struct signing {
  struct tc3_request request;
  struct bytes host;
  struct bytes action;
  struct headers signed_headers; /* by lower-case name */
  struct headers sent;           /* in their usual spelling */
  char timestamp[TC3_TIMESTAMP];
};

void core_open_signer(lua_State *L);

/* sign(request): a table of the headers to send; nil, kind, message. */
int core_sign(lua_State *L);

/* Signs the very bytes that the request sends, for the very host, as the
   table at `table` says, and adds the headers. `signer` is who has the
   Authorization value, for tc3_forget. */
enum tc3_status core_sign_request(lua_State *L, int table, struct bytes host,
                                  const struct transport_request *request,
                                  struct headers *headers,
                                  struct signing *signing,
                                  struct tc3 **signer);

/* nil, kind, message: why nothing was signed. */
int core_fail_to_sign(lua_State *L, enum tc3_status status);

/* -- texts, in core_text.c -------------------------------------------------- */

/* clean(text, secrets): a stranger's text, fit for a log; see text.h. The
   secrets are strings, and transfers for what was made for their requests. */
int core_clean(lua_State *L);

/* has_secret(text, secrets): whether one of them, or a piece that says enough,
   is in it. */
int core_has_secret(lua_State *L);

/* -- transfers, in core_transport.c and core_transfer.c -------------------- */

struct transfer_box;

void core_open_transport(lua_State *L);
void core_open_transfer(lua_State *L);

/* transport(): the one of this Lua state. Nothing is opened yet. */
int core_transport(lua_State *L);

/* Pushes a userdata for a transfer, closed as yet, and puts it into the list
   until it is collected. Returns where the transfer goes. */
struct transfer **core_push_transfer(lua_State *L, struct transfer_box **list);

/* Keeps what was made for a request that proves who asks, until the transfer
   that was just pushed is closed: an answer may repeat it. False: no memory. */
bool core_keep_made(struct transfer **transfer, struct bytes made);

/* The userdata at `index`; raises where that is no transfer. */
struct transfer_box *core_check_transfer(lua_State *L, int index);

/* What was kept; empty where nothing was, or it is closed. */
struct bytes core_made(const struct transfer_box *box);

/* Pushes the field, a transfer's userdata, and leaves it there. Returns where
   the transfer is until it is closed; NULL where the field is not given. */
struct transfer *const *core_transfer_field(lua_State *L, int table,
                                            const char *name);

/* Closes what is in the list, and empties it. */
void core_close_transfers(struct transfer_box **list);

/* -- files, in core_file.c -------------------------------------------------- */

int core_read_file(lua_State *L);

#pragma GCC visibility pop

#endif

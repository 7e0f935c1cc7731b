/* SPDX-License-Identifier: MIT */
/* What the files of the module balance.core share: core*.c, which alone know
   Lua. A function that is bound to Lua has a name with l_ before it, like
   l_transfer_close; no other has.

   A Lua error is a longjmp. So every function reads all arguments first, then
   acquires, then pushes results; and what it has acquired belongs to a
   userdata before the next call that can raise. Strings are borrowed from the
   Lua stack, where they stay until the function returns. */
#ifndef BALANCE_CORE_H
#define BALANCE_CORE_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "bytes.h"
#include "endpoint.h"
#include "list.h"
#include "tc3.h"
#include "transport.h"

#pragma GCC visibility push(hidden)

enum { MAX_HEADERS = 32, MAX_TEXT = 65536 };

struct headers {
  struct header list[MAX_HEADERS];
  size_t count;
};

/* -- classes, in core_class.c ---------------------------------------------- */

/* The registry has a class's metatable, and the one instance that some have,
   by the addresses of this structure and of its field. So the module, when it
   is opened once more, finds both again; another copy of it, whose userdata
   may be laid out in another way, has its own. */
struct core_class {
  const char *name;
  char instance;
};

/* Makes the metatable. The method close is its __close. */
void core_new_class(lua_State *L, struct core_class *class, lua_CFunction gc,
                    const luaL_Reg *methods);

/* Makes the userdata on top of the stack one of this class. */
void core_set_class(lua_State *L, struct core_class *class);

/* The userdata at `index`; raises where it is not of this class. */
void *core_check(lua_State *L, int index, struct core_class *class);

/* Makes the one instance, all zeros. NULL: there is one already. */
void *core_new_instance(lua_State *L, struct core_class *class, size_t size);

/* Pushes the one instance, and returns its memory. */
void *core_push_instance(lua_State *L, struct core_class *class);

/* luaL_setfuncs, which Lua 5.1 does not have. */
void core_set_functions(lua_State *L, const luaL_Reg *functions);

/* -- from C memory into a string, in core_copy.c ----------------------------

   While Lua allocates, it may run a finalizer, which may free the memory or
   write over it; and it may raise, past the line that would have wiped the
   memory or unlocked it. Therefore a finalizer cannot reach the memory: it is
   a copy on the C stack, or locked; and Lua takes the string in a protected
   call, so that the next line, which wipes or unlocks, always runs:

     core_prepare_call(L, function, from);   may raise
     copy or lock
     failed = lua_pcall(L, 1, 1, 0);
     wipe or unlock
     if (failed) lua_error(L);

   For a copy there is a structure that does this. */

void core_prepare_call(lua_State *L, lua_CFunction function, void *from);

struct core_copy {
  size_t len;
  char bytes[MAX_TEXT + 1];
};

/* Before anything is copied: it may raise. */
void core_prepare_copy(lua_State *L, struct core_copy *copy);

/* Copies at most MAX_TEXT bytes. */
void core_copy(struct core_copy *copy, struct bytes text);

/* Pushes the copy as a string, or raises; it is wiped in both cases. */
void core_push_copy(lua_State *L, struct core_copy *copy);

void core_wipe_copy(struct core_copy *copy);

/* -- failures, as callers in Lua get them, in core.c ------------------------ */

/* nil, kind, message. */
int core_fail(lua_State *L, const char *kind, const char *message);

/* nil, "resource", message, hint: for an errno that scarcity_message knows. */
int core_fail_for(lua_State *L, int error);

/* -- arguments, in core_fields.c: all but core_find_header may raise -------- */

static inline struct bytes string_at(lua_State *L, int index)
{
  struct bytes bytes;
  bytes.data = lua_tolstring(L, index, &bytes.len);
  return bytes;
}

/* Pushes a field, which stays on the stack: that may be the only reference.
   Returns whether it is given; raises where it is of another type. */
bool core_push_field(lua_State *L, int table, const char *name, int type);

/* A field without a fallback must be given. */
struct bytes core_string_field(lua_State *L, int table, const char *name,
                               struct bytes fallback);

/* Text for a request line or a header. The error does not repeat the value,
   which may be a secret. */
struct bytes core_text_field(lua_State *L, int table, const char *name,
                             struct bytes fallback);

int64_t core_milliseconds(lua_State *L, double seconds);

void core_add_header(lua_State *L, struct headers *headers, struct bytes name,
                     struct bytes value);

/* Adds those of the table at `source`. They stay on the stack: Lua that runs
   later, in a metamethod or a finalizer, may remove them from the table. */
void core_add_headers(lua_State *L, int source, struct headers *headers);

/* The header of that name, in whatever case; NULL where there is none. */
const struct header *core_find_header(const struct headers *headers,
                                      struct bytes name);

/* -- what a Lua state has once, in core_transport.c ------------------------- */

/* The userdata balance.transport. It is made when the module is opened: Lua
   does not finalize an object that is made while the state closes. */
struct core_state {
  struct transport *transport; /* NULL before the first call */
  struct tc3 *signer;          /* NULL before the first signature */
  struct buffer authorization; /* the value for the transfer that starts */
  struct {                     /* the last one: most calls have the same */
    char text[ENDPOINT_MAX];
    size_t len; /* 0 before the first call */
    struct endpoint read;
  } endpoint;
  struct list transfers; /* that were not collected: transfer_box */
  bool is_collected;     /* the Lua state closes, and acquires nothing */
};

void core_open_transport(lua_State *L);

struct core_state *core_state(lua_State *L);

/* The one of this Lua state, as the first argument. */
struct core_state *core_check_transport(lua_State *L);

/* transport(): the one of this Lua state. Nothing is opened yet. */
int l_transport(lua_State *L);

/* -- the transport's waker, in core_waker.c --------------------------------- */

int l_transport_waker(lua_State *L);
int l_transport_arm(lua_State *L);
int l_transport_disarm(lua_State *L);

/* -- transfers, in core_transfer.c ------------------------------------------ */

/* The userdata balance.transfer. */
struct transfer_box {
  struct transfer *transfer; /* NULL before it is started, and once closed */
  struct buffer made; /* what was made of keys for its request: see clean() */
  int readers;        /* of its C memory: it is locked */
  bool is_closing;    /* as soon as nobody reads */
  struct list_item item;
};

void core_open_transfer(lua_State *L);

/* Pushes one that is in the state's list until it is collected. */
struct transfer_box *core_push_transfer(lua_State *L,
                                        struct core_state *state);

/* The one at `index`; raises where that is no transfer. */
struct transfer_box *core_check_transfer(lua_State *L, int index);

/* Cancels what is under way. Where it is locked, when it is unlocked. */
void core_close_transfer(struct transfer_box *box);

/* -- requests, in core_request.c: all of these may raise --------------------- */

/* The field `endpoint`. `clear_host` is the one host that this request may
   reach without TLS. */
enum endpoint_status core_read_endpoint(lua_State *L, int table,
                                        struct core_state *state,
                                        struct endpoint *endpoint);

/* All but the endpoint, the credentials and the rival. */
void core_read_request(lua_State *L, int table,
                       struct transport_request *request, struct bytes *body,
                       struct headers *headers);

/* libcurl would say that a body is a form's, where no header says what it is.
   An empty header stands for none. */
void core_leave_out_content_type(lua_State *L,
                                 const struct transport_request *request,
                                 struct headers *headers);

/* -- keys in a header, in core_authorization.c ------------------------------ */

/* Adds the header Authorization, where the request's `authorization` or `basic`
   asks for it. Its value is in `state->authorization`, to be wiped; nothing
   that follows may raise before. */
enum buffer_status core_add_authorization(lua_State *L, int table,
                                          struct core_state *state,
                                          struct headers *headers);

/* Whether a request has something that proves who asks: in clear text none
   goes out. */
bool core_has_credentials(lua_State *L, int table,
                          const struct headers *headers);

struct signing;

/* The secret part of the Authorization value: the signature at its end, or what
   is behind the scheme. `signing` is NULL where nothing was signed. */
struct bytes core_secret_part(const struct headers *headers,
                              const struct signing *signing);

/* -- signing, in core_signer.c ---------------------------------------------- */

/* What is signed, and what is sent with it; the memory is the caller's. */
struct signing {
  struct tc3_request request;
  struct bytes host;
  struct bytes action;
  struct headers signed_headers; /* by lower-case name */
  struct headers sent;           /* Authorization, and those after it */
  char timestamp[TC3_TIMESTAMP];
};

/* sign(request): a table of the headers to send; nil, kind, message. */
int l_sign(lua_State *L);

/* Signs the bytes that the request sends, for its host, as the table at
   `table` says, and adds the headers. The Authorization value is the signer's,
   until core_forget_signature; nothing between the two may raise. */
enum tc3_status core_sign_request(lua_State *L, int table,
                                  struct core_state *state,
                                  const struct transport_request *request,
                                  struct headers *headers,
                                  struct signing *signing);

void core_forget_signature(struct core_state *state);

/* nil, kind, message: why nothing was signed. */
int core_fail_to_sign(lua_State *L, enum tc3_status status);

/* -- texts, in core_text.c -------------------------------------------------- */

/* clean(text, secrets): a foreign text, made fit for a log; see text.h. The
   secrets are strings, and transfers for what was made for their requests. */
int l_clean(lua_State *L);

/* has_secret(text, secrets): whether the text has one of them in it, or a
   piece of one, see text_has_secret. */
int l_has_secret(lua_State *L);

/* -- JSON, in core_json.c --------------------------------------------------- */

int l_json_size(lua_State *L);

int l_normalise(lua_State *L);

/* -- signatures of webhooks, in core_hmac.c --------------------------------- */

int l_hmac(lua_State *L);

int l_base64(lua_State *L);

/* -- files, in core_file.c -------------------------------------------------- */

int l_read_file(lua_State *L);

int l_stat_file(lua_State *L);

int l_create_file(lua_State *L);

/* -- terminal and signals, in core_terminal.c ------------------------------- */

int l_terminal(lua_State *L);

int l_catch_signals(lua_State *L);

int l_caught_signal(lua_State *L);

#pragma GCC visibility pop

#endif

/* SPDX-License-Identifier: MIT */
/* The userdata balance.transport. */
#include <errno.h>
#include <string.h>

#include "buffer.h"
#include "core.h"
#include "scarcity.h"

static struct core_class class = {.name = "balance.transport"};

static int fail_with(lua_State *L, enum transport_status status)
{
  int error = status == TRANSPORT_SYSTEM ? errno : ENOMEM;
  switch (status) {
  case TRANSPORT_BAD_HEADER:
    return core_fail(L, "config", "a header has a control character");
  case TRANSPORT_BAD_TRUST:
    return core_fail(
        L, "config",
        "the trusted certificates (ca_file, ca_path, SSL_CERT_FILE, "
        "SSL_CERT_DIR) must be regular files");
  case TRANSPORT_BAD_KEYLOG:
    return core_fail(L, "config", "SSLKEYLOGFILE must not be a FIFO");
  case TRANSPORT_BAD_LIBCURL:
    return core_fail(L, "config",
                     "this libcurl will not do: balance needs 7.88 or newer, "
                     "built with OpenSSL");
  case TRANSPORT_OK:
  case TRANSPORT_INTERRUPTED:
  case TRANSPORT_NO_MEMORY:
  case TRANSPORT_SYSTEM:
    break;
  }
  return scarcity_message(error) ? core_fail_for(L, error)
                                 : core_fail(L, "network", strerror(error));
}

/* Opens the transport where that was not done yet, or before a fork. */
static enum transport_status open_transport(struct core_state *state)
{
  if (state->transport && transport_is_ours(state->transport))
    return TRANSPORT_OK;
  transport_free(state->transport);
  return transport_new(&state->transport);
}

static int fail_as_closing(lua_State *L)
{
  return core_fail(L, "closed", "the Lua state is closing");
}

struct core_state *core_check_transport(lua_State *L)
{
  return core_check(L, 1, &class);
}

int l_transport(lua_State *L)
{
  core_push_instance(L, &class);
  return 1;
}

struct core_state *core_state(lua_State *L)
{
  struct core_state *state = core_push_instance(L, &class);
  lua_pop(L, 1);
  return state;
}

/* transport:close(): cancels what is under way; the next call opens anew. */
static int l_transport_close(lua_State *L)
{
  struct core_state *state = core_check_transport(L);
  transport_free(state->transport);
  state->transport = NULL;
  buffer_free(&state->authorization);
  return 0;
}

/* The transfers that are left were made by finalizers while the Lua state
   closes: Lua does not finalize them. */
static int l_transport_gc(lua_State *L)
{
  struct core_state *state = core_check_transport(L);
  struct transfer_box *box;
  while ((box = list_first(&state->transfers))) {
    core_close_transfer(box);
    list_remove(&box->item);
  }
  l_transport_close(L);
  tc3_free(state->signer);
  state->signer = NULL;
  state->is_collected = true;
  return 0;
}

static int fail_for_endpoint(lua_State *L, enum endpoint_status status)
{
  if (status == ENDPOINT_NO_MEMORY)
    return core_fail_for(L, ENOMEM);
  lua_pushnil(L);
  lua_pushliteral(L, "config");
  lua_pushfstring(L, "endpoint: %s", endpoint_message(status));
  return 3;
}

static enum transport_status start(struct core_state *state,
                                   struct transfer_box *box,
                                   const struct transport_request *request,
                                   struct bytes secret)
{
  if (BUFFER_APPEND(&box->made, secret) != BUFFER_OK)
    return TRANSPORT_NO_MEMORY;
  enum transport_status status = open_transport(state);
  if (status == TRANSPORT_OK)
    status = transport_start(state->transport, request, &box->transfer);
  return status;
}

/* transport:start(request): a transfer, or nil, kind, message, hint. */
static int l_transport_start(lua_State *L)
{
  struct core_state *state = core_check_transport(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  if (state->is_collected)
    return fail_as_closing(L);

  struct endpoint endpoint;
  enum endpoint_status endpoint_status =
      core_read_endpoint(L, 2, state, &endpoint);
  if (endpoint_status != ENDPOINT_OK)
    return fail_for_endpoint(L, endpoint_status);
  struct transport_request request = {.endpoint = &endpoint};
  struct headers headers = {.count = 0};
  struct bytes body;
  core_read_request(L, 2, &request, &body, &headers);
  if (endpoint.in_clear && core_has_credentials(L, 2, &headers))
    return fail_for_endpoint(L, ENDPOINT_IN_CLEAR);
  const struct transfer_box *rival = NULL;
  if (core_push_field(L, 2, "rival", LUA_TUSERDATA))
    rival = core_check_transfer(L, lua_gettop(L));
  struct transfer_box *box = core_push_transfer(L, state);
  int box_index = lua_gettop(L);

  struct signing signing;
  bool is_signed = core_push_field(L, 2, "tc3", LUA_TTABLE);
  if (is_signed) {
    enum tc3_status signed_status = core_sign_request(
        L, lua_gettop(L), state, &request, &headers, &signing);
    if (signed_status != TC3_OK)
      return core_fail_to_sign(L, signed_status);
  } else {
    struct bytes host = {endpoint.host, strlen(endpoint.host)};
    core_add_header(L, &headers, BYTES("Host"), host);
    core_leave_out_content_type(L, &request, &headers);
    if (core_add_authorization(L, 2, state, &headers) != BUFFER_OK)
      return core_fail_for(L, ENOMEM);
  }
  /* The Authorization value is in C memory: nothing raises until it is wiped. */
  request.headers = headers.list;
  request.header_count = headers.count;
  request.rival = rival ? rival->transfer : NULL; /* Lua may have closed it */
  struct bytes secret =
      core_secret_part(&headers, is_signed ? &signing : NULL);
  enum transport_status status = start(state, box, &request, secret);
  int error = errno;
  buffer_reset(&state->authorization);
  core_forget_signature(state);
  if (status != TRANSPORT_OK) {
    core_close_transfer(box);
    errno = error;
    return fail_with(L, status);
  }
  lua_pushvalue(L, box_index);
  return 1;
}

/* Returns how many sockets were ready. */
static int run(lua_State *L, struct core_state *state, int64_t limit_ms)
{
  enum transport_status status = TRANSPORT_OK;
  int moved = 0;
  if (state->transport)
    status = open_transport(state);
  if (state->transport && status == TRANSPORT_OK)
    status = transport_run(state->transport, limit_ms, &moved);
  if (status != TRANSPORT_OK && status != TRANSPORT_INTERRUPTED)
    return fail_with(L, status);
  lua_pushinteger(L, moved);
  return 1;
}

/* transport:step(): moves what can be moved, and never waits. */
static int l_transport_step(lua_State *L)
{
  return run(L, core_check_transport(L), 0);
}

/* transport:wait([seconds]): the same, after waiting for something to move. A
   signal ends the waiting, so that Lua's handlers run. */
static int l_transport_wait(lua_State *L)
{
  struct core_state *state = core_check_transport(L);
  int64_t limit_ms = -1;
  if (!lua_isnoneornil(L, 2))
    limit_ms = core_milliseconds(L, luaL_checknumber(L, 2));
  return run(L, state, limit_ms);
}

/* transport:finished(): the id of a transfer that has ended or stalled, each
   once; nil where there is none. */
static int l_transport_finished(lua_State *L)
{
  struct core_state *state = core_check_transport(L);
  unsigned long id =
      state->transport ? transport_next_finished(state->transport) : 0;
  if (id)
    lua_pushnumber(L, (lua_Number)id);
  else
    lua_pushnil(L);
  return 1;
}

/* transport:fd(): readable when a step is due, in time too; nil where poll is
   used. */
static int l_transport_fd(lua_State *L)
{
  struct core_state *state = core_check_transport(L);
  if (state->is_collected)
    return fail_as_closing(L);
  enum transport_status status = open_transport(state);
  if (status != TRANSPORT_OK)
    return fail_with(L, status);
  int fd = transport_fd(state->transport);
  if (fd < 0)
    lua_pushnil(L);
  else
    lua_pushinteger(L, fd);
  return 1;
}

/* transport:timeout(): seconds until a step is due; nil: none is. */
static int l_transport_timeout(lua_State *L)
{
  struct core_state *state = core_check_transport(L);
  int64_t left =
      state->transport ? transport_timeout_ms(state->transport) : -1;
  if (left < 0)
    lua_pushnil(L);
  else
    lua_pushnumber(L, (lua_Number)left / 1000);
  return 1;
}

/* transport:events(): for cqueues, which can poll the transport, as it can
   whatever has events(), pollfd() and timeout(). */
static int l_transport_events(lua_State *L)
{
  core_check_transport(L);
  lua_pushliteral(L, "r");
  return 1;
}

static const luaL_Reg methods[] = {{"start", l_transport_start},
                                   {"step", l_transport_step},
                                   {"wait", l_transport_wait},
                                   {"finished", l_transport_finished},
                                   {"fd", l_transport_fd},
                                   {"pollfd", l_transport_fd},
                                   {"events", l_transport_events},
                                   {"timeout", l_transport_timeout},
                                   {"waker", l_transport_waker},
                                   {"arm", l_transport_arm},
                                   {"disarm", l_transport_disarm},
                                   {"close", l_transport_close},
                                   {NULL, NULL}};

void core_open_transport(lua_State *L)
{
  core_new_class(L, &class, l_transport_gc, methods);
  struct core_state *state =
      core_new_instance(L, &class, sizeof(struct core_state));
  if (!state)
    return;
  buffer_init(&state->authorization, MAX_TEXT);
  tc3_new(&state->signer); /* else with the first signature */
}

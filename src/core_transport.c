/* SPDX-License-Identifier: MIT */
/* The userdata balance.transport. */
#include <errno.h>
#include <string.h>

#include "buffer.h"
#include "core.h"
#include "endpoint.h"
#include "scarcity.h"

static struct core_class class = {"balance.transport"};

static char endpoints; /* their table's key in the registry */

/* One for a Lua state, kept in the registry. */
struct transport_box {
  struct transport *transport; /* NULL before the first call */
  struct buffer credentials;   /* an Authorization value on its way */
  bool collected;              /* as the signer's */
  struct transfer_box *boxes;  /* of transfers that are not collected */
};

/* For an interface that ends strings with a zero; NULL where not given. */
static const char *c_string_field(lua_State *L, int table, const char *name)
{
  if (!core_has_field(L, table, name, LUA_TSTRING))
    return NULL;
  struct bytes text = string_at(L, -1);
  if (strlen(text.data) != text.len)
    luaL_error(L, "field '%s' has a zero byte", name);
  return text.data;
}

static int64_t time_limit_field(lua_State *L, int table, const char *name)
{
  if (!core_has_field(L, table, name, LUA_TNUMBER))
    luaL_error(L, "field '%s' is missing", name);
  return core_milliseconds(L, lua_tonumber(L, -1));
}

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
  default:
    return scarcity_message(error) ? core_fail_for(L, error)
                                   : core_fail(L, "network", strerror(error));
  }
}

/* The transport of this process, anew after a fork. */
static enum transport_status open_transport(struct transport_box *box)
{
  if (box->transport && transport_is_ours(box->transport))
    return TRANSPORT_OK;
  transport_free(box->transport);
  return transport_new(&box->transport);
}

static struct transport_box *check_transport(lua_State *L)
{
  return core_check(L, &class);
}

static char instance; /* its address is what the registry knows */

int core_transport(lua_State *L)
{
  core_push_instance(L, &instance);
  return 1;
}

/* transport:close(): cancels what is under way; the next call opens anew. */
static int transport_close(lua_State *L)
{
  struct transport_box *box = check_transport(L);
  transport_free(box->transport);
  box->transport = NULL;
  buffer_free(&box->credentials);
  return 0;
}

/* What is left now was made by a finalizer of the closing state, and will not
   be collected itself. */
static int transport_gc(lua_State *L)
{
  struct transport_box *owner = check_transport(L);
  core_close_transfers(&owner->boxes);
  transport_close(L);
  owner->collected = true;
  return 0;
}

/* False: no memory. "Bearer <key>" is put together here rather than in Lua, where a string
   stays until the collector comes, and is not wiped then. */
static bool add_authorization(lua_State *L, int table,
                              struct transport_box *box,
                              struct headers *headers)
{
  struct bytes key = core_text_field(L, table, "authorization", BYTES(""));
  struct bytes scheme = core_text_field(L, table, "scheme", BYTES(""));
  struct bytes space = {" ", scheme.len > 0};
  if (key.len == 0)
    return true;
  core_add_header(L, headers, BYTES("Authorization"), BYTES(""));
  buffer_reset(&box->credentials);
  enum buffer_status status =
      BUFFER_APPEND(&box->credentials, scheme, space, key);
  if (status == BUFFER_FULL)
    luaL_error(L, "field 'authorization' is too long");
  headers->list[headers->count - 1].value = buffer_bytes(&box->credentials);
  return status == BUFFER_OK;
}

/* Pushes the endpoint that the field names. What was read before is kept as
   long as the collector lets it. Returns NULL and a problem where it will not
   do. */
static const struct endpoint *endpoint_field(lua_State *L, int table,
                                             const char **problem)
{
  const struct bytes required = {NULL, 0};
  struct bytes text = core_string_field(L, table, "endpoint", required);
  int text_index = lua_gettop(L);
  core_push_instance(L, &endpoints);
  lua_pushvalue(L, text_index);
  lua_rawget(L, -2);
  const struct endpoint *known = lua_touserdata(L, -1);
  if (known)
    return known;
  lua_pop(L, 1);
  struct endpoint *endpoint = lua_newuserdata(L, sizeof(*endpoint));
  *problem = endpoint_parse(text, endpoint);
  if (*problem)
    return NULL;
  lua_pushvalue(L, text_index);
  lua_pushvalue(L, -2);
  lua_rawset(L, -4);
  return endpoint;
}

/* Whether it is a request of the role's module, which has no key in it. */
static bool is_for_metadata(lua_State *L, int table)
{
  bool is = core_has_field(L, table, "metadata", LUA_TBOOLEAN) &&
            lua_toboolean(L, -1);
  lua_pop(L, 1);
  return is;
}

static bool boolean_field(lua_State *L, int table, const char *name)
{
  return core_has_field(L, table, name, LUA_TBOOLEAN) && lua_toboolean(L, -1);
}

/* All but the endpoint, the credentials and the rival. */
static void read_request(lua_State *L, int table,
                         struct transport_request *request, struct bytes *body,
                         struct headers *headers)
{
  const struct bytes required = {NULL, 0};
  request->path = core_text_field(L, table, "path", required);
  if (request->path.len == 0 || request->path.data[0] != '/')
    luaL_error(L, "field 'path' must begin with a slash");
  if (core_has_field(L, table, "body", LUA_TSTRING)) {
    *body = string_at(L, -1);
    request->body = body;
  }
  request->ca_file = c_string_field(L, table, "ca_file");
  request->ca_path = c_string_field(L, table, "ca_path");
  request->proxy = c_string_field(L, table, "proxy");
  request->http2 = boolean_field(L, table, "http2");
  request->fresh = boolean_field(L, table, "fresh");
  request->watch = boolean_field(L, table, "watch");
  request->timeout_ms = time_limit_field(L, table, "timeout");
  request->connect_timeout_ms = time_limit_field(L, table, "connect_timeout");

  if (core_has_field(L, table, "headers", LUA_TTABLE))
    core_add_headers(L, lua_gettop(L), headers);
  struct bytes agent = core_text_field(L, table, "user_agent", BYTES(""));
  if (agent.len && !core_find_header(headers, BYTES("User-Agent")))
    core_add_header(L, headers, BYTES("User-Agent"), agent);
}

/* Of the Authorization value what is not the same in every request: what
   stands behind the scheme, or the signature at its end. */
static struct bytes made_for(const struct headers *headers,
                             const struct signing *signing)
{
  if (signing) {
    struct bytes value = signing->sent.list[0].value;
    return (struct bytes){value.data + value.len - TC3_HEX, TC3_HEX};
  }
  const struct header *header =
      core_find_header(headers, BYTES("Authorization"));
  struct bytes value = header ? header->value : BYTES("");
  const char *space = memchr(value.data, ' ', value.len);
  if (!space)
    return value;
  size_t scheme = (size_t)(space + 1 - value.data);
  return (struct bytes){space + 1, value.len - scheme};
}

/* transport:start(request): a transfer, or nil, kind, message, hint. */
static int transport_start_(lua_State *L)
{
  struct transport_box *box = check_transport(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  if (box->collected)
    return core_fail(L, "closed", "the Lua state is closing");

  struct transport_request request = {.endpoint = NULL};
  const char *problem = NULL;
  request.endpoint = endpoint_field(L, 2, &problem);
  if (!problem && request.endpoint->metadata && !is_for_metadata(L, 2))
    problem = endpoint_in_clear;
  if (problem == endpoint_no_memory)
    return core_fail_for(L, ENOMEM);
  if (problem) {
    lua_pushnil(L);
    lua_pushliteral(L, "config");
    lua_pushfstring(L, "endpoint: %s", problem);
    return 3;
  }
  struct headers headers = {.count = 0};
  struct bytes body;
  read_request(L, 2, &request, &body, &headers);
  struct transfer *const *rival = core_transfer_field(L, 2, "rival");
  struct transfer **transfer = core_push_transfer(L, &box->boxes);
  int transfer_index = lua_gettop(L);

  struct bytes host = {request.endpoint->host, strlen(request.endpoint->host)};
  struct signing signing;
  struct tc3 *tc3 = NULL;
  if (core_has_field(L, 2, "tc3", LUA_TTABLE)) {
    enum tc3_status outcome = core_sign_request(
        L, lua_gettop(L), host, &request, &headers, &signing, &tc3);
    if (outcome != TC3_OK)
      return core_fail_to_sign(L, outcome);
  } else {
    core_add_header(L, &headers, BYTES("Host"), host);
    if (!add_authorization(L, 2, box, &headers))
      return core_fail_for(L, ENOMEM);
  }
  request.headers = headers.list;
  request.header_count = headers.count;

  struct bytes made = made_for(&headers, tc3 ? &signing : NULL);
  enum transport_status status = TRANSPORT_NO_MEMORY;
  if (core_keep_made(transfer, made))
    status = open_transport(box);
  request.rival = rival ? *rival : NULL; /* which Lua may have closed */
  if (status == TRANSPORT_OK)
    status = transport_start(box->transport, &request, transfer);
  buffer_reset(&box->credentials);
  if (tc3)
    tc3_forget(tc3);
  if (status != TRANSPORT_OK)
    return fail_with(L, status);
  lua_pushvalue(L, transfer_index);
  return 1;
}

/* Returns how many sockets were ready. */
static int run(lua_State *L, struct transport_box *box, int64_t limit_ms)
{
  enum transport_status status = TRANSPORT_OK;
  int moved = 0;
  if (box->transport)
    status = open_transport(box);
  if (box->transport && status == TRANSPORT_OK)
    status = transport_run(box->transport, limit_ms, &moved);
  if (status != TRANSPORT_OK && status != TRANSPORT_INTERRUPTED)
    return fail_with(L, status);
  lua_pushinteger(L, moved);
  return 1;
}

/* transport:step(): moves what can be moved and never waits. */
static int transport_step(lua_State *L)
{
  return run(L, check_transport(L), 0);
}

/* transport:wait([seconds]): the same, after waiting for something to move.
   Comes back early for a signal, so that Lua's own handlers run. */
static int transport_wait(lua_State *L)
{
  struct transport_box *box = check_transport(L);
  int64_t limit_ms = -1;
  if (!lua_isnoneornil(L, 2))
    limit_ms = core_milliseconds(L, luaL_checknumber(L, 2));
  return run(L, box, limit_ms);
}

/* transport:finished(): the id of a transfer that has ended since; nil. */
static int transport_finished(lua_State *L)
{
  struct transport_box *box = check_transport(L);
  unsigned long id =
      box->transport ? transport_next_finished(box->transport) : 0;
  if (id)
    lua_pushnumber(L, (lua_Number)id);
  else
    lua_pushnil(L);
  return 1;
}

/* transport:fd(): readable when a step is due; nil where poll is used. */
static int transport_fd_(lua_State *L)
{
  struct transport_box *box = check_transport(L);
  if (box->collected)
    return core_fail(L, "closed", "the Lua state is closing");
  enum transport_status status = open_transport(box);
  if (status != TRANSPORT_OK)
    return fail_with(L, status);
  int fd = transport_fd(box->transport);
  if (fd < 0)
    lua_pushnil(L);
  else
    lua_pushinteger(L, fd);
  return 1;
}

/* transport:timeout(): seconds until a step is due; nil: none is. */
static int transport_timeout(lua_State *L)
{
  struct transport_box *box = check_transport(L);
  int64_t left = box->transport ? transport_timeout_ms(box->transport) : -1;
  if (left < 0)
    lua_pushnil(L);
  else
    lua_pushnumber(L, (lua_Number)left / 1000);
  return 1;
}

/* transport:events(): with fd as pollfd and timeout, what cqueues polls. */
static int transport_events(lua_State *L)
{
  check_transport(L);
  lua_pushliteral(L, "r");
  return 1;
}

static const luaL_Reg methods[] = {
    {"start", transport_start_},  {"step", transport_step},
    {"wait", transport_wait},     {"finished", transport_finished},
    {"fd", transport_fd_},        {"pollfd", transport_fd_},
    {"events", transport_events}, {"timeout", transport_timeout},
    {"close", transport_close},   {NULL, NULL}};

/* The endpoints read so far, by their text. */
static void new_endpoints(lua_State *L)
{
  lua_pushlightuserdata(L, &endpoints);
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

void core_open_transport(lua_State *L)
{
  core_new_class(L, &class, transport_gc, methods);
  new_endpoints(L);
  struct transport_box *box =
      core_new_instance(L, &class, &instance, sizeof(struct transport_box));
  if (box)
    buffer_init(&box->credentials, MAX_TEXT);
}

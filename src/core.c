/* SPDX-License-Identifier: MIT */
/* The module balance.core: the one file that knows Lua.

   A Lua error is a longjmp, so the order is the same everywhere: read all
   arguments, acquire, push results; and what is acquired belongs to a
   userdata before the next call that can raise. Strings are borrowed from
   the Lua stack, where they stay until the function returns. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, nanosleep */
#include <curl/curl.h>
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "buffer.h"
#include "endpoint.h"
#include "tc3.h"
#include "transport.h"

#define TRANSPORT "balance.transport"
#define TRANSFER "balance.transfer"
#define SIGNER "balance.signer"
#define ENDPOINTS "balance.endpoints"

enum { MAX_HEADERS = 32, MAX_SECONDS = 86400, MAX_TEXT = 65536 };

struct headers {
  struct header list[MAX_HEADERS];
  size_t count;
};

/* -- arguments ------------------------------------------------------------- */

/* Pushes the field and leaves it there: it may be the only reference. */
static bool has_field(lua_State *L, int table, const char *name, int type)
{
  luaL_checkstack(L, 4, "too many fields");
  lua_getfield(L, table, name);
  if (lua_isnil(L, -1))
    return false;
  if (lua_type(L, -1) != type)
    luaL_error(L, "field '%s' must be a %s, got %s", name,
               lua_typename(L, type), luaL_typename(L, -1));
  return true;
}

static struct bytes string_at(lua_State *L, int index)
{
  struct bytes bytes;
  bytes.data = lua_tolstring(L, index, &bytes.len);
  return bytes;
}

/* Without a fallback the field must be there. */
static struct bytes string_field(lua_State *L, int table, const char *name,
                                 struct bytes fallback)
{
  if (has_field(L, table, name, LUA_TSTRING))
    return string_at(L, -1);
  if (!fallback.data)
    luaL_error(L, "field '%s' is missing", name);
  return fallback;
}

/* Text for a request line or a header. The error does not repeat the value,
   which may be a secret. */
static struct bytes text_field(lua_State *L, int table, const char *name,
                               struct bytes fallback)
{
  struct bytes text = string_field(L, table, name, fallback);
  if (!is_field_text(text))
    luaL_error(L, "field '%s' has a control character", name);
  return text;
}

/* For an interface that ends strings with a zero; NULL where not given. */
static const char *c_string_field(lua_State *L, int table, const char *name)
{
  if (!has_field(L, table, name, LUA_TSTRING))
    return NULL;
  struct bytes text = string_at(L, -1);
  if (strlen(text.data) != text.len)
    luaL_error(L, "field '%s' has a zero byte", name);
  return text.data;
}

static int64_t milliseconds(lua_State *L, double seconds)
{
  if (!(seconds >= 0 && seconds <= MAX_SECONDS))
    luaL_error(L, "a time limit must be 0 to %d seconds", MAX_SECONDS);
  return (int64_t)(seconds * 1000 + 0.999);
}

static int64_t time_limit_field(lua_State *L, int table, const char *name)
{
  if (!has_field(L, table, name, LUA_TNUMBER))
    luaL_error(L, "field '%s' is missing", name);
  return milliseconds(L, lua_tonumber(L, -1));
}

static void add_header(lua_State *L, struct headers *headers,
                       struct bytes name, struct bytes value)
{
  if (headers->count == MAX_HEADERS)
    luaL_error(L, "more than %d headers", MAX_HEADERS);
  headers->list[headers->count++] = (struct header){name, value};
}

/* Adds those of the table at `source`. They are left on the stack: Lua that
   runs later, in a metamethod or a finalizer, may take them from the table. */
static void add_headers(lua_State *L, int source, struct headers *headers)
{
  for (lua_pushnil(L); lua_next(L, source); lua_pushvalue(L, -2)) {
    luaL_checkstack(L, 4, "too many headers");
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
      luaL_error(L, "field 'headers' must hold strings by name");
    struct bytes name = string_at(L, -2), value = string_at(L, -1);
    if (!is_field_text(name) || !is_field_text(value))
      luaL_error(L, "field 'headers' has a control character");
    add_header(L, headers, name, value);
  }
}

/* Pushes C memory that others may free or write over: a finalizer can run
   before Lua has copied it. */
static void push_copy(lua_State *L, struct bytes text)
{
  char copy[MAX_TEXT];
  if (text.len > sizeof(copy))
    luaL_error(L, "more than %d bytes", MAX_TEXT);
  memcpy(copy, text.data, text.len);
  lua_pushlstring(L, copy, text.len);
  OPENSSL_cleanse(copy, text.len);
}

/* -- signing ---------------------------------------------------------------- */

struct signing {
  struct tc3_request request;
  struct bytes host;
  struct bytes action;
  struct headers signed_headers; /* by lower-case name */
  struct headers sent;           /* in their usual spelling */
  char timestamp[TC3_TIMESTAMP];
};

/* One for a Lua state, in its registry from the start: what a finalizer makes
   while the state closes would never be collected. */
struct signer {
  struct tc3 *tc3;
  bool collected; /* the state is closing; another finalizer still calls */
};

static struct tc3 *get_signer(lua_State *L)
{
  lua_getfield(L, LUA_REGISTRYINDEX, SIGNER ".instance");
  struct signer *signer = lua_touserdata(L, -1);
  if (signer->collected)
    luaL_error(L, "the Lua state is closing");
  enum tc3_status status = signer->tc3 ? TC3_OK : tc3_new(&signer->tc3);
  if (status == TC3_NO_MEMORY)
    luaL_error(L, "not enough memory");
  else if (status != TC3_OK)
    luaL_error(L, "OpenSSL provides no HMAC with SHA-256");
  return signer->tc3;
}

static int signer_gc(lua_State *L)
{
  struct signer *signer = luaL_checkudata(L, 1, SIGNER);
  tc3_free(signer->tc3);
  signer->tc3 = NULL;
  signer->collected = true;
  return 0;
}

static int64_t timestamp_field(lua_State *L, int table)
{
  if (!has_field(L, table, "timestamp", LUA_TNUMBER))
    return (int64_t)time(NULL);
  double seconds = lua_tonumber(L, -1);
  if (!(seconds >= 0 && seconds <= (double)TC3_MAX_TIMESTAMP) ||
      seconds > (double)(int64_t)seconds)
    luaL_error(L, "field 'timestamp' must be whole Unix seconds");
  return (int64_t)seconds;
}

/* Pushes "x-tc-action" as "X-TC-Action", the way people write it. */
static struct bytes usual_spelling(lua_State *L, struct bytes name)
{
  static const char vendor[] = "x-tc-";
  luaL_checkstack(L, 4, "too many headers"); /* the result stays */
  size_t capitals = 0;
  if (name.len >= 5 && memcmp(name.data, vendor, 5) == 0)
    capitals = 5;
  luaL_Buffer spelled;
  luaL_buffinit(L, &spelled);
  for (size_t i = 0; i < name.len; i++) {
    char c = name.data[i];
    bool capital = i <= capitals || name.data[i - 1] == '-';
    if (capital && c >= 'a' && c <= 'z')
      c = (char)(c - 'a' + 'A');
    luaL_addchar(&spelled, c);
  }
  luaL_pushresult(&spelled);
  return string_at(L, -1);
}

static const struct header *find_header(const struct headers *headers,
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

/* A header that is signed is sent. One that another field sends already must
   say the same there, or the signature would be for something else. */
static void read_signed_headers(lua_State *L, int source,
                                struct signing *signing)
{
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
  struct headers *headers = &signing->signed_headers;
  add_headers(L, source, headers);
  for (size_t i = 0; i < headers->count; i++) {
    struct bytes name = headers->list[i].name;
    struct bytes value = headers->list[i].value;
    if (name.len == 0 || strspn(name.data, allowed) != name.len)
      luaL_error(L, "field 'headers' must have lower-case names");
    const struct header *sent = find_header(&signing->sent, name);
    if (!sent)
      add_header(L, &signing->sent, usual_spelling(L, name), value);
    else if (sent->value.len != value.len ||
             memcmp(sent->value.data, value.data, value.len) != 0)
      luaL_error(L, "field 'headers': '%s' differs from the request's own",
                 name.data);
  }
}

static void sign_usual_headers(lua_State *L, struct signing *signing)
{
  const struct bytes json = BYTES("application/json; charset=utf-8");
  struct headers *headers = &signing->signed_headers;
  add_header(L, headers, BYTES("content-type"), json);
  add_header(L, headers, BYTES("host"), signing->host);
  if (signing->action.len)
    add_header(L, headers, BYTES("x-tc-action"), signing->action);
  add_header(L, &signing->sent, BYTES("Content-Type"), json);
}

static void send_field(lua_State *L, int table, const char *field,
                       struct bytes name, struct signing *signing)
{
  struct bytes value = text_field(L, table, field, BYTES(""));
  if (value.len)
    add_header(L, &signing->sent, name, value);
}

/* Reads what is to be signed. The caller has set what the table need not
   have. The first of the sent headers is for the Authorization value. */
static void read_signing(lua_State *L, int table, struct signing *signing)
{
  struct tc3_request *request = &signing->request;
  request->secret_id = text_field(L, table, "secret_id", request->secret_id);
  request->secret_key =
      string_field(L, table, "secret_key", request->secret_key);
  request->service = text_field(L, table, "service", request->service);
  request->timestamp = timestamp_field(L, table);
  signing->action = text_field(L, table, "action", BYTES(""));

  add_header(L, &signing->sent, BYTES("Authorization"), BYTES(""));
  add_header(L, &signing->sent, BYTES("Host"), signing->host);
  add_header(L, &signing->sent, BYTES("X-TC-Timestamp"),
             tc3_timestamp(request->timestamp, signing->timestamp));
  if (signing->action.len)
    add_header(L, &signing->sent, BYTES("X-TC-Action"), signing->action);
  send_field(L, table, "version", BYTES("X-TC-Version"), signing);
  send_field(L, table, "region", BYTES("X-TC-Region"), signing);
  send_field(L, table, "token", BYTES("X-TC-Token"), signing);

  if (has_field(L, table, "headers", LUA_TTABLE))
    read_signed_headers(L, lua_gettop(L), signing);
  else
    sign_usual_headers(L, signing);
  request->headers = signing->signed_headers.list;
  request->header_count = signing->signed_headers.count;
}

static void sign(lua_State *L, struct tc3 *tc3, struct signing *signing)
{
  struct bytes *authorization = &signing->sent.list[0].value;
  switch (tc3_sign(tc3, &signing->request, authorization)) {
  case TC3_OK:
    return;
  case TC3_NO_MEMORY:
    luaL_error(L, "not enough memory");
    return;
  case TC3_TOO_LONG:
    luaL_error(L, "the request is too long to be signed");
    return;
  case TC3_CRYPTO:
    luaL_error(L, "OpenSSL could not sign");
    return;
  }
}

/* sign(request): a table of the headers to send. */
static int core_sign(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  struct tc3 *tc3 = get_signer(L);

  struct signing signing;
  memset(&signing, 0, sizeof(signing));
  signing.host = text_field(L, 1, "host", signing.host);
  signing.request.method = text_field(L, 1, "method", BYTES("POST"));
  signing.request.path = text_field(L, 1, "path", BYTES("/"));
  signing.request.query = text_field(L, 1, "query", BYTES(""));
  signing.request.payload = string_field(L, 1, "payload", BYTES(""));
  read_signing(L, 1, &signing);

  lua_createtable(L, 0, (int)signing.sent.count);
  for (size_t i = 1; i < signing.sent.count; i++) {
    struct header header = signing.sent.list[i];
    lua_pushlstring(L, header.name.data, header.name.len);
    lua_pushlstring(L, header.value.data, header.value.len);
    lua_rawset(L, -3);
  }
  lua_pushliteral(L, "Authorization");
  sign(L, tc3, &signing);
  push_copy(L, signing.sent.list[0].value);
  tc3_forget(tc3);
  lua_rawset(L, -3);
  return 1;
}

/* -- transport -------------------------------------------------------------- */

/* One for a Lua state, kept in the registry. */
struct transport_box {
  struct transport *transport; /* NULL before the first call */
  struct buffer credentials;   /* an Authorization value on its way */
  bool collected;              /* as the signer's */
  struct transfer_box *boxes;  /* that are not collected */
};

struct transfer_box {
  struct transfer *transfer; /* NULL once closed */
  bool reading; /* by result(), under which a finalizer may call close() */
  struct transfer_box *next, **link;
};

static void link_box(struct transport_box *owner, struct transfer_box *box)
{
  box->next = owner->boxes;
  box->link = &owner->boxes;
  if (box->next)
    box->next->link = &box->next;
  owner->boxes = box;
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

/* A failure as the callers in Lua take it: nil, kind, message. */
static int fail(lua_State *L, const char *kind, const char *message)
{
  lua_pushnil(L);
  lua_pushstring(L, kind);
  lua_pushstring(L, message);
  return 3;
}

static int fail_with(lua_State *L, enum transport_status status)
{
  int saved = errno;
  switch (status) {
  case TRANSPORT_BAD_HEADER:
    return fail(L, "config", "a header has a control character");
  case TRANSPORT_BAD_LIBCURL:
    return fail(L, "config",
                "this libcurl will not do: balance needs 7.88 or newer, "
                "built with OpenSSL");
  case TRANSPORT_SYSTEM:
    return fail(L, "network", strerror(saved));
  default:
    return luaL_error(L, "not enough memory");
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
  return luaL_checkudata(L, 1, TRANSPORT);
}

/* transport(): the one of this Lua state. Nothing is opened yet. */
static int core_transport(lua_State *L)
{
  lua_getfield(L, LUA_REGISTRYINDEX, TRANSPORT ".instance");
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
  while (owner->boxes) {
    struct transfer_box *box = owner->boxes;
    transfer_free(box->transfer);
    box->transfer = NULL;
    unlink_box(box);
  }
  transport_close(L);
  owner->collected = true;
  return 0;
}

/* "Bearer <key>" is put together here rather than in Lua, where a string
   stays until the collector comes, and is not wiped then. */
static void add_authorization(lua_State *L, int table,
                              struct transport_box *box,
                              struct headers *headers)
{
  struct bytes key = text_field(L, table, "authorization", BYTES(""));
  struct bytes scheme = text_field(L, table, "scheme", BYTES(""));
  struct bytes space = {" ", scheme.len > 0};
  if (key.len == 0)
    return;
  add_header(L, headers, BYTES("Authorization"), BYTES(""));
  buffer_reset(&box->credentials);
  const struct bytes pieces[] = {scheme, space, key};
  enum buffer_status status = BUFFER_OK;
  for (size_t i = 0; status == BUFFER_OK && i < 3; i++)
    status = buffer_put(&box->credentials, pieces[i]);
  if (status == BUFFER_FULL)
    luaL_error(L, "field 'authorization' is too long");
  else if (status != BUFFER_OK)
    luaL_error(L, "not enough memory");
  headers->list[headers->count - 1].value = buffer_bytes(&box->credentials);
}

/* Signs the very bytes that the request sends, for the very host. Returns who
   has the Authorization value. */
static struct tc3 *add_signature(lua_State *L, int table, struct bytes host,
                                 const struct transport_request *request,
                                 struct headers *headers,
                                 struct signing *signing)
{
  struct tc3 *tc3 = get_signer(L);
  struct bytes path = request->path, query = BYTES("");
  const char *mark = memchr(path.data, '?', path.len);
  if (mark) {
    path.len = (size_t)(mark - path.data);
    query = (struct bytes){mark + 1, request->path.len - path.len - 1};
  }
  memset(signing, 0, sizeof(*signing));
  signing->host = host;
  signing->request.method = request->body ? BYTES("POST") : BYTES("GET");
  signing->request.path = path;
  signing->request.query = query;
  signing->request.payload = request->body ? *request->body : BYTES("");
  read_signing(L, table, signing);
  sign(L, tc3, signing);
  for (size_t i = 0; i < signing->sent.count; i++)
    add_header(L, headers, signing->sent.list[i].name,
               signing->sent.list[i].value);
  return tc3;
}

/* Pushes the endpoint that the field names. What was read before is kept as
   long as the collector lets it. Returns NULL and a problem where it will not
   do. */
static const struct endpoint *endpoint_field(lua_State *L, int table,
                                             const char **problem)
{
  const struct bytes required = {NULL, 0};
  struct bytes text = string_field(L, table, "endpoint", required);
  int text_index = lua_gettop(L);
  lua_getfield(L, LUA_REGISTRYINDEX, ENDPOINTS);
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

/* transport:start(request): a transfer, or nil, kind, message. */
static int transport_start_(lua_State *L)
{
  struct transport_box *box = check_transport(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  if (box->collected)
    return fail(L, "closed", "the Lua state is closing");

  struct headers headers = {.count = 0};
  struct signing signing;
  struct tc3 *tc3 = NULL;
  struct bytes body;
  const struct bytes required = {NULL, 0};
  const char *problem = NULL;
  struct transport_request request = {.endpoint =
                                          endpoint_field(L, 2, &problem)};
  if (problem) {
    lua_pushnil(L);
    lua_pushliteral(L, "config");
    lua_pushfstring(L, "endpoint: %s", problem);
    return 3;
  }
  request.path = text_field(L, 2, "path", required);
  if (request.path.len == 0 || request.path.data[0] != '/')
    luaL_error(L, "field 'path' must begin with a slash");
  if (has_field(L, 2, "body", LUA_TSTRING)) {
    body = string_at(L, -1);
    request.body = &body;
  }
  request.ca_file = c_string_field(L, 2, "ca_file");
  request.ca_path = c_string_field(L, 2, "ca_path");
  request.proxy = c_string_field(L, 2, "proxy");
  request.timeout_ms = time_limit_field(L, 2, "timeout");
  request.connect_timeout_ms = time_limit_field(L, 2, "connect_timeout");

  if (has_field(L, 2, "headers", LUA_TTABLE))
    add_headers(L, lua_gettop(L), &headers);
  struct bytes agent = text_field(L, 2, "user_agent", BYTES(""));
  if (agent.len && !find_header(&headers, BYTES("User-Agent")))
    add_header(L, &headers, BYTES("User-Agent"), agent);
  struct transfer_box *transfer = lua_newuserdata(L, sizeof(*transfer));
  memset(transfer, 0, sizeof(*transfer));
  luaL_getmetatable(L, TRANSFER);
  lua_setmetatable(L, -2);
  link_box(box, transfer);
  int transfer_index = lua_gettop(L);

  struct bytes host = {request.endpoint->host, strlen(request.endpoint->host)};
  if (has_field(L, 2, "tc3", LUA_TTABLE)) {
    tc3 = add_signature(L, lua_gettop(L), host, &request, &headers, &signing);
  } else {
    add_header(L, &headers, BYTES("Host"), host);
    add_authorization(L, 2, box, &headers);
  }
  request.headers = headers.list;
  request.header_count = headers.count;

  enum transport_status status = open_transport(box);
  if (status == TRANSPORT_OK)
    status = transport_start(box->transport, &request, &transfer->transfer);
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
    limit_ms = milliseconds(L, luaL_checknumber(L, 2));
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
    return fail(L, "closed", "the Lua state is closing");
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

/* -- transfer ---------------------------------------------------------------- */

static struct transfer_box *check_transfer(lua_State *L)
{
  return luaL_checkudata(L, 1, TRANSFER);
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

/* transfer:done(): whether there is a result; a closed one is done. */
static int transfer_done(lua_State *L)
{
  const struct transfer *transfer = check_transfer(L)->transfer;
  lua_pushboolean(L, !transfer || transfer_is_done(transfer));
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

/* transfer:result(): `kind`, `message` and `code` (libcurl's) where there was
   no whole answer, else `status` and `body`; `timing` in seconds. */
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
    set_integer(L, "verify", result.verify);
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
  push_copy(L, (struct bytes){value, strnlen(value, MAX_TEXT)});
  return 1;
}

/* transfer:close(): cancels what is under way; again does no harm. */
static int transfer_close(lua_State *L)
{
  struct transfer_box *box = check_transfer(L);
  if (box->reading)
    return 0;
  transfer_free(box->transfer);
  box->transfer = NULL;
  return 0;
}

static int transfer_gc(lua_State *L)
{
  struct transfer_box *box = check_transfer(L);
  box->reading = false; /* memory ran out under result() */
  unlink_box(box);
  return transfer_close(L);
}

/* -- the module -------------------------------------------------------------- */

/* date(text): an HTTP date as Unix seconds, or nil. */
static int core_date(lua_State *L)
{
  time_t seconds = curl_getdate(luaL_checkstring(L, 1), NULL);
  if (seconds < 0)
    lua_pushnil(L);
  else
    lua_pushinteger(L, (lua_Integer)seconds);
  return 1;
}

/* now(): seconds of a clock that nobody sets. */
static int core_now(lua_State *L)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
  return 1;
}

/* sleep(seconds): comes back early for a signal. */
static int core_sleep(lua_State *L)
{
  int64_t ms = milliseconds(L, luaL_checknumber(L, 1));
  struct timespec pause = {.tv_sec = (time_t)(ms / 1000),
                           .tv_nsec = (long)(ms % 1000) * 1000000};
  nanosleep(&pause, NULL);
  return 0;
}

/* random(): a number from 0 up to 1; every process has its own. */
static int core_random(lua_State *L)
{
  uint32_t bits = 0;
  if (RAND_bytes((unsigned char *)&bits, sizeof(bits)) != 1)
    return luaL_error(L, "OpenSSL has no random numbers");
  lua_pushnumber(L, (lua_Number)bits / 4294967296.0);
  return 1;
}

/* digest(text, ...): the SHA-256 of all, as if they were one, in hexadecimal.
   Keys are among them, and a string of Lua with them in it is never wiped. */
static int core_digest(lua_State *L)
{
  int count = lua_gettop(L);
  for (int i = 1; i <= count; i++)
    luaL_checkstring(L, i);
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  bool done = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);
  for (int i = 1; done && i <= count; i++) {
    struct bytes text = string_at(L, i);
    done = EVP_DigestUpdate(context, text.data, text.len);
  }
  unsigned char digest[TC3_DIGEST];
  done = done && EVP_DigestFinal_ex(context, digest, NULL);
  EVP_MD_CTX_free(context);
  if (!done)
    return luaL_error(L, "OpenSSL provides no SHA-256");
  char hex[TC3_HEX];
  tc3_hex(digest, hex);
  lua_pushlstring(L, hex, TC3_HEX);
  return 1;
}

/* is_text(value): whether a string has no control character, not even a tab. */
static int core_is_text(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TSTRING);
  struct bytes text = string_at(L, 1);
  lua_pushboolean(L,
                  is_field_text(text) && !memchr(text.data, '\t', text.len));
  return 1;
}

/* mode(path): a file's permission bits, or nil. */
static int core_mode(lua_State *L)
{
  struct stat status;
  if (stat(luaL_checkstring(L, 1), &status) != 0)
    lua_pushnil(L);
  else
    lua_pushinteger(L, (lua_Integer)(status.st_mode & 07777));
  return 1;
}

/* info(): what a bug report should say. */
static int core_info(lua_State *L)
{
  const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
  lua_createtable(L, 0, 5);
  lua_pushstring(L, curl->version);
  lua_setfield(L, -2, "libcurl");
  lua_pushstring(L, curl->ssl_version);
  lua_setfield(L, -2, "tls");
  lua_pushstring(L, OpenSSL_version(OPENSSL_VERSION));
  lua_setfield(L, -2, "libcrypto");
  lua_pushboolean(L, (curl->features & CURL_VERSION_ASYNCHDNS) != 0);
  lua_setfield(L, -2, "async_dns");
  lua_pushboolean(L, (curl->features & CURL_VERSION_HTTP2) != 0);
  lua_setfield(L, -2, "http2");
  return 1;
}

/* luaL_setfuncs is not in Lua 5.1. */
static void set_functions(lua_State *L, const luaL_Reg *functions)
{
  for (; functions->name; functions++) {
    lua_pushcfunction(L, functions->func);
    lua_setfield(L, -2, functions->name);
  }
}

static void new_class(lua_State *L, const char *name, lua_CFunction gc,
                      const luaL_Reg *methods)
{
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__gc");
  lua_pushstring(L, name); /* what getmetatable shows of it */
  lua_setfield(L, -2, "__metatable");
  lua_newtable(L);
  set_functions(L, methods);
  lua_getfield(L, -1, "close");
  lua_setfield(L, -3, "__close");
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

static const luaL_Reg signer_methods[] = {{NULL, NULL}};

static const luaL_Reg transport_methods[] = {
    {"start", transport_start_},  {"step", transport_step},
    {"wait", transport_wait},     {"finished", transport_finished},
    {"fd", transport_fd_},        {"pollfd", transport_fd_},
    {"events", transport_events}, {"timeout", transport_timeout},
    {"close", transport_close},   {NULL, NULL}};

static const luaL_Reg transfer_methods[] = {
    {"id", transfer_id_},         {"done", transfer_done},
    {"result", transfer_result_}, {"header", transfer_header_},
    {"close", transfer_close},    {NULL, NULL}};

static const luaL_Reg functions[] = {{"sign", core_sign},
                                     {"transport", core_transport},
                                     {"date", core_date},
                                     {"now", core_now},
                                     {"sleep", core_sleep},
                                     {"info", core_info},
                                     {"random", core_random},
                                     {"digest", core_digest},
                                     {"mode", core_mode},
                                     {"is_text", core_is_text},
                                     {NULL, NULL}};

int luaopen_balance_core(lua_State *L);

/* Pushes an empty userdata of a class, and keeps it in the registry. */
static void *new_instance(lua_State *L, const char *class, size_t size)
{
  void *instance = lua_newuserdata(L, size);
  memset(instance, 0, size);
  luaL_getmetatable(L, class);
  lua_setmetatable(L, -2);
  lua_pushfstring(L, "%s.instance", class);
  lua_pushvalue(L, -2);
  lua_settable(L, LUA_REGISTRYINDEX);
  return instance;
}

/* The endpoints read so far, by their text. */
static void new_endpoints(lua_State *L)
{
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_setfield(L, LUA_REGISTRYINDEX, ENDPOINTS);
}

int luaopen_balance_core(lua_State *L)
{
  new_class(L, SIGNER, signer_gc, signer_methods);
  new_class(L, TRANSPORT, transport_gc, transport_methods);
  new_class(L, TRANSFER, transfer_gc, transfer_methods);
  new_endpoints(L);
  new_instance(L, SIGNER, sizeof(struct signer));
  struct transport_box *box =
      new_instance(L, TRANSPORT, sizeof(struct transport_box));
  buffer_init(&box->credentials, MAX_TEXT);
  lua_newtable(L);
  set_functions(L, functions);
  return 1;
}

/* SPDX-License-Identifier: MIT */
/* Signed requests: sign(), and the signatures of what transports send. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "core.h"

int core_fail_to_sign(lua_State *L, enum tc3_status status)
{
  if (status == TC3_NO_MEMORY)
    return core_fail_for(L, ENOMEM);
  return core_fail(L, "config", "OpenSSL does not sign with HMAC and SHA-256");
}

static int64_t timestamp_field(lua_State *L, int table)
{
  if (!core_push_field(L, table, "timestamp", LUA_TNUMBER))
    return (int64_t)time(NULL);
  double seconds = lua_tonumber(L, -1);
  if (!(seconds >= 0 && seconds <= (double)TC3_MAX_TIMESTAMP) ||
      seconds > (double)(int64_t)seconds)
    luaL_error(L, "field 'timestamp' must be whole Unix seconds");
  return (int64_t)seconds;
}

/* Pushes "X-TC-Action" for "x-tc-action". */
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

/* A header that is signed is sent. Where another field of the request gives the
   same header, both values must be equal, or what is sent is not what was
   signed. */
static void read_signed_headers(lua_State *L, int source,
                                struct signing *signing)
{
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
  struct headers *headers = &signing->signed_headers;
  core_add_headers(L, source, headers);
  for (size_t i = 0; i < headers->count; i++) {
    struct bytes name = headers->list[i].name;
    struct bytes value = headers->list[i].value;
    if (name.len == 0 || strspn(name.data, allowed) != name.len)
      luaL_error(L, "field 'headers' must have lower-case names");
    const struct header *sent = core_find_header(&signing->sent, name);
    if (!sent)
      core_add_header(L, &signing->sent, usual_spelling(L, name), value);
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
  core_add_header(L, headers, BYTES("content-type"), json);
  core_add_header(L, headers, BYTES("host"), signing->host);
  if (signing->action.len)
    core_add_header(L, headers, BYTES("x-tc-action"), signing->action);
  core_add_header(L, &signing->sent, BYTES("Content-Type"), json);
}

static void send_field(lua_State *L, int table, const char *field,
                       struct bytes name, struct signing *signing)
{
  struct bytes value = core_text_field(L, table, field, BYTES(""));
  if (value.len)
    core_add_header(L, &signing->sent, name, value);
}

/* Reads what is to be signed; `signing` has the defaults. The first of the
   headers to send is for the Authorization value. */
static void read_signing(lua_State *L, int table, struct signing *signing)
{
  struct tc3_request *request = &signing->request;
  request->secret_id =
      core_text_field(L, table, "secret_id", request->secret_id);
  request->secret_key =
      core_string_field(L, table, "secret_key", request->secret_key);
  request->service = core_text_field(L, table, "service", request->service);
  request->timestamp = timestamp_field(L, table);
  signing->action = core_text_field(L, table, "action", BYTES(""));

  core_add_header(L, &signing->sent, BYTES("Authorization"), BYTES(""));
  core_add_header(L, &signing->sent, BYTES("Host"), signing->host);
  core_add_header(L, &signing->sent, BYTES("X-TC-Timestamp"),
                  tc3_timestamp(request->timestamp, signing->timestamp));
  if (signing->action.len)
    core_add_header(L, &signing->sent, BYTES("X-TC-Action"), signing->action);
  send_field(L, table, "version", BYTES("X-TC-Version"), signing);
  send_field(L, table, "region", BYTES("X-TC-Region"), signing);
  send_field(L, table, "token", BYTES("X-TC-Token"), signing);

  if (core_push_field(L, table, "headers", LUA_TTABLE))
    read_signed_headers(L, lua_gettop(L), signing);
  else
    sign_usual_headers(L, signing);
  request->headers = signing->signed_headers.list;
  request->header_count = signing->signed_headers.count;
}

/* The last step: Lua, which runs where fields are read, could sign with the
   same signer, or close the state. */
static enum tc3_status sign(lua_State *L, struct core_state *state,
                            struct signing *signing)
{
  struct bytes *authorization = &signing->sent.list[0].value;
  enum tc3_status status = TC3_OK;
  if (state->is_collected)
    luaL_error(L, "the Lua state is closing");
  if (!state->signer)
    status = tc3_new(&state->signer);
  if (status == TC3_OK)
    status = tc3_sign(state->signer, &signing->request, authorization);
  if (status == TC3_TOO_LONG)
    luaL_error(L, "the request is too long to be signed");
  return status;
}

void core_forget_signature(struct core_state *state)
{
  if (state->signer)
    tc3_forget(state->signer);
}

static bool is_field(const char *name)
{
  static const char *const names[] = {
      "secret_id", "secret_key", "token",   "service",  "host",
      "action",    "version",    "region",  "method",   "path",
      "query",     "payload",    "headers", "timestamp"};
  for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
    if (strcmp(name, names[i]) == 0)
      return true;
  return false;
}

/* A misspelt field would be left out without a word. */
static void check_names(lua_State *L, int table)
{
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
    if (lua_type(L, -2) != LUA_TSTRING)
      luaL_error(L, "a field has no name");
    else if (!is_field(lua_tostring(L, -2)))
      luaL_error(L, "unknown field '%s'", lua_tostring(L, -2));
}

int l_sign(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  check_names(L, 1);
  struct signing signing;
  memset(&signing, 0, sizeof(signing));
  signing.host = core_text_field(L, 1, "host", signing.host);
  signing.request.method = core_text_field(L, 1, "method", BYTES("POST"));
  signing.request.path = core_text_field(L, 1, "path", BYTES("/"));
  signing.request.query = core_text_field(L, 1, "query", BYTES(""));
  signing.request.payload = core_string_field(L, 1, "payload", BYTES(""));
  read_signing(L, 1, &signing);

  lua_createtable(L, 0, (int)signing.sent.count);
  for (size_t i = 1; i < signing.sent.count; i++) {
    struct header header = signing.sent.list[i];
    lua_pushlstring(L, header.name.data, header.name.len);
    lua_pushlstring(L, header.value.data, header.value.len);
    lua_rawset(L, -3);
  }
  lua_pushliteral(L, "Authorization");
  struct core_state *state = core_state(L);
  struct core_copy copy;
  core_prepare_copy(L, &copy);
  enum tc3_status status = sign(L, state, &signing);
  if (status != TC3_OK)
    return core_fail_to_sign(L, status);
  core_copy(&copy, signing.sent.list[0].value);
  core_forget_signature(state);
  core_push_copy(L, &copy);
  lua_rawset(L, -3);
  return 1;
}

enum tc3_status core_sign_request(lua_State *L, int table,
                                  struct core_state *state,
                                  const struct transport_request *request,
                                  struct headers *headers,
                                  struct signing *signing)
{
  struct bytes path = request->path, query = BYTES("");
  const char *mark = memchr(path.data, '?', path.len);
  if (mark) {
    path.len = (size_t)(mark - path.data);
    query = (struct bytes){mark + 1, request->path.len - path.len - 1};
  }
  const char *host = request->endpoint->host;
  memset(signing, 0, sizeof(*signing));
  signing->host = (struct bytes){host, strlen(host)};
  signing->request.method = request->post ? BYTES("POST") : BYTES("GET");
  signing->request.path = path;
  signing->request.query = query;
  signing->request.payload = request->body ? *request->body : BYTES("");
  read_signing(L, table, signing);

  size_t first = headers->count;
  for (size_t i = 0; i < signing->sent.count; i++) {
    struct header sent = signing->sent.list[i];
    if (core_find_header(headers, sent.name))
      luaL_error(L, "field 'headers' has '%s', which 'tc3' makes",
                 sent.name.data);
    core_add_header(L, headers, sent.name, sent.value);
  }
  enum tc3_status status = sign(L, state, signing);
  headers->list[first] = signing->sent.list[0];
  return status;
}

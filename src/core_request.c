/* SPDX-License-Identifier: MIT */
/* A request, as the table has it that transport:start() gets. */
#include <curl/curl.h>
#include <string.h>

#include "core.h"

/* A string that ends with a zero; NULL where it is not given. */
static const char *c_string_field(lua_State *L, int table, const char *name)
{
  if (!core_push_field(L, table, name, LUA_TSTRING))
    return NULL;
  struct bytes text = string_at(L, -1);
  if (strlen(text.data) != text.len)
    luaL_error(L, "field '%s' has a zero byte", name);
  return text.data;
}

static int64_t time_limit_field(lua_State *L, int table, const char *name)
{
  if (!core_push_field(L, table, name, LUA_TNUMBER))
    luaL_error(L, "field '%s' is missing", name);
  return core_milliseconds(L, lua_tonumber(L, -1));
}

static bool boolean_field(lua_State *L, int table, const char *name)
{
  return core_push_field(L, table, name, LUA_TBOOLEAN) && lua_toboolean(L, -1);
}

enum endpoint_status core_read_endpoint(lua_State *L, int table,
                                        struct core_state *state,
                                        struct endpoint *endpoint)
{
  const struct bytes required = {NULL, 0};
  const char *clear_host = c_string_field(L, table, "clear_host");
  struct bytes text = core_string_field(L, table, "endpoint", required);
  if (text.len > 0 && text.len == state->endpoint.len && !clear_host &&
      memcmp(text.data, state->endpoint.text, text.len) == 0) {
    *endpoint = state->endpoint.read;
    return ENDPOINT_OK;
  }
  enum endpoint_status status = endpoint_parse(text, clear_host, endpoint);
  if (status == ENDPOINT_OK && !clear_host) {
    memcpy(state->endpoint.text, text.data, text.len);
    state->endpoint.len = text.len;
    state->endpoint.read = *endpoint;
  }
  return status;
}

/* libcurl and this module make these; a second one, or another, would change
   where a request ends or whose it is. */
static bool is_reserved(struct bytes name)
{
  static const char *const names[] = {"Host", "Content-Length",
                                      "Transfer-Encoding", "Connection"};
  for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
    if (strlen(names[i]) == name.len &&
        curl_strnequal(names[i], name.data, name.len))
      return true;
  return false;
}

/* A name is a token of RFC 9110: text in it would be a part of the value. */
static void check_header_names(lua_State *L, const struct headers *headers)
{
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789!#$%&'*+-.^_`|~";
  for (size_t i = 0; i < headers->count; i++) {
    struct bytes name = headers->list[i].name;
    if (name.len == 0 || strspn(name.data, allowed) != name.len)
      luaL_error(L, "field 'headers' has a name that is none");
    if (is_reserved(name))
      luaL_error(L, "field 'headers' must not have '%s'", name.data);
  }
}

static bool is_post(lua_State *L, int table, bool has_body)
{
  if (!core_push_field(L, table, "method", LUA_TSTRING))
    return has_body;
  const char *method = lua_tostring(L, -1);
  bool post = strcmp(method, "POST") == 0;
  if (!post && strcmp(method, "GET") != 0)
    luaL_error(L, "field 'method' must be 'GET' or 'POST'");
  return post;
}

void core_read_request(lua_State *L, int table,
                       struct transport_request *request, struct bytes *body,
                       struct headers *headers)
{
  const struct bytes required = {NULL, 0};
  request->path = core_text_field(L, table, "path", required);
  if (request->path.len == 0 || request->path.data[0] != '/')
    luaL_error(L, "field 'path' must begin with a slash");
  if (strcspn(request->path.data, " \t#") != request->path.len)
    luaL_error(L, "field 'path' has a blank or a '#', to be percent-encoded");
  if (core_push_field(L, table, "body", LUA_TSTRING)) {
    *body = string_at(L, -1);
    request->body = body;
  }
  request->post = is_post(L, table, request->body != NULL);
  request->ca_file = c_string_field(L, table, "ca_file");
  request->ca_path = c_string_field(L, table, "ca_path");
  request->proxy = c_string_field(L, table, "proxy");
  request->http2 = boolean_field(L, table, "http2");
  request->fresh = boolean_field(L, table, "fresh");
  request->watch = boolean_field(L, table, "watch");
  request->timeout_ms = time_limit_field(L, table, "timeout");
  request->connect_timeout_ms = time_limit_field(L, table, "connect_timeout");

  if (core_push_field(L, table, "headers", LUA_TTABLE))
    core_add_headers(L, lua_gettop(L), headers);
  check_header_names(L, headers);
  struct bytes agent = core_text_field(L, table, "user_agent", BYTES(""));
  if (agent.len && !core_find_header(headers, BYTES("User-Agent")))
    core_add_header(L, headers, BYTES("User-Agent"), agent);
}

void core_leave_out_content_type(lua_State *L,
                                 const struct transport_request *request,
                                 struct headers *headers)
{
  const struct bytes name = BYTES("Content-Type");
  if ((request->post || request->body) && !core_find_header(headers, name))
    core_add_header(L, headers, name, BYTES(""));
}

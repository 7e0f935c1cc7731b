/* SPDX-License-Identifier: MIT */
/* The header Authorization. It is put together here: Lua would not wipe the
   strings. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "core.h"

enum { MAX_BASIC = 32768 /* bytes of "user:password" */ };

static const struct bytes name = {"Authorization", 13};

/* The two strings of `basic`, which stay on the Lua stack. */
static bool read_basic(lua_State *L, int table, struct bytes pair[2])
{
  if (!core_push_field(L, table, "basic", LUA_TTABLE))
    return false;
  int basic = lua_gettop(L);
  for (int i = 0; i < 2; i++) {
    lua_rawgeti(L, basic, i + 1);
    if (lua_type(L, -1) != LUA_TSTRING)
      luaL_error(L, "field 'basic' must hold a user and a password");
    pair[i] = string_at(L, -1);
    if (!is_field_text(pair[i]))
      luaL_error(L, "field 'basic' has a control character");
  }
  if (memchr(pair[0].data, ':', pair[0].len))
    luaL_error(L, "field 'basic' has a user with a colon");
  if (pair[0].len >= MAX_BASIC || pair[1].len >= MAX_BASIC - pair[0].len)
    luaL_error(L, "field 'basic' is too long");
  return true;
}

static char *put(char *at, struct bytes bytes)
{
  memcpy(at, bytes.data, bytes.len);
  return at + bytes.len;
}

/* "Basic <base64 of user:password>", of RFC 7617. */
static enum buffer_status write_basic(struct buffer *value,
                                      const struct bytes pair[2])
{
  unsigned char plain[MAX_BASIC], coded[(MAX_BASIC + 2) / 3 * 4 + 1];
  const size_t len = pair[0].len + 1 + pair[1].len;
  put(put(put((char *)plain, pair[0]), BYTES(":")), pair[1]);
  struct bytes secret = {(const char *)coded,
                         (size_t)EVP_EncodeBlock(coded, plain, (int)len)};
  enum buffer_status status = BUFFER_APPEND(value, BYTES("Basic "), secret);
  OPENSSL_cleanse(plain, len);
  OPENSSL_cleanse(coded, secret.len);
  return status;
}

enum buffer_status core_add_authorization(lua_State *L, int table,
                                          struct core_state *state,
                                          struct headers *headers)
{
  struct bytes pair[2];
  bool is_basic = read_basic(L, table, pair);
  struct bytes key = core_text_field(L, table, "authorization", BYTES(""));
  struct bytes scheme = core_text_field(L, table, "scheme", BYTES(""));
  struct bytes space = {" ", scheme.len > 0};
  if (is_basic && (key.len || scheme.len))
    luaL_error(L, "field 'basic' goes without 'authorization' and 'scheme'");
  if (!is_basic && key.len == 0 && scheme.len)
    luaL_error(L, "field 'scheme' goes with 'authorization'");
  if (!is_basic && key.len == 0)
    return BUFFER_OK;
  if (core_find_header(headers, name))
    luaL_error(L, "field 'headers' has an Authorization of its own");
  core_add_header(L, headers, name, BYTES(""));
  buffer_reset(&state->authorization);
  enum buffer_status status =
      is_basic ? write_basic(&state->authorization, pair)
               : BUFFER_APPEND(&state->authorization, scheme, space, key);
  if (status == BUFFER_FULL)
    luaL_error(L, "field 'authorization' is too long");
  headers->list[headers->count - 1].value =
      buffer_bytes(&state->authorization);
  return status;
}

bool core_has_credentials(lua_State *L, int table,
                          const struct headers *headers)
{
  return core_push_field(L, table, "tc3", LUA_TTABLE) ||
         core_push_field(L, table, "authorization", LUA_TSTRING) ||
         core_push_field(L, table, "basic", LUA_TTABLE) ||
         core_find_header(headers, name);
}

struct bytes core_secret_part(const struct headers *headers,
                              const struct signing *signing)
{
  if (signing) {
    struct bytes value = signing->sent.list[0].value;
    return (struct bytes){value.data + value.len - DIGEST_HEX, DIGEST_HEX};
  }
  const struct header *header = core_find_header(headers, name);
  struct bytes value = header ? header->value : BYTES("");
  const char *space = memchr(value.data, ' ', value.len);
  if (!space)
    return value;
  size_t scheme = (size_t)(space + 1 - value.data);
  return (struct bytes){space + 1, value.len - scheme};
}

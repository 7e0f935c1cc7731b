/* SPDX-License-Identifier: MIT */
/* HMAC-SHA256 and base64: the signatures of webhooks. */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "core.h"
#include "digest.h"

enum {
  MAX_PIECES = 4,
  MAX_BASE64_IN = 96, /* bytes; a digest has 32 */
  BASE64_OUT = MAX_BASE64_IN / 3 * 4 + 1
};

struct pieces {
  struct bytes list[MAX_PIECES];
  size_t count;
  size_t len;
};

/* Reads a list of texts. They belong to the list. */
static struct pieces check_pieces(lua_State *L, int arg)
{
  struct pieces pieces = {.count = 0};
  luaL_checktype(L, arg, LUA_TTABLE);
  for (;;) {
    lua_rawgeti(L, arg, (int)pieces.count + 1);
    if (lua_isnil(L, -1))
      break;
    luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, arg, "a list of texts");
    luaL_argcheck(L, pieces.count < MAX_PIECES, arg, "too many texts");
    struct bytes piece = string_at(L, -1);
    pieces.list[pieces.count++] = piece;
    pieces.len += piece.len;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return pieces;
}

/* The pieces one after another, followed by a zero; NULL where there is no
   memory. The caller frees it with OPENSSL_clear_free. */
static char *join(const struct pieces *pieces)
{
  char *joined = OPENSSL_zalloc(pieces->len + 1);
  char *at = joined;
  for (size_t i = 0; joined && i < pieces->count; i++) {
    if (pieces->list[i].len)
      memcpy(at, pieces->list[i].data, pieces->list[i].len);
    at += pieces->list[i].len;
  }
  return joined;
}

static enum digest_status hmac(const char *key, size_t key_len,
                               struct bytes text,
                               unsigned char out[DIGEST_SIZE])
{
  struct digest *digest;
  enum digest_status status = digest_new(&digest);
  if (status == DIGEST_OK)
    status = digest_set_key(digest, (const unsigned char *)key, key_len);
  if (status == DIGEST_OK)
    status = digest_hmac(digest, text, out);
  digest_free(digest);
  return status;
}

/* hmac(key, text): the HMAC-SHA256 in base64; nil, kind, message, hint where
   OpenSSL cannot. Both are lists of texts, to be put one after another: Lua
   would never wipe a string that joined them. */
int l_hmac(lua_State *L)
{
  struct pieces key = check_pieces(L, 1);
  struct pieces text = check_pieces(L, 2);
  unsigned char digest[DIGEST_SIZE];
  unsigned char base64[BASE64_OUT];

  char *joined_key = join(&key);
  char *joined_text = join(&text);
  enum digest_status status = DIGEST_NO_MEMORY;
  if (joined_key && joined_text)
    status = hmac(joined_key, key.len, (struct bytes){joined_text, text.len},
                  digest);
  OPENSSL_clear_free(joined_key, key.len + 1);
  OPENSSL_clear_free(joined_text, text.len + 1);

  if (status == DIGEST_NO_MEMORY)
    return core_fail_for(L, ENOMEM);
  if (status == DIGEST_REFUSED)
    return core_fail(L, "config", "OpenSSL provides no HMAC-SHA256");
  int len = EVP_EncodeBlock(base64, digest, DIGEST_SIZE);
  lua_pushlstring(L, (const char *)base64, (size_t)len);
  return 1;
}

/* base64(bytes): at most 96 of them. */
int l_base64(lua_State *L)
{
  unsigned char base64[BASE64_OUT];
  struct bytes bytes;
  bytes.data = luaL_checklstring(L, 1, &bytes.len);
  luaL_argcheck(L, bytes.len <= MAX_BASE64_IN, 1, "too long");
  int len = EVP_EncodeBlock(base64, (const unsigned char *)bytes.data,
                            (int)bytes.len);
  lua_pushlstring(L, (const char *)base64, (size_t)len);
  return 1;
}

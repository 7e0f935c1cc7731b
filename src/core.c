/* SPDX-License-Identifier: MIT */
/* The module balance.core: what it opens, and its small functions. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, getpid, newlocale */
#include <curl/curl.h>
#include <errno.h>
#include <langinfo.h>
#include <lauxlib.h>
#include <locale.h>
#include <lua.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libcurl.h"
#include "core.h"
#include "digest.h"
#include "scarcity.h"
#include "text.h"

/* date(text): an HTTP date as Unix seconds, or nil. */
static int l_date(lua_State *L)
{
  time_t seconds = curl_getdate(luaL_checkstring(L, 1), NULL);
  if (seconds < 0)
    lua_pushnil(L);
  else
    lua_pushinteger(L, (lua_Integer)seconds);
  return 1;
}

/* now(): seconds of the monotonic clock. */
static int l_now(lua_State *L)
{
  lua_pushnumber(L, (lua_Number)clock_ns() / 1e9);
  return 1;
}

/* time(): Unix time, seconds with their fraction. */
static int l_time(lua_State *L)
{
  struct timespec now;
  (void)clock_gettime(CLOCK_REALTIME, &now); /* every system has it */
  lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
  return 1;
}

/* sleep(seconds): a signal ends it early. */
static int l_sleep(lua_State *L)
{
  clock_sleep(core_milliseconds(L, luaL_checknumber(L, 1)));
  return 0;
}

int core_fail(lua_State *L, const char *kind, const char *message)
{
  lua_pushnil(L);
  lua_pushstring(L, kind);
  lua_pushstring(L, message);
  return 3;
}

int core_fail_for(lua_State *L, int error)
{
  core_fail(L, "resource", scarcity_message(error));
  lua_pushstring(L, scarcity_hint(error));
  return 4;
}

/* scarcity([errno]): what the system lacks, in words, and what to do about it;
   nil where it lacks nothing. Without an errno, whether it lacks file
   descriptors. */
static int l_scarcity(lua_State *L)
{
  int error = lua_isnoneornil(L, 1) ? scarcity_of_descriptors(1)
                                    : (int)luaL_checkinteger(L, 1);
  lua_pushstring(L, scarcity_message(error));
  lua_pushstring(L, scarcity_hint(error));
  return 2;
}

/* random(): a number from 0 up to 1, not fit for secrets. A fork does not
   repeat it. */
static int l_random(lua_State *L)
{
  uint32_t bits = 0;
  ERR_set_mark();
  if (RAND_bytes((unsigned char *)&bits, sizeof(bits)) != 1)
    bits = (uint32_t)clock_ns() * 2654435761u ^ (uint32_t)getpid();
  ERR_pop_to_mark();
  lua_pushnumber(L, (lua_Number)bits / 4294967296.0);
  return 1;
}

/* digest(text, ...): the SHA-256 of the texts, one after another, in
   hexadecimal; nil, kind, message where OpenSSL cannot. Keys are among them:
   Lua would never wipe a string that joined them. */
static int l_digest(lua_State *L)
{
  int count = lua_gettop(L);
  struct bytes *texts = lua_newuserdata(L, (size_t)count * sizeof(*texts));
  for (int i = 0; i < count; i++)
    texts[i].data = luaL_checklstring(L, i + 1, &texts[i].len);
  unsigned char digest[DIGEST_SIZE];
  char hex[DIGEST_HEX];
  switch (digest_of_pieces(texts, (size_t)count, digest)) {
  case DIGEST_OK:
    break;
  case DIGEST_NO_MEMORY:
    return core_fail_for(L, ENOMEM);
  case DIGEST_REFUSED:
    return core_fail(L, "config", "OpenSSL provides no SHA-256");
  }
  digest_to_hex(digest, hex);
  lua_pushlstring(L, hex, sizeof(hex));
  return 1;
}

/* is_text(value): whether a string has no control character, not even a tab. */
static int l_is_text(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TSTRING);
  struct bytes text = string_at(L, 1);
  lua_pushboolean(L,
                  is_field_text(text) && !memchr(text.data, '\t', text.len));
  return 1;
}

/* in_plain_locale(function, ...): what it returns or raises. It is called in a
   locale whose decimal point is one byte: where it is longer, as in Pashto,
   lua-cjson ends the process. */
static int l_in_plain_locale(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TFUNCTION);
  const char *point = nl_langinfo(RADIXCHAR);
  bool is_plain = point[0] && !point[1];
  locale_t plain = is_plain ? (locale_t)0 : newlocale(LC_ALL_MASK, "C", NULL);
  locale_t before = plain ? uselocale(plain) : (locale_t)0;
  int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
  if (plain) {
    uselocale(before);
    freelocale(plain);
  }
  return status ? lua_error(L) : lua_gettop(L);
}

/* copy(table): its own fields, without metamethods, in a table with room for
   some more. On Lua 5.4 in half the time that Lua needs. */
static int l_copy(lua_State *L)
{
  enum { ROOM = 16 }; /* a configuration's and a result's */
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_createtable(L, 0, ROOM);
  lua_pushnil(L);
  while (lua_next(L, 1)) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, 2);
  }
  return 1;
}

/* is_dead(thread): whether a coroutine has ended. nginx replaces
   coroutine.status, and its own says "dead" of another request's coroutine. */
static int l_is_dead(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTHREAD);
  lua_State *thread = lua_tothread(L, 1);
  lua_Debug frame;
  int status = lua_status(thread);
  bool lives = thread == L || status == LUA_YIELD ||
               (status == 0 && (lua_getstack(thread, 0, &frame) > 0 ||
                                lua_gettop(thread) > 0));
  lua_pushboolean(L, !lives);
  return 1;
}

/* info(): versions, for a bug report. */
static int l_info(lua_State *L)
{
  const curl_version_info_data *curl = libcurl_info();
  struct trust trust = trust_of_system();
  lua_createtable(L, 0, 6);
  lua_pushstring(L, curl->version);
  lua_setfield(L, -2, "libcurl");
  lua_pushstring(L, curl->ssl_version);
  lua_setfield(L, -2, "tls");
  lua_pushstring(L, OpenSSL_version(OPENSSL_VERSION));
  lua_setfield(L, -2, "libcrypto");
  lua_pushstring(L, trust.path ? trust.path : trust.file); /* NULL is nil */
  lua_setfield(L, -2, "trust");
  lua_pushboolean(L, (curl->features & CURL_VERSION_ASYNCHDNS) != 0);
  lua_setfield(L, -2, "async_dns");
  lua_pushboolean(L, (curl->features & CURL_VERSION_HTTP2) != 0);
  lua_setfield(L, -2, "http2");
  return 1;
}

static const luaL_Reg functions[] = {
    {"sign", l_sign},
    {"transport", l_transport},
    {"date", l_date},
    {"now", l_now},
    {"time", l_time},
    {"sleep", l_sleep},
    {"info", l_info},
    {"scarcity", l_scarcity},
    {"random", l_random},
    {"digest", l_digest},
    {"hmac", l_hmac},
    {"base64", l_base64},
    {"read_file", l_read_file},
    {"stat_file", l_stat_file},
    {"create_file", l_create_file},
    {"terminal", l_terminal},
    {"catch_signals", l_catch_signals},
    {"caught_signal", l_caught_signal},
    {"is_dead", l_is_dead},
    {"is_text", l_is_text},
    {"json_size", l_json_size},
    {"normalise", l_normalise},
    {"clean", l_clean},
    {"has_secret", l_has_secret},
    {"copy", l_copy},
    {"in_plain_locale", l_in_plain_locale},
    {NULL, NULL},
};

/* OpenSSL reads its configuration once. It does so now, since later the process
   may lack descriptors or memory, or be in a chroot. A FIFO could make it wait
   for ever: only a regular file is read. */
static void read_config(void)
{
  const char *path = getenv("OPENSSL_CONF");
  struct stat status;
  bool waits = path && stat(path, &status) == 0 && !S_ISREG(status.st_mode);
  OPENSSL_init_crypto(
      waits ? OPENSSL_INIT_NO_LOAD_CONFIG : OPENSSL_INIT_LOAD_CONFIG, NULL);
}

int luaopen_balance_core(lua_State *L);

int luaopen_balance_core(lua_State *L)
{
  read_config();
  core_open_transfer(L);
  core_open_transport(L);
  lua_newtable(L);
  core_set_functions(L, functions);
  return 1;
}

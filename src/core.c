/* SPDX-License-Identifier: MIT */
/* The module balance.core: what it opens, and its small functions. */
#define _POSIX_C_SOURCE 200809L /* nanosleep, getpid */
#include <curl/curl.h>
#include <langinfo.h>
#include <lauxlib.h>
#include <locale.h>
#include <lua.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "core.h"
#include "libcurl.h"
#include "scarcity.h"
#include "tc3.h"
#include "text.h"

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

/* now(): seconds of the monotonic clock. */
static int core_now(lua_State *L)
{
  lua_pushnumber(L, (lua_Number)clock_ns() / 1e9);
  return 1;
}

/* sleep(seconds): comes back early for a signal. */
static int core_sleep(lua_State *L)
{
  int64_t ms = core_milliseconds(L, luaL_checknumber(L, 1));
  struct timespec pause = {.tv_sec = (time_t)(ms / 1000),
                           .tv_nsec = (long)(ms % 1000) * 1000000};
  nanosleep(&pause, NULL);
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

/* scarcity([errno]): of what this system has none left where that says so, in
   words, and what to do about it; nil where it does not. Without an errno,
   whether there is a file descriptor. */
static int core_scarcity(lua_State *L)
{
  int error = lua_isnoneornil(L, 1) ? scarcity_of_descriptors(1)
                                    : (int)luaL_checkinteger(L, 1);
  lua_pushstring(L, scarcity_message(error));
  lua_pushstring(L, scarcity_hint(error));
  return 2;
}

/* random(): a number from 0 up to 1; every process has its own, and no secret
   is made of it. */
static int core_random(lua_State *L)
{
  uint32_t bits = 0;
  ERR_set_mark();
  if (RAND_bytes((unsigned char *)&bits, sizeof(bits)) != 1)
    bits = (uint32_t)clock_ns() * 2654435761u ^ (uint32_t)getpid();
  ERR_pop_to_mark();
  lua_pushnumber(L, (lua_Number)bits / 4294967296.0);
  return 1;
}

/* digest(text, ...): the SHA-256 of all, as if they were one, in hexadecimal;
   nil, kind, message where OpenSSL cannot. Keys are among them, and a string
   of Lua with them in it is never wiped. */
static int core_digest(lua_State *L)
{
  int count = lua_gettop(L);
  for (int i = 1; i <= count; i++)
    luaL_checkstring(L, i);
  ERR_set_mark();
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  bool done = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);
  for (int i = 1; done && i <= count; i++) {
    struct bytes text = string_at(L, i);
    done = EVP_DigestUpdate(context, text.data, text.len);
  }
  unsigned char digest[TC3_DIGEST];
  done = done && EVP_DigestFinal_ex(context, digest, NULL);
  EVP_MD_CTX_free(context);
  int lack = done ? 0 : scarcity_of_openssl();
  ERR_pop_to_mark();
  if (lack)
    return core_fail_for(L, lack);
  if (!done)
    return core_fail(L, "config", "OpenSSL provides no SHA-256");
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

/* is_utf8(text) */
static int core_is_utf8(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TSTRING);
  lua_pushboolean(L, text_is_utf8(string_at(L, 1)));
  return 1;
}

/* is_short(text, most): whether JSON has at most so many commas and colons
   outside of its strings. Text that is no JSON is counted as far as a decoder
   would read it. */
static int core_is_short(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TSTRING);
  lua_Number most = luaL_checknumber(L, 2), count = 0;
  struct bytes text = string_at(L, 1);
  bool in_string = false;
  for (size_t i = 0; i < text.len && count <= most; i++) {
    char c = text.data[i];
    if (c == '\\' && in_string)
      i++; /* whatever comes next */
    else if (c == '"')
      in_string = !in_string;
    else if (!in_string && (c == ',' || c == ':'))
      count++;
  }
  lua_pushboolean(L, count <= most);
  return 1;
}

/* in_plain_locale(function, ...): what it returns, or raises. lua-cjson ends
   the process where the decimal point has more than one byte, as in Pashto: it
   is called where it has one. */
static int core_in_plain_locale(lua_State *L)
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

/* copy(table): its own fields, in a table with room for some more. */
static int core_copy(lua_State *L)
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

/* is_dead(thread): whether a coroutine has come to its end. The status() that
   nginx puts in the place of Lua's says so of every other request's. */
static int core_is_dead(lua_State *L)
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

/* info(): what a bug report should say. */
static int core_info(lua_State *L)
{
  const curl_version_info_data *curl = libcurl_info();
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

void core_new_class(lua_State *L, struct core_class *class, lua_CFunction gc,
                    const luaL_Reg *methods)
{
  core_push_instance(L, class);
  bool known = !lua_isnil(L, -1);
  lua_pop(L, 1);
  if (known)
    return;
  lua_pushlightuserdata(L, class);
  lua_newtable(L);
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__gc");
  lua_pushstring(L, class->name); /* what getmetatable shows of it */
  lua_setfield(L, -2, "__metatable");
  lua_pushstring(L, class->name); /* and tostring, since Lua 5.3 */
  lua_setfield(L, -2, "__name");
  lua_newtable(L);
  set_functions(L, methods);
  lua_getfield(L, -1, "close");
  lua_setfield(L, -3, "__close");
  lua_setfield(L, -2, "__index");
  lua_rawset(L, LUA_REGISTRYINDEX);
}

void core_set_class(lua_State *L, struct core_class *class)
{
  core_push_instance(L, class);
  lua_setmetatable(L, -2);
}

void *core_check_at(lua_State *L, int index, struct core_class *class)
{
  void *found = lua_touserdata(L, index);
  core_push_instance(L, class);
  if (!found || !lua_getmetatable(L, index) || !lua_rawequal(L, -1, -2))
    luaL_argerror(L, index,
                  lua_pushfstring(L, "%s expected, got %s", class->name,
                                  luaL_typename(L, index)));
  lua_pop(L, 2);
  return found;
}

void *core_check(lua_State *L, struct core_class *class)
{
  return core_check_at(L, 1, class);
}

void *core_new_instance(lua_State *L, struct core_class *class, void *key,
                        size_t size)
{
  bool known = core_push_instance(L, key) != NULL;
  lua_pop(L, 1);
  if (known)
    return NULL;
  lua_pushlightuserdata(L, key);
  void *instance = lua_newuserdata(L, size);
  memset(instance, 0, size);
  core_set_class(L, class);
  lua_rawset(L, LUA_REGISTRYINDEX);
  return instance;
}

void *core_push_instance(lua_State *L, void *key)
{
  lua_pushlightuserdata(L, key);
  lua_rawget(L, LUA_REGISTRYINDEX);
  return lua_touserdata(L, -1);
}

static const luaL_Reg functions[] = {
    {"sign", core_sign},
    {"transport", core_transport},
    {"date", core_date},
    {"now", core_now},
    {"sleep", core_sleep},
    {"info", core_info},
    {"scarcity", core_scarcity},
    {"random", core_random},
    {"digest", core_digest},
    {"read_file", core_read_file},
    {"is_dead", core_is_dead},
    {"is_text", core_is_text},
    {"is_utf8", core_is_utf8},
    {"is_short", core_is_short},
    {"clean", core_clean},
    {"has_secret", core_has_secret},
    {"copy", core_copy},
    {"in_plain_locale", core_in_plain_locale},
    {NULL, NULL},
};

/* OpenSSL reads its configuration once. Now it can: later the process may have
   no descriptor or no memory left, or be in a chroot. At what is no regular
   file it could wait for ever, so that it goes without. */
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
  core_open_signer(L);
  core_open_transfer(L);
  core_open_transport(L);
  lua_newtable(L);
  set_functions(L, functions);
  return 1;
}

/* SPDX-License-Identifier: MIT */
/* The targets that are written in Lua: TARGET names a file that returns a
   function, which gets each input as a string and raises where a promise is
   broken. It has the module in it, and these functions besides:

     endpoint(text)  the check of src/endpoint.c: origin and host, or nil and
                     what is wrong

   libFuzzer sees what C does. What Lua does it is told by a hook, which
   counts the steps from one line to the next. */
#define _DEFAULT_SOURCE /* getaddrinfo */
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "endpoint.h"
#include "input.h"

#define PATH                                                                  \
  "package.path = 'lua/?.lua;lua/?/init.lua;spec/?.lua;' .. package.path"

enum { COUNTERS = 1 << 14 };

__attribute__((
    section("__libfuzzer_extra_counters"))) static uint8_t steps[COUNTERS];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int luaopen_balance_core(lua_State *L);

/* -- nothing leaves this process -------------------------------------------- */

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
  (void)fd;
  (void)address;
  (void)len;
  broken(__FILE__, __LINE__, "nothing is connected");
  return -1;
}

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints,
                struct addrinfo **restrict out)
{
  (void)name;
  (void)service;
  (void)hints;
  (void)out;
  broken(__FILE__, __LINE__, "no name is looked up");
  return EAI_FAIL;
}

/* -- Lua --------------------------------------------------------------------- */

static lua_State *L;

/* A number for a file of the module, 0 for any other. */
static size_t file_number(const char *source)
{
  const char *file = strstr(source, "lua/balance/");
  size_t number = 0;
  while (file && *file)
    number = number * 31 + (unsigned char)*file++;
  return number;
}

static void on_line(lua_State *thread, lua_Debug *line)
{
  static const char *source; /* belongs to a function that stays */
  static size_t file, last;
  lua_getinfo(thread, "S", line);
  if (line->source != source) {
    source = line->source;
    file = file_number(source);
  }
  if (!file) /* the target itself */
    return;
  size_t here = file + (size_t)line->currentline * 7919;
  steps[(here ^ last) % COUNTERS]++;
  last = here >> 1;
}

static int endpoint(lua_State *thread)
{
  struct bytes text;
  text.data = luaL_checklstring(thread, 1, &text.len);
  struct endpoint parsed;
  enum endpoint_status status = endpoint_parse(text, NULL, &parsed);
  if (status != ENDPOINT_OK) {
    lua_pushnil(thread);
    lua_pushstring(thread, endpoint_message(status));
  } else {
    lua_pushstring(thread, parsed.origin);
    lua_pushstring(thread, parsed.host);
  }
  return 2;
}

static int with_traceback(lua_State *thread)
{
  luaL_traceback(thread, thread, luaL_tolstring(thread, 1, NULL), 1);
  return 1;
}

static void call(int arguments, int results)
{
  int handler = lua_gettop(L) - arguments;
  lua_pushcfunction(L, with_traceback);
  lua_insert(L, handler);
  int status = lua_pcall(L, arguments, results, handler);
  if (status != LUA_OK) {
    fprintf(stderr, "broken: %s\n", lua_tostring(L, -1));
    abort();
  }
  lua_remove(L, handler);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
  (void)argc;
  (void)argv;
  L = luaL_newstate();
  PROMISE(L);
  luaL_openlibs(L);
  lua_register(L, "endpoint", endpoint);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, luaopen_balance_core);
  lua_setfield(L, -2, "balance.core");
  lua_pop(L, 1);
  if (luaL_dostring(L, PATH) != LUA_OK || luaL_loadfile(L, TARGET) != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    abort();
  }
  call(0, 1);
  lua_sethook(L, on_line, LUA_MASKLINE, 0);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  lua_pushvalue(L, -1);
  lua_pushlstring(L, (const char *)data, size);
  call(1, 0);
  return 0;
}

/* SPDX-License-Identifier: MIT */
/* For Lua, what the C library knows of its own heap: pages with nothing in
   them are given back, so that what is left is in use. */
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h> /* __GLIBC__ */

#ifdef __GLIBC__
#include <malloc.h>
#endif

int luaopen_trim(lua_State *L);

/* trim() */
int luaopen_trim(lua_State *L)
{
  (void)L;
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return 0;
}

/* SPDX-License-Identifier: MIT */
/* malloc_trim for Lua: gives free pages back to the system, so that the resident
   memory is what is in use. */
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

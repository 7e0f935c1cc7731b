/* SPDX-License-Identifier: MIT */
/* fork, wait and _exit for Lua. */
#include <lauxlib.h>
#include <lua.h>
#include <sys/wait.h>
#include <unistd.h>

/* fork(): 0 in the child, its pid in the parent. */
static int fork_(lua_State *L)
{
  lua_pushinteger(L, fork());
  return 1;
}

/* wait(pid): its exit status, or the negative number of the signal that ended
   it. */
static int wait_(lua_State *L)
{
  int status = 0;
  waitpid((pid_t)luaL_checkinteger(L, 1), &status, 0);
  lua_pushinteger(L,
                  WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
  return 1;
}

/* exit(status): without closing the state, and without handlers. */
static int exit_(lua_State *L)
{
  _exit((int)luaL_checkinteger(L, 1));
}

int luaopen_fork(lua_State *L);

int luaopen_fork(lua_State *L)
{
  lua_newtable(L);
  lua_pushcfunction(L, fork_);
  lua_setfield(L, -2, "fork");
  lua_pushcfunction(L, wait_);
  lua_setfield(L, -2, "wait");
  lua_pushcfunction(L, exit_);
  lua_setfield(L, -2, "exit");
  return 1;
}

/* SPDX-License-Identifier: MIT */
/* What a program in a terminal asks of the system. */
#define _DEFAULT_SOURCE /* TIOCGWINSZ */
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core.h"

/* terminal(fd): how many columns and lines the terminal has that a descriptor
   is, 0 where it does not say; nil where it is none. */
int l_terminal(lua_State *L)
{
  lua_Integer fd = luaL_checkinteger(L, 1);
  luaL_argcheck(L, fd >= 0 && fd <= 2, 1, "out of range");
  struct winsize size = {0};
  if (!isatty((int)fd)) {
    lua_pushnil(L);
    return 1;
  }
  (void)ioctl((int)fd, TIOCGWINSZ, &size); /* one on a serial line fails */
  lua_pushinteger(L, size.ws_col);
  lua_pushinteger(L, size.ws_row);
  return 2;
}

static volatile sig_atomic_t is_terminated;

/* The interpreter's own handler of SIGINT makes Lua raise "interrupted!". */
static void on_term(int signal)
{
  (void)signal;
  is_terminated = 1;
  (void)raise(SIGINT);
}

/* catch_term(): from now on SIGTERM raises what Ctrl-C raises, once; a second
   one ends the process. */
int l_catch_term(lua_State *L)
{
  struct sigaction action = {.sa_handler = on_term,
                             .sa_flags = (int)SA_RESETHAND};
  (void)L;
  (void)sigemptyset(&action.sa_mask);
  (void)sigaction(SIGTERM, &action, NULL);
  return 0;
}

/* is_terminated(): whether there was one. */
int l_is_terminated(lua_State *L)
{
  lua_pushboolean(L, is_terminated != 0);
  return 1;
}

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

static volatile sig_atomic_t caught;
static void (*interrupt)(int); /* the interpreter's own handler of SIGINT */

/* The interpreter makes Lua raise "interrupted!". That may be lost, where some
   pcall takes it for an error of its own. */
static void on_signal(int number)
{
  caught = number;
  interrupt(SIGINT);
}

/* catch_signals(): from now on SIGINT and SIGTERM raise what Ctrl-C raises, and
   are noted; a second one ends the process. */
int l_catch_signals(lua_State *L)
{
  struct sigaction action = {.sa_handler = on_signal,
                             .sa_flags = (int)SA_RESETHAND};
  struct sigaction before;
  (void)L;
  (void)sigemptyset(&action.sa_mask);
  if (sigaction(SIGINT, NULL, &before) != 0 || before.sa_handler == SIG_DFL ||
      before.sa_handler == SIG_IGN || before.sa_handler == on_signal)
    return 0; /* an interpreter that has no handler */
  interrupt = before.sa_handler;
  (void)sigaction(SIGINT, &action, NULL);
  (void)sigaction(SIGTERM, &action, NULL);
  return 0;
}

/* caught_signal(): "INT" or "TERM", where there was one; nil. */
int l_caught_signal(lua_State *L)
{
  lua_pushstring(L, caught == SIGTERM ? "TERM" : caught ? "INT" : NULL);
  return 1;
}

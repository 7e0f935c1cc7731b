/* SPDX-License-Identifier: MIT */
/* states THREADS STATES SCRIPT [ARGUMENT...]: a program with many Lua states.
   Each thread opens STATES of them, one after another, runs the script in each
   and closes it. Prints the process's resident KiB and descriptors after a tenth
   of all states and after the last. */
#include <dirent.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_THREADS = 64 };

static char *const *arguments; /* the script and its arguments */
static int states_each, states_all;
static atomic_int closed;

static int descriptors(void)
{
  DIR *directory = opendir("/proc/self/fd");
  int count = -3; /* itself, . and .. */
  while (readdir(directory))
    count++;
  closedir(directory);
  return count;
}

static long resident_kib(void)
{
  FILE *file = fopen("/proc/self/smaps_rollup", "r");
  char line[256];
  long kib = 0;
  while (kib == 0 && fgets(line, sizeof(line), file))
    if (sscanf(line, "Rss: %ld kB", &kib) != 1)
      kib = 0;
  fclose(file);
  return kib;
}

static void run_script(lua_State *L)
{
  lua_newtable(L);
  for (int i = 1; arguments[i]; i++) {
    lua_pushstring(L, arguments[i]);
    lua_rawseti(L, -2, i);
  }
  lua_setglobal(L, "arg");
  if (luaL_loadfile(L, arguments[0]) != 0 || lua_pcall(L, 0, 0, 0) != 0) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    _Exit(EXIT_FAILURE); /* other threads are running */
  }
}

static void *run_states(void *unused)
{
  for (int i = 0; i < states_each; i++) {
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    run_script(L);
    lua_close(L);
    int count = atomic_fetch_add(&closed, 1) + 1;
    if (count == states_all / 10 || count == states_all)
      printf("%ld KiB, %d descriptors\n", resident_kib(), descriptors());
  }
  return unused;
}

int main(int argc, char *argv[])
{
  int threads = argc > 3 ? atoi(argv[1]) : 0;
  if (threads < 1 || threads > MAX_THREADS)
    return 2;
  states_each = atoi(argv[2]);
  states_all = threads * states_each;
  arguments = argv + 3;

  pthread_t started[MAX_THREADS];
  for (int i = 0; i < threads; i++)
    if (pthread_create(&started[i], NULL, run_states, NULL) != 0)
      return 2;
  for (int i = 0; i < threads; i++)
    pthread_join(started[i], NULL);
  return EXIT_SUCCESS;
}

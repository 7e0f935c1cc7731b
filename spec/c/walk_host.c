/* SPDX-License-Identifier: MIT */
/* walk HEAP MODE FIRST STEP SCRIPT ENDPOINT: runs the script again and again,
   and makes an allocation fail in each run: the FIRST-th, the one STEP later,
   and so on, until a run ends before its allocation. HEAP is lua, curl, own or
   openssl, see heaps.h; openssl has a process for each run, since OpenSSL does
   not try again to initialize what it could not. MODE is once: the allocation
   fails, and afterwards everything must work; or on: all later ones fail too.

   The script gets ENDPOINT, a time limit, and whether no allocation fails. It
   returns whether its calls succeeded; an error of its with the word "wrong" is
   a finding. So are crashes, hangs and blocks that are not freed. The last line
   has the number of runs, and in how many libnghttp2 crashed or lost a block:
   libcurl 8 and later give it the same functions, and it does not check them. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <curl/curl.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libcurl.h"
#include "walk/heaps.h"

/* A call takes milliseconds, or its time limit where libcurl lost its timer. */
enum { FAILING_SECONDS = 1, HEALTHY_SECONDS = 10, HANG_SECONDS = 60 };

enum { MAX_FINDINGS = 20 };

enum { NOT_OURS = 42 }; /* the exit status after a crash in libnghttp2 */

/* Shared with the child that walks: it may crash. */
struct progress {
  long point;
  int wrong;
  long not_ours;
  bool over;
};

static struct progress *progress;

#ifdef __SANITIZE_ADDRESS__

/* lua-cjson 2.1.0 loses its buffer where Lua has no memory while it decodes.
   Such a leak is known by the library's name, so that it must stay mapped. */
const char *__lsan_default_options(void);
const char *__lsan_default_suppressions(void);
int dlclose(void *handle);

const char *__lsan_default_options(void)
{
  return "print_suppressions=0";
}

const char *__lsan_default_suppressions(void)
{
  return "leak:cjson.so\n";
}

int dlclose(void *handle)
{
  (void)handle;
  return 0;
}

#endif

int luaopen_balance_core(lua_State *L);

struct run {
  const char *script, *endpoint;
  int limit; /* of a call, seconds */
  bool healthy;
  bool complete;
};

static int run_script(lua_State *L)
{
  struct run *run = lua_touserdata(L, 1);
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_balance_core);
  lua_setfield(L, -2, "balance.core");
  if (luaL_loadfile(L, run->script) != 0)
    lua_error(L);
  lua_pushstring(L, run->endpoint);
  lua_pushinteger(L, run->limit);
  lua_pushboolean(L, run->healthy);
  lua_call(L, 3, 1);
  run->complete = lua_toboolean(L, -1);
  return 0;
}

static int call_protected(lua_State *L, struct run *run)
{
#if LUA_VERSION_NUM == 501
  return lua_cpcall(L, run_script, run);
#else
  lua_pushcfunction(L, run_script);
  lua_pushlightuserdata(L, run);
  return lua_pcall(L, 1, 0, 0);
#endif
}

static lua_State *new_state(void)
{
#if LUA_VERSION_NUM < 505
  return lua_newstate(heap_allocate_lua, NULL);
#else
  return lua_newstate(heap_allocate_lua, NULL,
                      1); /* the same at every point */
#endif
}

/* -- the walk --------------------------------------------------------------- */

static void found(const char *what, const char *detail)
{
  printf("%s, %s at %ld: %s%s\n", heap_names[refusal.heap],
         refusal.is_once ? "once" : "on", progress->point, what, detail);
  fflush(stdout);
  progress->wrong++;
}

static void check_calls(lua_State *L, struct run *run, bool healthy)
{
  run->limit = healthy ? HEALTHY_SECONDS : run->limit;
  run->healthy = healthy;
  run->complete = false;
  int status = call_protected(L, run);
  const char *message = status ? lua_tostring(L, -1) : NULL;
  if (healthy && !run->complete)
    found("a healthy run failed: ", message ? message : "");
  else if (message && strstr(message, "wrong"))
    found(message, "");
  lua_settop(L, 0);
}

static void check_blocks(enum heap heap)
{
  if (heap_blocks[heap] != 0)
    found("blocks are left: ", heap_names[heap]);
  heap_blocks[heap] = 0;
}

static bool has_failed(void)
{
  return refusal.asked >= refusal.first;
}

/* Opens a state, runs the script in it and closes it. */
static void check_state(struct run *run, bool healthy)
{
  refusal.first = progress->point;
  refusal.asked = 0;
  refusal.is_on = !healthy;
  lua_State *L = new_state();
  if (L) {
    check_calls(L, run, healthy);
    if (!healthy && refusal.is_once && has_failed()) {
      refusal.is_on = false;
      check_calls(L, run, true);
    }
    lua_close(L);
  }
  refusal.is_on = false;
  check_blocks(HEAP_LUA);
  check_blocks(HEAP_OWN);
}

/* Whether the point was reached. */
static bool check_point(struct run *run)
{
  alarm(HANG_SECONDS);
  heap_init_curl();
  run->limit = FAILING_SECONDS;
  check_state(run, false);
  bool reached = has_failed();
  if (!reached && !run->complete) { /* too slow, maybe */
    run->limit = HEALTHY_SECONDS;
    check_state(run, false);
    if (!run->complete)
      found("no allocation failed, but a call did", "");
  }
  if (reached && refusal.is_once)
    check_state(run, true);
  curl_global_cleanup();
  check_blocks(HEAP_CURL);
  progress->not_ours += heap_blocks[HEAP_NGHTTP2] != 0;
  heap_blocks[HEAP_NGHTTP2] = 0;
  return reached;
}

static void on_crash(int number)
{
  if (heap_is_nghttp2s())
    _exit(NOT_OURS);
  signal(number, SIG_DFL);
  raise(number);
}

static int walk(struct run *run, long step)
{
  heap_is_nghttp2s(); /* backtrace() allocates at its first call */
  signal(SIGSEGV, on_crash);
  libcurl_init(); /* so that the module does not call curl_global_init */
  curl_global_cleanup();
  bool reached;
  do {
    reached = check_point(run);
    progress->point += reached ? step : 0;
  } while (reached && progress->wrong < MAX_FINDINGS &&
           refusal.heap != HEAP_OPENSSL);
  progress->over = !reached;
  return EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
  if (argc != 7)
    return 2;
  while (strcmp(heap_names[refusal.heap], argv[1]) != 0)
    if (++refusal.heap == HEAPS)
      return 2;
  refusal.is_once = strcmp(argv[2], "once") == 0;
  long first = atol(argv[3]), step = atol(argv[4]);
  struct run run = {.script = argv[5], .endpoint = argv[6]};
  if (first < 1 || step < 1)
    return 2;
  /* A library that libcurl needs may have used OpenSSL before main. */
  if (!heap_take_openssl() && refusal.heap == HEAP_OPENSSL) {
    puts("OpenSSL is in use already");
    return EXIT_SUCCESS;
  }

  progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (progress == MAP_FAILED)
    return 2;
  progress->point = first;
  while (!progress->over && progress->wrong < MAX_FINDINGS) {
    int status = 0;
    pid_t child = fork();
    if (child == 0)
      exit(walk(&run, step));
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
      found("it died of ", strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) == NOT_OURS)
      progress->not_ours++;
    else if (status != 0)
      found("a sanitizer stopped it", "");
    progress->point += status != 0 ? step : 0;
  }
  printf("%ld points, %ld of them libnghttp2's\n", progress->point - 1,
         progress->not_ours);
  return progress->wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}

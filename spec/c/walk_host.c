/* SPDX-License-Identifier: MIT */
/* walk HEAP MODE FIRST STEP SCRIPT ENDPOINT: makes allocations fail, one run
   of the script for each: the FIRST-th, the one STEP later, and so on until a
   run is over before. HEAP: lua (what lua_newstate was given), curl (what
   curl_global_init_mem was), own (what our C asks for itself: it is linked
   into this program with those functions wrapped), openssl (in a process for
   each point, as what it could not begin with it does not try again). MODE:
   once, after which everything must work again, or on: from then on there is
   no memory at all.

   The script gets ENDPOINT, a time limit and whether all is well, and returns
   whether its calls succeeded; where one of them was told something wrong, it
   raises an error with that word in it. Prints what must not be: that, a
   crash, a hang, a block that is left. The last line says how many points
   there are, and at how many libnghttp2 crashed or lost a block: since libcurl
   8 it is refused memory too, and goes on without it. */
#define _GNU_SOURCE /* MAP_ANONYMOUS, dladdr */
#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stddef.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libcurl.h"

/* A call takes milliseconds. One that libcurl forgot waits for its limit. */
enum { FAILING_SECONDS = 1, HEALTHY_SECONDS = 10, HANG_SECONDS = 60 };

enum { MANY = 20 }; /* findings, and no more */

enum { NOT_OURS = 42 }; /* the exit status after a crash in libnghttp2 */

enum heap {
  HEAP_LUA,
  HEAP_CURL,
  HEAP_OWN,
  HEAP_OPENSSL,
  HEAPS,
  HEAP_NGHTTP2 = HEAPS
};

static const char *const heap_names[] = {"lua", "curl", "own", "openssl"};

static enum heap walked;
static bool is_once;
static bool armed;
static long asked, blocks[HEAPS + 1];

/* Shared with the process that walks, which may die. */
struct progress {
  long point;
  int wrong;
  long not_ours;
  bool over;
};

static struct progress *progress;

static bool fails(enum heap heap)
{
  if (!armed || heap != walked)
    return false;
  /* Refused, Lua since 5.2 collects its garbage and asks once more. */
  long tries = heap == HEAP_LUA && LUA_VERSION_NUM > 501 ? 2 : 1;
  asked++;
  if (asked < progress->point || (is_once && asked >= progress->point + tries))
    return false;
  errno = ENOMEM;
  return true;
}

static void *counted(enum heap heap, void *block)
{
  blocks[heap] += block != NULL;
  return block;
}

/* -- our own C: the linker sends its requests here -------------------------- */

#define DECLARE(type, name, parameters)                                       \
  type __real_##name parameters;                                              \
  type __wrap_##name parameters;

#define TAKES(type, name, parameters, arguments)                              \
  DECLARE(type *, name, parameters)                                           \
  type *__wrap_##name parameters                                              \
  {                                                                           \
    return fails(HEAP_OWN) ? NULL                                             \
                           : counted(HEAP_OWN, __real_##name arguments);      \
  }

#define GIVES(name, parameters, block, arguments)                             \
  DECLARE(void, name, parameters)                                             \
  void __wrap_##name parameters                                               \
  {                                                                           \
    blocks[HEAP_OWN] -= (block) != NULL;                                      \
    __real_##name arguments;                                                  \
  }

TAKES(void, malloc, (size_t size), (size))
TAKES(void, calloc, (size_t count, size_t size), (count, size))
GIVES(free, (void *block), block, (block))
TAKES(void, CRYPTO_malloc, (size_t size, const char *file, int line),
      (size, file, line))
TAKES(void, CRYPTO_zalloc, (size_t size, const char *file, int line),
      (size, file, line))
GIVES(CRYPTO_clear_free,
      (void *block, size_t size, const char *file, int line), block,
      (block, size, file, line))
TAKES(EVP_MD, EVP_MD_fetch,
      (OSSL_LIB_CTX * library, const char *name, const char *properties),
      (library, name, properties))
GIVES(EVP_MD_free, (EVP_MD * digest), digest, (digest))
TAKES(EVP_MD_CTX, EVP_MD_CTX_new, (void), ())
GIVES(EVP_MD_CTX_free, (EVP_MD_CTX * context), context, (context))
TAKES(EVP_MAC, EVP_MAC_fetch,
      (OSSL_LIB_CTX * library, const char *name, const char *properties),
      (library, name, properties))
GIVES(EVP_MAC_free, (EVP_MAC * mac), mac, (mac))
TAKES(EVP_MAC_CTX, EVP_MAC_CTX_new, (EVP_MAC * mac), (mac))
GIVES(EVP_MAC_CTX_free, (EVP_MAC_CTX * context), context, (context))

DECLARE(void *, realloc, (void *block, size_t size))
DECLARE(void *, CRYPTO_clear_realloc,
        (void *block, size_t old_size, size_t size, const char *file,
         int line))

void *__wrap_realloc(void *block, size_t size)
{
  if (fails(HEAP_OWN))
    return NULL;
  void *moved = __real_realloc(block, size);
  return block ? moved : counted(HEAP_OWN, moved);
}

void *__wrap_CRYPTO_clear_realloc(void *block, size_t old_size, size_t size,
                                  const char *file, int line)
{
  if (fails(HEAP_OWN))
    return NULL;
  void *moved = __real_CRYPTO_clear_realloc(block, old_size, size, file, line);
  return block ? moved : counted(HEAP_OWN, moved);
}

/* -- libcurl ---------------------------------------------------------------- */

/* Before each block: who asked for it. */
union head {
  enum heap heap;
  max_align_t align;
};

/* Whether libnghttp2 is among those that called this. */
static bool by_nghttp2(void)
{
  void *frames[6];
  int count = backtrace(frames, sizeof(frames) / sizeof(*frames));
  for (int i = 0; i < count; i++) {
    Dl_info where;
    if (dladdr(frames[i], &where) && strstr(where.dli_fname, "libnghttp2"))
      return true;
  }
  return false;
}

static void *behind(union head *head)
{
  if (!head)
    return NULL;
  head->heap = by_nghttp2() ? HEAP_NGHTTP2 : HEAP_CURL;
  return counted(head->heap, head + 1);
}

static void *curl_malloc(size_t size)
{
  if (fails(HEAP_CURL))
    return NULL;
  return behind(__real_malloc(sizeof(union head) + size));
}

static void *curl_calloc(size_t count, size_t size)
{
  if (fails(HEAP_CURL))
    return NULL;
  return behind(__real_calloc(1, sizeof(union head) + count * size));
}

static char *curl_strdup(const char *text)
{
  size_t size = strlen(text) + 1;
  char *copy = curl_malloc(size);
  return copy ? memcpy(copy, text, size) : NULL;
}

static void *curl_realloc(void *block, size_t size)
{
  if (!block)
    return curl_malloc(size);
  if (fails(HEAP_CURL))
    return NULL;
  union head *moved =
      __real_realloc((union head *)block - 1, sizeof(union head) + size);
  return moved ? moved + 1 : NULL;
}

static void give_curls(void *block)
{
  if (!block)
    return;
  union head *head = (union head *)block - 1;
  blocks[head->heap]--;
  __real_free(head);
}

/* -- OpenSSL ---------------------------------------------------------------- */

static void *openssl_malloc(size_t size, const char *file, int line)
{
  (void)file;
  (void)line;
  return fails(HEAP_OPENSSL) ? NULL : __real_malloc(size);
}

static void *openssl_realloc(void *block, size_t size, const char *file,
                             int line)
{
  (void)file;
  (void)line;
  return fails(HEAP_OPENSSL) ? NULL : __real_realloc(block, size);
}

static void give_openssls(void *block, const char *file, int line)
{
  (void)file;
  (void)line;
  __real_free(block);
}

/* -- Lua -------------------------------------------------------------------- */

static void *lua_allocate(void *unused, void *block, size_t old_size,
                          size_t size)
{
  (void)unused;
  if (size == 0) {
    blocks[HEAP_LUA] -= block != NULL;
    __real_free(block);
    return NULL;
  }
  bool shrinks = block && size <= old_size; /* which must not fail */
  if (!shrinks && fails(HEAP_LUA))
    return NULL;
  void *moved = __real_realloc(block, size);
  return block ? moved : counted(HEAP_LUA, moved);
}

#ifdef __SANITIZE_ADDRESS__

/* lua-cjson 2.1.0 loses its buffer where Lua's memory ends while it decodes:
   that is not ours. It must stay mapped, for a leak to be told by its name. */
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
  return lua_newstate(lua_allocate, NULL);
#else
  return lua_newstate(lua_allocate, NULL, 1); /* the same at every point */
#endif
}

/* -- the walk --------------------------------------------------------------- */

static void found(const char *what, const char *detail)
{
  printf("%s, %s at %ld: %s%s\n", heap_names[walked], is_once ? "once" : "on",
         progress->point, what, detail);
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
  if (blocks[heap] != 0)
    found("blocks are left: ", heap_names[heap]);
  blocks[heap] = 0;
}

static bool has_failed(void)
{
  return asked >= progress->point;
}

/* One state from its beginning to its end. */
static void check_state(struct run *run, bool healthy)
{
  asked = 0;
  armed = !healthy;
  lua_State *L = new_state();
  if (L) {
    check_calls(L, run, healthy);
    bool first_time = armed && is_once && has_failed();
    if (first_time) {
      armed = false;
      check_calls(L, run, true);
    }
    lua_close(L);
  }
  armed = false;
  check_blocks(HEAP_LUA);
  check_blocks(HEAP_OWN);
}

/* Whether the point was reached. */
static bool check_point(struct run *run)
{
  alarm(HANG_SECONDS);
  curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_malloc, give_curls,
                       curl_realloc, curl_strdup, curl_calloc);
  run->limit = FAILING_SECONDS;
  check_state(run, false);
  bool reached = has_failed();
  if (!reached && !run->complete) { /* it may have been too slow */
    run->limit = HEALTHY_SECONDS;
    check_state(run, false);
    if (!run->complete)
      found("no allocation failed, but a call did", "");
  }
  if (reached && is_once)
    check_state(run, true);
  curl_global_cleanup();
  check_blocks(HEAP_CURL);
  progress->not_ours += blocks[HEAP_NGHTTP2] != 0;
  blocks[HEAP_NGHTTP2] = 0;
  return reached;
}

static void on_crash(int number)
{
  if (by_nghttp2())
    _exit(NOT_OURS);
  signal(number, SIG_DFL);
  raise(number);
}

static int walk(struct run *run, long step)
{
  by_nghttp2(); /* the first time it loads what it needs */
  signal(SIGSEGV, on_crash);
  libcurl_init(); /* once in a process: the module's own call is over */
  curl_global_cleanup();
  bool reached;
  do {
    reached = check_point(run);
    progress->point += reached ? step : 0;
  } while (reached && progress->wrong < MANY && walked != HEAP_OPENSSL);
  progress->over = !reached;
  return EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
  if (argc != 7)
    return 2;
  while (strcmp(heap_names[walked], argv[1]) != 0)
    if (++walked == HEAPS)
      return 2;
  is_once = strcmp(argv[2], "once") == 0;
  long first = atol(argv[3]), step = atol(argv[4]);
  struct run run = {.script = argv[5], .endpoint = argv[6]};
  if (first < 1 || step < 1)
    return 2;
  /* Not where a library that libcurl wants has used OpenSSL before main. */
  if (!CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc,
                                give_openssls) &&
      walked == HEAP_OPENSSL) {
    puts("OpenSSL is in use already");
    return EXIT_SUCCESS;
  }

  progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (progress == MAP_FAILED)
    return 2;
  progress->point = first;
  while (!progress->over && progress->wrong < MANY) {
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

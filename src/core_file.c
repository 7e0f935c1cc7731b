/* SPDX-License-Identifier: MIT */
/* Reads files with keys in them. */
#define _POSIX_C_SOURCE 200809L /* O_CLOEXEC */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core.h"

/* Pushes the bytes that a light userdata points to. */
static int push_bytes(lua_State *L)
{
  const struct bytes *text = lua_touserdata(L, 1);
  lua_pushlstring(L, text->data, text->len);
  return 1;
}

/* What errno means to whoever wants to read: a stable word. */
static const char *problem_of(int code)
{
  switch (code) {
  case ENOENT:
  case ENOTDIR:
    return "missing";
  case EMFILE:
  case ENFILE:
  case ENOMEM:
    return "resource";
  default:
    return "unreadable";
  }
}

/* Looks before it opens: what a device or a FIFO does when it is opened is
   not ours to cause. And looks again, for it may have been replaced; then
   O_NONBLOCK keeps the open from waiting. Returns -1 and a problem. */
static int open_regular(const char *path, struct stat *status,
                        const char **problem)
{
  enum { HOW = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY };
  if (stat(path, status) == 0 && !S_ISREG(status->st_mode)) {
    *problem = "not_a_file";
    return -1;
  }
  int fd = open(path, HOW);
  if (fd >= 0 && fstat(fd, status) == 0 && S_ISREG(status->st_mode))
    return fd;
  *problem = fd >= 0 ? "not_a_file" : problem_of(errno);
  if (fd >= 0)
    close(fd);
  return -1;
}

/* Reads until the end, or until there is no room. Returns NULL or a problem. */
static const char *read_all(int fd, char *to, size_t room, size_t *len)
{
  ssize_t count = 1;
  for (*len = 0; *len < room && count != 0;) {
    count = read(fd, to + *len, room - *len);
    if (count > 0)
      *len += (size_t)count;
    else if (count < 0 && errno != EINTR)
      return problem_of(errno);
  }
  return NULL;
}

static const char *read_file(const char *path, char *to, size_t room,
                             size_t *len, mode_t *mode)
{
  struct stat status;
  const char *problem = NULL;
  int fd = open_regular(path, &status, &problem);
  if (fd < 0)
    return problem;
  problem = read_all(fd, to, room, len);
  *mode = status.st_mode & 07777;
  close(fd);
  return problem;
}

/* read_file(path, most): the text of a regular file and its permission bits;
   or nil and "missing", "not_a_file", "too_large", "unreadable", "resource".
   Never waits for a writer. */
int core_read_file(lua_State *L)
{
  luaL_checkstring(L, 1);
  struct bytes path = string_at(L, 1);
  lua_Integer most = luaL_checkinteger(L, 2);
  luaL_argcheck(L, most >= 0 && most <= MAX_TEXT, 2, "out of range");
  char buffer[MAX_TEXT + 1]; /* one more tells what is too large */
  struct bytes text = {buffer, 0};
  lua_settop(L, 2);
  lua_pushcfunction(L, push_bytes);
  lua_pushlightuserdata(L, &text);

  mode_t mode = 0;
  const char *problem = "missing"; /* no file has a zero byte in its name */
  if (strlen(path.data) == path.len)
    problem = read_file(path.data, buffer, (size_t)most + 1, &text.len, &mode);
  if (!problem && text.len > (size_t)most)
    problem = "too_large";
  /* what is raised for want of memory must not leave the keys behind */
  int failed = problem ? 0 : lua_pcall(L, 1, 1, 0);
  OPENSSL_cleanse(buffer, text.len);
  if (failed)
    return lua_error(L);
  if (problem) {
    lua_pushnil(L);
    lua_pushstring(L, problem);
  } else {
    lua_pushinteger(L, (lua_Integer)mode);
  }
  return 2;
}

/* SPDX-License-Identifier: MIT */
/* Files: reads those with keys in them, makes private ones. */
#define _POSIX_C_SOURCE 200809L /* O_CLOEXEC */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core.h"

/* A stable word for an errno. */
static const char *problem_of(int error)
{
  switch (error) {
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

/* Looks before it opens, since opening a device can have an effect, and looks
   again, since the file may have been replaced; then O_NONBLOCK keeps the open
   from waiting for a FIFO's writer. Returns -1 and a problem. */
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

/* Reads to the end, or as much as there is room for. Returns NULL or a
   problem. */
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

/* read_file(path, max): the text of a regular file and its permission bits;
   or nil and "missing", "not_a_file", "too_large", "unreadable", "resource".
   Never waits for a writer. */
int l_read_file(lua_State *L)
{
  luaL_checkstring(L, 1);
  struct bytes path = string_at(L, 1);
  lua_Integer max = luaL_checkinteger(L, 2);
  luaL_argcheck(L, max >= 0 && max <= MAX_TEXT, 2, "out of range");
  size_t room = (size_t)max + 1; /* one more: the file is too large */
  lua_settop(L, 2);
  struct core_copy text;
  core_prepare_copy(L, &text);

  mode_t mode = 0;
  const char *problem = "missing"; /* no file has a zero byte in its name */
  if (strlen(path.data) == path.len)
    problem = read_file(path.data, text.bytes, room, &text.len, &mode);
  if (!problem && text.len == room)
    problem = "too_large";
  if (problem) {
    core_wipe_copy(&text);
    lua_pushnil(L);
    lua_pushstring(L, problem);
  } else {
    core_push_copy(L, &text);
    lua_pushinteger(L, (lua_Integer)mode);
  }
  return 2;
}

/* stat_file(path): the size of a regular file, its permission bits, and a text
   that no other file has; or nil and a word as of read_file. It opens nothing:
   a process that closes a file loses its locks on it, SQLite's too. */
int l_stat_file(lua_State *L)
{
  luaL_checkstring(L, 1);
  struct bytes path = string_at(L, 1);
  struct stat status;
  const char *problem = NULL;
  if (strlen(path.data) != path.len)
    problem = "missing";
  else if (stat(path.data, &status) != 0)
    problem = problem_of(errno);
  else if (!S_ISREG(status.st_mode))
    problem = "not_a_file";
  if (problem) {
    lua_pushnil(L);
    lua_pushstring(L, problem);
  } else {
    lua_pushnumber(L, (lua_Number)status.st_size);
    lua_pushinteger(L, (lua_Integer)(status.st_mode & 07777));
    char name[64];
    (void)snprintf(name, sizeof(name), "%ju:%ju", (uintmax_t)status.st_dev,
                   (uintmax_t)status.st_ino);
    lua_pushstring(L, name);
  }
  return problem ? 2 : 3;
}

/* create_file(path): makes an empty file that only its owner may read and
   write; true. False where there is one already; nil and a message. */
int l_create_file(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TSTRING); /* a number would become a name */
  size_t len;
  const char *path = lua_tolstring(L, 1, &len);
  luaL_argcheck(L, strlen(path) == len, 1, "a path has no zero byte");
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno != EEXIST) {
    int error = errno;
    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s", path, strerror(error));
    return 2;
  }
  if (fd >= 0)
    close(fd);
  lua_pushboolean(L, fd >= 0);
  return 1;
}

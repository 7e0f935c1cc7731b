-- SPDX-License-Identifier: MIT
--
-- LuaRocks builds through the Makefile, because pkg-config knows where libcurl
-- and OpenSSL are: LuaRocks itself does not find curl/curl.h under Debian's
-- multiarch folder, and the user would have to name it.
rockspec_format = "3.0"
package = "balance"
version = "scm-1"

source = {
  url = "git+https://github.com/balance-lua/balance.git",
  branch = "main",
}

description = {
  summary = "What is left on your TemPolor, Udio and Tencent Cloud accounts",
  detailed = [[
One require, three calls, Lua tables back: the balance of TemPolor, Udio and
Tencent Cloud accounts, in plain scripts and inside OpenResty, over verified
TLS. Needs libcurl 7.88 and OpenSSL 3.0, or newer, with their headers.]],
  homepage = "https://github.com/balance-lua/balance",
  issues_url = "https://github.com/balance-lua/balance/issues",
  license = "MIT",
  labels = { "api", "billing", "openresty" },
}

dependencies = {
  "lua >= 5.1",
  "lua-cjson >= 2.1.0",
  "argparse >= 0.7.1",
}

build = {
  type = "make",
  variables = {
    CFLAGS = "$(CFLAGS)",
    LIBFLAG = "$(LIBFLAG)",
    LUA = "$(LUA)",
    LUA_INCDIR = "$(LUA_INCDIR)",
  },
  install_variables = {
    LUA_LMOD = "$(LUADIR)",
    LUA_CMOD = "$(LIBDIR)",
    BINDIR = "$(BINDIR)",
    MANDIR = "",
    ROCKS_TREE = "$(PREFIX)/../../../../..",
  },
  copy_directories = {},
}

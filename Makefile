# SPDX-License-Identifier: MIT
#
# `make help` lists the targets; a plain `make` builds the module for the
# interpreter that LUA names. Everything made goes to build/, with a directory
# for each interpreter. Variables for packagers come first. spec/spec.mk has
# what only work on the project itself needs.

LUA        ?= lua5.4
PKG_CONFIG ?= pkg-config
INSTALL    ?= install
CFLAGS     ?= -O2
PREFIX     ?= /usr/local
LUA_LMOD   ?= $(PREFIX)/share/lua/$(LUA_VERSION)
LUA_CMOD   ?= $(PREFIX)/lib/lua/$(LUA_VERSION)
BINDIR     ?= $(PREFIX)/bin
MANDIR     ?= $(PREFIX)/share/man

# The interpreter is asked for its version; where it is not installed yet, its
# name has to do.
LUA_NAME := $(notdir $(LUA))
ifndef LUA_VERSION
LUA_VERSION := $(or $(shell $(LUA) -e 'print(_VERSION:match("%d%.%d"))' \
	2>/dev/null),$(patsubst lua%,%,$(LUA_NAME:luajit%=lua5.1)))
endif

# Where the installed command looks for the module first. LuaRocks installs into
# a directory below its tree, and then moves the module to the tree.
ROCKS_TREE  ?=
SCRIPT_LMOD := $(abspath $(if $(ROCKS_TREE),\
	$(ROCKS_TREE)/share/lua/$(LUA_VERSION),$(LUA_LMOD)))
SCRIPT_CMOD := $(abspath $(if $(ROCKS_TREE),\
	$(ROCKS_TREE)/lib/lua/$(LUA_VERSION),$(LUA_CMOD)))

# The name of Lua's pkg-config file differs from system to system. That lua.h
# has the right version is checked below.
LUA_PC = $(firstword $(foreach pc,$(LUA_NAME) lua$(LUA_VERSION) \
	lua-$(LUA_VERSION) lua$(subst .,,$(LUA_VERSION)) lua,\
	$(shell $(PKG_CONFIG) --exists $(pc) 2>/dev/null && echo $(pc))))
ifndef LUA_INCDIR
LUA_INCDIR := $(patsubst -I%,%,$(firstword $(shell \
	PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 \
	$(PKG_CONFIG) --cflags-only-I $(LUA_PC) 2>/dev/null)))
endif

# epoll on Linux, poll elsewhere. POLLER=poll builds the other one on Linux
# too, in a directory of its own.
SYSTEM := $(shell uname -s)
NATIVE := $(if $(filter Linux,$(SYSTEM)),epoll,poll)
POLLER ?= $(NATIVE)
OUT    := build/$(LUA_NAME)$(if $(filter-out $(NATIVE),$(POLLER)),-$(POLLER))

# A resolver thread of libcurl can outlive lua_close, so the module must stay
# mapped: nodelete. liblua is not linked: the interpreter has Lua's symbols.
ifeq ($(SYSTEM),Darwin)
LIBFLAG ?= -bundle -undefined dynamic_lookup
OWN_LDFLAGS := -pthread
else
LIBFLAG ?= -shared
OWN_LDFLAGS := -pthread -Wl,-z,nodelete -Wl,-z,relro -Wl,-z,now
endif

# Only `make lint` makes warnings errors, so that a newer compiler does not
# break a build.
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wformat=2 -Wundef \
	-Wvla -Wpointer-arith -Wcast-qual -Wwrite-strings \
	-Wstrict-prototypes -Wmissing-prototypes
NEEDED   := libcurl libssl libcrypto
OWN_CFLAGS = -std=c11 -fPIC -pthread -MMD -MP $(WARNINGS) -I$(LUA_INCDIR) \
	$(shell $(PKG_CONFIG) --cflags $(NEEDED) 2>/dev/null)
COMPILE := $(CC) $(OWN_CFLAGS) $(CPPFLAGS) $(CFLAGS)
LIBS    := $(shell $(PKG_CONFIG) --libs $(NEEDED) 2>/dev/null)

SOURCES   := $(filter-out src/poller_%.c src/waker_%.c,$(wildcard src/*.c)) \
	src/poller_$(POLLER).c src/waker_$(POLLER).c
OBJECTS   := $(SOURCES:src/%.c=$(OUT)/%.o)
MODULE    := $(OUT)/balance/core.so
LUA_FILES := $(patsubst lua/%,%,$(shell find lua -name '*.lua' 2>/dev/null))

# The sets of .ci/packages that a target needs.
DEPS    := LUA="$(LUA)" .ci/deps
LUA_SET := $(filter lua5.1 lua5.2 lua5.3 lua5.4 lua5.5 luajit,$(LUA_NAME))
TEST_SETS = build sandbox test $(LUA_SET) $(if $(WITH_NGINX),luajit)

.PHONY: build demo test sandbox docs deps install uninstall clean help FORCE
.DELETE_ON_ERROR:

build: $(MODULE) ## compile the module for LUA into build/ (the default)

demo: ## three balances from the stand-in services, in one command
	@$(DEPS) build sandbox $(LUA_SET)
	@$(MAKE) --no-print-directory build
	@$(WITH_US) spec/sandbox/sandbox exec $(LUA) spec/sandbox/demo.lua

test: ## run the specs (SPEC=file, TAGS=tag, FILTER=name, LUA=luajit)
	@$(DEPS) $(TEST_SETS)
	@$(MAKE) --no-print-directory run-specs

sandbox: ## start the stand-in services and print how to reach them
	@$(DEPS) sandbox
	@spec/sandbox/sandbox serve

docs: ## write the reference into build/docs
	@$(DEPS) docs
	@.ci/docs build/docs

deps: ## install what is missing (Debian, Ubuntu); SETS names other sets
	@$(DEPS) $(or $(SETS),$(TEST_SETS))

install: build ## install for LUA under PREFIX (LUA_LMOD, BINDIR, DESTDIR)
	@for file in $(LUA_FILES); do \
	  $(INSTALL) -d "$(DESTDIR)$(LUA_LMOD)/$${file%/*}" && \
	  $(INSTALL) -m 644 "lua/$$file" "$(DESTDIR)$(LUA_LMOD)/$$file" || \
	  exit; \
	done
	$(INSTALL) -d "$(DESTDIR)$(LUA_CMOD)/balance"
	$(INSTALL) -m 755 $(MODULE) "$(DESTDIR)$(LUA_CMOD)/balance/core.so"
	@$(call script) >$(OUT)/balance.script
	@$(call script,table.insert(arg$(comma) 1$(comma) "nagios")) \
	  >$(OUT)/check_balance.script
	$(INSTALL) -d "$(DESTDIR)$(BINDIR)"
	$(INSTALL) -m 755 $(OUT)/balance.script "$(DESTDIR)$(BINDIR)/balance"
	$(INSTALL) -m 755 $(OUT)/check_balance.script \
	  "$(DESTDIR)$(BINDIR)/check_balance"
	@$(if $(MANDIR),$(manual))

# A directory that holds somebody else's file stays.
uninstall: ## remove what install put there, and nothing else
	@cd "$(DESTDIR)$(LUA_LMOD)" 2>/dev/null && rm -f $(LUA_FILES) || true
	rm -f "$(DESTDIR)$(LUA_CMOD)/balance/core.so" \
	  "$(DESTDIR)$(BINDIR)/balance" "$(DESTDIR)$(BINDIR)/check_balance" \
	  $(if $(MANDIR),"$(DESTDIR)$(MANDIR)/man1/balance.1")
	@for root in "$(DESTDIR)$(LUA_LMOD)" "$(DESTDIR)$(LUA_CMOD)"; do \
	  test ! -d "$$root/balance" || \
	  find "$$root/balance" -depth -type d -empty -exec rmdir {} \; ; \
	done

clean: ## remove build/
	rm -rf build

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' \
	  $(MAKEFILE_LIST)

# The command, for the interpreter that this was built for.
script = printf '%s\n' \
	"\#!$$(command -v $(LUA) || echo /usr/bin/env $(LUA_NAME))" \
	'local lua, c = "$(SCRIPT_LMOD)", "$(SCRIPT_CMOD)"' \
	'package.path = ("%s/?.lua;%s/?/init.lua;"):format(lua, lua)' \
	'  .. package.path' 'package.cpath = c .. "/?.so;" .. package.cpath' \
	$(if $(1),'$(1)') 'require("balance.command").main(arg)'

# The manual page is made by the command itself, which needs argparse.
manual = if LUA_INIT= $(LUA) -e 'package.path = "lua/?.lua;lua/?/init.lua;" \
	  .. package.path; io.write(require("balance.command.manual").write())' \
	  >$(OUT)/balance.1; then \
	  $(INSTALL) -d "$(DESTDIR)$(MANDIR)/man1" && \
	  $(INSTALL) -m 644 $(OUT)/balance.1 "$(DESTDIR)$(MANDIR)/man1/balance.1"; \
	else \
	  echo "balance: the manual page could not be made, for which $(LUA)" \
	    "needs argparse (Debian: lua-argparse); the rest is installed." >&2; \
	fi

# One short line a command; V=1 shows the whole.
quiet = $(if $(V),,@echo '  $(1) $@' &&)
comma := ,

$(MODULE): $(OBJECTS)
	$(call quiet,LD) $(CC) $(LIBFLAG) $(OWN_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(OBJECTS): $(OUT)/%.o: src/%.c $(OUT)/flags
	$(call quiet,CC) $(COMPILE) -c -o $@ $<

# The compiler, its flags and the sources of the last build: all is compiled
# again where they differ, and what is missing is named before that.
missing = { echo "balance: $(1) is missing." \
	"On Debian: \`make deps LUA=$(LUA)\`, or install $(2)." >&2; exit 1; }
$(OUT)/flags: export FLAGS = $(COMPILE) $(LIBFLAG) $(OWN_LDFLAGS) $(LDFLAGS) \
	$(LIBS) $(SOURCES)
$(OUT)/flags: FORCE
	@mkdir -p $(OUT)/balance $(OUT)/spec $(OUT)/fuzz
	@printf '%s\n' "$$FLAGS" | cmp -s - $@ || { \
	  command -v $(firstword $(CC)) >/dev/null || \
	    $(call missing,the C compiler $(firstword $(CC)),gcc libc6-dev); \
	  command -v $(PKG_CONFIG) >/dev/null || \
	    $(call missing,pkg-config,pkg-config); \
	  $(PKG_CONFIG) --atleast-version=7.88 libcurl || \
	    $(call missing,libcurl 7.88 or newer,libcurl4-openssl-dev); \
	  $(PKG_CONFIG) --atleast-version=3.0 libcrypto || \
	    $(call missing,OpenSSL 3.0 or newer,libssl-dev); \
	  printf '#include <lua.h>\n%s\nwrong\n#endif\n' \
	    '#if LUA_VERSION_NUM != $(subst .,0,$(LUA_VERSION))' | \
	    $(CC) -I"$(LUA_INCDIR)" -fsyntax-only -x c - 2>/dev/null || \
	    $(call missing,lua.h of Lua $(LUA_VERSION) for $(LUA),$(strip \
	    $(if $(findstring jit,$(LUA)),libluajit2-5.1-dev$(comma) or where \
	    that is not there libluajit-5.1-dev,$(strip \
	    liblua$(LUA_VERSION)$(if $(filter 5.1,$(LUA_VERSION)),-0)-dev)))); \
	  printf '%s\n' "$$FLAGS" >$@; }

-include $(OBJECTS:.o=.d)
-include spec/spec.mk # not in a copy of the sources without the specs

# SPDX-License-Identifier: MIT
#
# Every task of the project is a target here; `make help` lists them. A plain
# `make` builds the module for the interpreter that LUA names. What is made
# goes to build/, one directory for each interpreter, so that several live
# side by side. What packagers set is on top, what we need ourselves below.

LUA        ?= lua5.4
PKG_CONFIG ?= pkg-config
INSTALL    ?= install
CFLAGS     ?= -O2
PREFIX     ?= /usr/local
LUA_LMOD   ?= $(PREFIX)/share/lua/$(LUA_VERSION)
LUA_CMOD   ?= $(PREFIX)/lib/lua/$(LUA_VERSION)

# What `make test` runs: SPEC=spec/x_spec.lua, TAGS=a,b and FILTER='a name'
# choose a part; VALGRIND_TAGS does for valgrind. RUN is how the interpreter
# is started: a sanitizer puts itself before it. COLLECT=1 keeps the collector
# busy inside the module, see .ci/collect.lua.
SPEC          ?= spec
TAGS          ?=
FILTER        ?=
COLLECT       ?=
VALGRIND_TAGS ?= matrix,transport
FUZZ_SECONDS  ?= 60
FUZZ          ?=
CALLS         ?= 20000
RUN           := $(LUA)

# The specs of nginx load LuaJIT's module, whichever Lua they run under. It is
# built here as a plain make does; a sanitizer names one that it has built.
NGINX_OUT  := build/luajit
WITH_NGINX := $(if $(TAGS),$(findstring nginx,$(TAGS)),yes)

# The interpreter knows its version best; before `make deps` its name does.
LUA_NAME := $(notdir $(LUA))
ifndef LUA_VERSION
LUA_VERSION := $(or $(shell $(LUA) -e 'print(_VERSION:match("%d%.%d"))' \
	2>/dev/null),$(patsubst lua%,%,$(LUA_NAME:luajit%=lua5.1)))
endif

# Every system calls its Lua's pkg-config file something else. That the right
# one was found is checked against lua.h below.
LUA_PC = $(firstword $(foreach pc,$(LUA_NAME) lua$(LUA_VERSION) \
	lua-$(LUA_VERSION) lua$(subst .,,$(LUA_VERSION)) lua,\
	$(shell $(PKG_CONFIG) --exists $(pc) 2>/dev/null && echo $(pc))))
ifndef LUA_INCDIR
LUA_INCDIR := $(patsubst -I%,%,$(firstword $(shell \
	PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 \
	$(PKG_CONFIG) --cflags-only-I $(LUA_PC) 2>/dev/null)))
endif

# epoll where there is one. The other poller is built and tested on Linux too,
# with POLLER=poll, in a directory of its own.
SYSTEM := $(shell uname -s)
NATIVE := $(if $(filter Linux,$(SYSTEM)),epoll,poll)
POLLER ?= $(NATIVE)
OUT    := build/$(LUA_NAME)$(if $(filter-out $(NATIVE),$(POLLER)),-$(POLLER))

# A resolver thread of libcurl can outlive lua_close, so the module must never
# be unmapped under it: nodelete. Lua's own symbols come from the interpreter;
# linking liblua would bring a second copy of it.
ifeq ($(SYSTEM),Darwin)
LIBFLAG ?= -bundle -undefined dynamic_lookup
OWN_LDFLAGS := -pthread
else
LIBFLAG ?= -shared
OWN_LDFLAGS := -pthread -Wl,-z,nodelete -Wl,-z,relro -Wl,-z,now
endif

# Warnings are for whoever changes the code; only `make lint` makes them
# errors, so that a newer compiler never breaks a user's build.
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wformat=2 -Wundef \
	-Wvla -Wpointer-arith -Wcast-qual -Wwrite-strings \
	-Wstrict-prototypes -Wmissing-prototypes
NEEDED   := libcurl libssl libcrypto
OWN_CFLAGS = -std=c11 -fPIC -pthread -MMD -MP $(WARNINGS) -I$(LUA_INCDIR) \
	$(shell $(PKG_CONFIG) --cflags $(NEEDED) 2>/dev/null)
COMPILE := $(CC) $(OWN_CFLAGS) $(CPPFLAGS) $(CFLAGS)
LIBS    := $(shell $(PKG_CONFIG) --libs $(NEEDED) 2>/dev/null)

SOURCES   := $(filter-out src/poller_%.c,$(wildcard src/*.c)) \
	src/poller_$(POLLER).c
OBJECTS   := $(SOURCES:src/%.c=$(OUT)/%.o)
CORE      := $(filter $(OUT)/core%,$(OBJECTS))
MODULE    := $(OUT)/balance/core.so
LUA_FILES := $(patsubst lua/%,%,$(shell find lua -name '*.lua' 2>/dev/null))

# The specs' own C: x_preload.c is a library to preload, x_module.c one for
# Lua, x_host.c a program that has Lua inside, x.c one around our C without
# core*.c, and so without Lua.
PRELOADS := $(patsubst spec/c/%_preload.c,$(OUT)/spec/%.so,\
	$(wildcard spec/c/*_preload.c))
MODULES  := $(patsubst spec/c/%_module.c,$(OUT)/spec/%.so,\
	$(wildcard spec/c/*_module.c))
HOSTS    := $(patsubst spec/c/%_host.c,$(OUT)/spec/%,\
	$(wildcard spec/c/*_host.c))
PROGRAMS := $(patsubst spec/c/%.c,$(OUT)/spec/%,$(filter-out \
	%_preload.c %_module.c %_host.c,$(wildcard spec/c/*.c)))

PEERS    := $(patsubst spec/bench/sides/%.c,$(OUT)/bench/%,\
	$(wildcard spec/bench/sides/*.c))

# Fuzz targets: x.c is one around our C, x.lua one that lua.c runs in a Lua.
FUZZ_C    := $(patsubst spec/fuzz/%.c,$(OUT)/fuzz/%,\
	$(filter-out %/lua.c,$(wildcard spec/fuzz/*.c)))
FUZZ_LUA  := $(patsubst spec/fuzz/%.lua,$(OUT)/fuzz/%,\
	$(filter-out %/input.lua %/promise.lua,$(wildcard spec/fuzz/*.lua)))
FUZZERS   := $(FUZZ_C) $(FUZZ_LUA)

DEPS    := LUA="$(LUA)" .ci/deps
LUA_SET := $(filter lua5.1 lua5.2 lua5.3 lua5.4 lua5.5 luajit,$(LUA_NAME))
TEST_SETS := build sandbox test $(LUA_SET) $(if $(WITH_NGINX),luajit)
# The Luas that `make bench` compares, and which rows of its table it makes.
BENCH_LUAS := lua5.1 lua5.4 luajit
ROWS       ?=

# Runs a command with this checkout's module found before an installed one.
WITH_US := OUT="$(abspath $(OUT))" RUN="$(RUN)" LUA_VERSION=$(LUA_VERSION) \
	NGINX_OUT=$(NGINX_OUT) COLLECT="$(COLLECT)" \
	.ci/env "$(CURDIR)/lua" "$(abspath $(OUT))"

.PHONY: build demo test sandbox sanitize walk fuzz soak lint bench docs \
	deps install uninstall clean help objects core-objects \
	spec-helpers bench-peers fuzzers fuzz-objects nginx-module run-specs FORCE
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

sanitize: ## the specs under ASan and UBSan, and a few under valgrind
	@$(DEPS) build sandbox test sanitize lua5.4 luajit
	@.ci/sanitize "$(MAKE)" "$(VALGRIND_TAGS)"

walk: ## under the sanitizers let every single allocation fail (minutes)
	@BALANCE_WALK=every $(MAKE) --no-print-directory sanitize \
	  SPEC=spec/walk_spec.lua VALGRIND_TAGS=

fuzz: ## arbitrary bytes for FUZZ_SECONDS (60) a target (FUZZ=name for one)
	@$(DEPS) build fuzz lua5.4
	@spec/fuzz/run "$(MAKE)" "$(FUZZ_SECONDS)" $(FUZZ)

soak: ## CALLS (20000) calls of every kind: memory, descriptors stay
	@$(DEPS) build sandbox test $(LUA_SET)
	@$(MAKE) --no-print-directory build spec-helpers
	@$(WITH_US) spec/sandbox/sandbox exec $(RUN) spec/soak.lua $(CALLS)

lint: ## read everything with a linter; every compiler warning is an error
	@$(DEPS) build test lint lua5.1 lua5.2 lua5.3 lua5.4 luajit
	@.ci/lint "$(MAKE)"

bench: ## what calls cost beside their peers (ROWS=1,4 some of it)
	@$(DEPS) build sandbox test $(sort $(LUA_SET) $(BENCH_LUAS))
	@$(DEPS) bench || echo "balance: the table goes without some peers"
	@$(MAKE) --no-print-directory build bench-peers
	@for lua in $(BENCH_LUAS); do \
	  $(MAKE) --no-print-directory build spec-helpers LUA=$$lua || exit; \
	done
	@$(WITH_US) spec/bench/run "$(CURDIR)" "$(ROWS)"

docs: ## write the reference into build/docs
	@$(DEPS) docs
	@.ci/docs build/docs

deps: ## install what is missing (Debian, Ubuntu); SETS names other sets
	@$(DEPS) $(or $(SETS),$(TEST_SETS))

install: build ## install for LUA under PREFIX (LUA_LMOD, LUA_CMOD, DESTDIR)
	@for file in $(LUA_FILES); do \
	  $(INSTALL) -d "$(DESTDIR)$(LUA_LMOD)/$${file%/*}" && \
	  $(INSTALL) -m 644 "lua/$$file" "$(DESTDIR)$(LUA_LMOD)/$$file" || \
	  exit; \
	done
	$(INSTALL) -d "$(DESTDIR)$(LUA_CMOD)/balance"
	$(INSTALL) -m 755 $(MODULE) "$(DESTDIR)$(LUA_CMOD)/balance/core.so"

# A directory that holds somebody else's file stays.
uninstall: ## remove what install put there, and nothing else
	@cd "$(DESTDIR)$(LUA_LMOD)" 2>/dev/null && rm -f $(LUA_FILES) || true
	rm -f "$(DESTDIR)$(LUA_CMOD)/balance/core.so"
	@for root in "$(DESTDIR)$(LUA_LMOD)" "$(DESTDIR)$(LUA_CMOD)"; do \
	  test ! -d "$$root/balance" || \
	  find "$$root/balance" -depth -type d -empty -exec rmdir {} \; ; \
	done

clean: ## remove build/
	rm -rf build

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' \
	  $(firstword $(MAKEFILE_LIST))

objects: $(OBJECTS)

core-objects: $(CORE)

spec-helpers: $(PRELOADS) $(MODULES) $(HOSTS) $(PROGRAMS)

bench-peers: $(PEERS)

fuzzers: $(FUZZERS)

fuzz-objects: $(FUZZERS:=.o)

run-specs: build spec-helpers \
	$(if $(WITH_NGINX),$(if $(filter $(OUT) %-asan,$(NGINX_OUT)),,nginx-module))
	@$(WITH_US) .ci/spec $(RUN) -- "$(TAGS)" "$(FILTER)" $(SPEC)

# Without what was meant for the specs' own Lua.
nginx-module:
	@env -u MAKEFLAGS -u LUA_VERSION -u LUA_INCDIR -u POLLER -u CFLAGS \
	  -u LDFLAGS $(MAKE) --no-print-directory build LUA=luajit

# One short line a command; V=1 shows the whole.
quiet = $(if $(V),,@echo '  $(1) $@' &&)

$(MODULE): $(OBJECTS)
	$(call quiet,LD) $(CC) $(LIBFLAG) $(OWN_LDFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(OBJECTS): $(OUT)/%.o: src/%.c $(OUT)/flags
	$(call quiet,CC) $(COMPILE) -c -o $@ $<

$(MODULES): $(OUT)/spec/%.so: spec/c/%_module.c $(OUT)/flags
	$(call quiet,LD) $(COMPILE) $(LIBFLAG) -o $@ $< $(LIBS)

# Without the user's flags: a sanitizer would want to be loaded before it.
$(PRELOADS): $(OUT)/spec/%.so: spec/c/%_preload.c $(OUT)/flags
	$(call quiet,LD) $(CC) $(OWN_CFLAGS) -shared -o $@ $< -ldl

comma := ,

# As a shared library: the modules that it loads take Lua's symbols from it.
$(HOSTS): $(OUT)/spec/%: spec/c/%_host.c $(OUT)/flags
	$(call quiet,LD) $(COMPILE) -Isrc $(LDFLAGS) $(WRAP) -o $@ \
	  $(filter %.c %.o,$^) \
	  $(shell $(PKG_CONFIG) --libs $(LUA_PC)) $(LIBS)

# The walker has our C inside, and comes before what that asks for memory.
$(OUT)/spec/walk: $(OBJECTS)
$(OUT)/spec/walk: WRAP := $(addprefix -Wl$(comma)--wrap=,malloc calloc realloc \
	free CRYPTO_malloc CRYPTO_zalloc CRYPTO_clear_realloc CRYPTO_clear_free \
	EVP_MD_fetch EVP_MD_free EVP_MD_CTX_new EVP_MD_CTX_free EVP_MAC_fetch \
	EVP_MAC_free EVP_MAC_CTX_new EVP_MAC_CTX_free)

# The other sides of the bench.
$(PEERS): $(OUT)/bench/%: spec/bench/sides/%.c $(OUT)/flags
	@mkdir -p $(@D)
	$(call quiet,LD) $(COMPILE) -o $@ $< $(LIBS)

$(PROGRAMS): $(OUT)/spec/%: spec/c/%.c $(filter-out $(CORE),$(OBJECTS))
	$(call quiet,LD) $(COMPILE) -Isrc $(LDFLAGS) -o $@ \
	  $(filter %.c %.o,$^) $(LIBS)

# Linked by spec/fuzz/run alone, whose flags bring a main().
$(FUZZ_C:=.o): $(OUT)/fuzz/%.o: spec/fuzz/%.c $(OUT)/flags
	$(call quiet,CC) $(COMPILE) -Isrc -c -o $@ $<

$(FUZZ_LUA:=.o): $(OUT)/fuzz/%.o: spec/fuzz/lua.c $(OUT)/flags
	$(call quiet,CC) $(COMPILE) -Isrc -DTARGET='"spec/fuzz/$*.lua"' -c -o $@ $<

$(FUZZERS): %: %.o $(OBJECTS)
	$(call quiet,LD) $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) \
	  $(shell $(PKG_CONFIG) --libs $(LUA_PC))

# The compiler, its flags and the sources as they were last time: another
# CFLAGS compiles anew. What is missing is said here, once, before a compiler
# says it in its own way.
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

-include $(OBJECTS:.o=.d) $(PROGRAMS:=.d) $(PRELOADS:.so=.d) $(MODULES:.so=.d) \
	$(HOSTS:=.d) $(FUZZERS:=.d)

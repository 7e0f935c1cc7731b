# SPDX-License-Identifier: MIT
#
# The Makefile's part for work on the project itself: the specs and their C,
# sanitizers, fuzzing, benchmarks, linters.

# What `make test` runs: SPEC=spec/x_spec.lua, TAGS=a,b and FILTER='a name'
# choose specs, EXCLUDE=a,b leaves specs out by tag. JOBS=4 runs that many
# groups of files at a time. COLLECT=1 keeps the garbage collector busy, see
# runner/collect.lua. PART=valgrind makes one part of `make sanitize`, see
# runner/sanitize. RUN is the command that starts the interpreter; a sanitizer
# puts itself before it.
SPEC          ?= spec
TAGS          ?=
EXCLUDE       ?=
FILTER        ?=
COLLECT       ?=
VALGRIND_TAGS ?= matrix,transport
PART          ?=
FUZZ_SECONDS  ?= 60
FUZZ          ?=
CALLS         ?= 20000
RUN           := $(LUA)

# The specs inside nginx need a module for LuaJIT, whatever LUA is; a sanitizer
# names the directory of one that it has built.
NGINX_OUT  := build/luajit
WITH_NGINX := $(if $(COLLECT)$(findstring nginx,$(EXCLUDE)),,$(if \
	$(TAGS),$(findstring nginx,$(TAGS)),yes))

# The specs' own C: x_preload.c is a library to preload, x_module.c a Lua
# module, x_host.c a program with Lua in it, x.c a program with our C but
# without core*.c, and so without Lua.
CORE     := $(filter $(OUT)/core%,$(OBJECTS))
PRELOADS := $(patsubst spec/c/%_preload.c,$(OUT)/spec/%.so,\
	$(wildcard spec/c/*_preload.c))
MODULES  := $(patsubst spec/c/%_module.c,$(OUT)/spec/%.so,\
	$(wildcard spec/c/*_module.c))
HOSTS    := $(patsubst spec/c/%_host.c,$(OUT)/spec/%,\
	$(wildcard spec/c/*_host.c))
PROGRAMS := $(patsubst spec/c/%.c,$(OUT)/spec/%,$(filter-out \
	%_preload.c %_module.c %_host.c,$(wildcard spec/c/*.c)))

# Programs that the benchmarks compare with.
PEERS    := $(patsubst spec/bench/sides/%.c,$(OUT)/bench/%,\
	$(wildcard spec/bench/sides/*.c))

# Fuzz targets: x.c calls our C, x.lua is run by lua.c.
FUZZ_C    := $(patsubst spec/fuzz/%.c,$(OUT)/fuzz/%,\
	$(filter-out %/lua.c,$(wildcard spec/fuzz/*.c)))
FUZZ_LUA  := $(patsubst spec/fuzz/%.lua,$(OUT)/fuzz/%,\
	$(filter-out %/input.lua %/promise.lua,$(wildcard spec/fuzz/*.lua)))
FUZZERS   := $(FUZZ_C) $(FUZZ_LUA)

# The Luas that `make bench` compares, and the rows of its table that it makes.
BENCH_LUAS := lua5.1 lua5.4 luajit
ROWS       ?=

# Runs a command that finds this checkout's module before an installed one.
WITH_US := OUT="$(abspath $(OUT))" RUN="$(RUN)" LUA_VERSION=$(LUA_VERSION) \
	NGINX_OUT=$(NGINX_OUT) COLLECT="$(COLLECT)" \
	spec/runner/env "$(CURDIR)/lua" "$(abspath $(OUT))"

.PHONY: sanitize walk acceptance fuzz soak lint bench objects core-objects spec-helpers \
	bench-peers fuzzers fuzz-objects nginx-module run-specs

sanitize: ## the specs under ASan and UBSan, and a few under valgrind
	@$(DEPS) build sandbox test sanitize lua5.4 luajit
	@spec/runner/sanitize "$(MAKE)" "$(VALGRIND_TAGS)" $(PART)

walk: ## under the sanitizers let every single allocation fail (minutes)
	@BALANCE_WALK=every $(MAKE) --no-print-directory sanitize \
	  SPEC=spec/walk_spec.lua VALGRIND_TAGS=

# One at a time, for they start a browser and a Prometheus.
acceptance: ## the reports in Chromium and Prometheus (SPEC=file)
	@$(DEPS) $(TEST_SETS) accept
	@$(MAKE) --no-print-directory run-specs JOBS=1 \
	  SPEC="$(if $(filter spec,$(SPEC)),$(wildcard spec/acceptance/*.lua),$(SPEC))"

fuzz: ## arbitrary bytes for FUZZ_SECONDS (60) a target (FUZZ=name for one)
	@$(DEPS) build fuzz lua5.4
	@spec/fuzz/run "$(MAKE)" "$(FUZZ_SECONDS)" $(FUZZ)

soak: ## CALLS (20000) calls and 5 * CALLS rounds: memory, descriptors stay
	@$(DEPS) build sandbox test $(LUA_SET)
	@$(MAKE) --no-print-directory build spec-helpers
	@$(WITH_US) spec/sandbox/sandbox exec $(RUN) spec/soak.lua $(CALLS)
	@$(WITH_US) $(RUN) spec/soak_monitor.lua $$(($(CALLS) * 5))

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

objects: $(OBJECTS)

core-objects: $(CORE)

spec-helpers: $(PRELOADS) $(MODULES) $(HOSTS) $(PROGRAMS)

bench-peers: $(PEERS)

fuzzers: $(FUZZERS)

fuzz-objects: $(FUZZERS:=.o)

run-specs: build spec-helpers \
	$(if $(WITH_NGINX),$(if $(filter $(OUT) %-asan,$(NGINX_OUT)),,nginx-module))
	@$(WITH_US) spec/runner/specs "$(TAGS)" "$(EXCLUDE)" "$(FILTER)" $(SPEC)

# Built without the settings that were meant for the specs' own Lua.
nginx-module:
	@env -u MAKEFLAGS -u LUA_VERSION -u LUA_INCDIR -u POLLER -u CFLAGS \
	  -u LDFLAGS $(MAKE) --no-print-directory build LUA=luajit

$(MODULES): $(OUT)/spec/%.so: spec/c/%_module.c $(OUT)/flags
	$(call quiet,LD) $(COMPILE) $(LIBFLAG) -o $@ $< $(LIBS)

# Without the user's flags: a sanitizer would want to be loaded before it.
$(PRELOADS): $(OUT)/spec/%.so: spec/c/%_preload.c $(OUT)/flags
	$(call quiet,LD) $(CC) $(OWN_CFLAGS) -shared -o $@ $< -ldl

# With liblua as a shared library, which gives the modules that they load
# Lua's symbols.
$(HOSTS): $(OUT)/spec/%: spec/c/%_host.c $(OUT)/flags
	$(call quiet,LD) $(COMPILE) -Isrc $(LDFLAGS) $(WRAP) -o $@ \
	  $(filter %.c %.o,$^) \
	  $(shell $(PKG_CONFIG) --libs $(LUA_PC)) $(LIBS)

# The allocation walker has our C in it, and takes these functions' place.
$(OUT)/spec/walk: spec/c/walk/heaps.c spec/c/walk/heaps.h $(OBJECTS)
$(OUT)/spec/walk: WRAP := $(addprefix -Wl$(comma)--wrap=,malloc calloc realloc \
	free CRYPTO_malloc CRYPTO_zalloc CRYPTO_clear_realloc CRYPTO_clear_free \
	EVP_MD_fetch EVP_MD_free EVP_MD_CTX_new EVP_MD_CTX_free EVP_MAC_fetch \
	EVP_MAC_free EVP_MAC_CTX_new EVP_MAC_CTX_free)

$(PEERS): $(OUT)/bench/%: spec/bench/sides/%.c $(OUT)/flags
	@mkdir -p $(@D)
	$(call quiet,LD) $(COMPILE) -o $@ $< $(LIBS)

$(PROGRAMS): $(OUT)/spec/%: spec/c/%.c $(filter-out $(CORE),$(OBJECTS))
	$(call quiet,LD) $(COMPILE) -Isrc $(LDFLAGS) -o $@ \
	  $(filter %.c %.o,$^) $(LIBS)

# Linked only with the flags of spec/fuzz/run, which bring a main().
$(FUZZ_C:=.o): $(OUT)/fuzz/%.o: spec/fuzz/%.c $(OUT)/flags
	$(call quiet,CC) $(COMPILE) -Isrc -c -o $@ $<

$(FUZZ_LUA:=.o): $(OUT)/fuzz/%.o: spec/fuzz/lua.c $(OUT)/flags
	$(call quiet,CC) $(COMPILE) -Isrc -DTARGET='"spec/fuzz/$*.lua"' -c -o $@ $<

$(FUZZERS): %: %.o $(OBJECTS)
	$(call quiet,LD) $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) \
	  $(shell $(PKG_CONFIG) --libs $(LUA_PC))

-include $(PROGRAMS:=.d) $(PRELOADS:.so=.d) $(MODULES:.so=.d) $(HOSTS:=.d) \
	$(FUZZERS:=.d)

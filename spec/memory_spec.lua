-- SPDX-License-Identifier: MIT
-- Keys in the memory of a process, as a core dump would show them. Not under
-- ASan, which keeps freed memory.
local accounts = require "sandbox.accounts"
local core = require "balance.core"
local process = require "support.process"

-- Keys that are not in the environment.
local temporary = accounts.tencent.temporary
local keys = {
  tempolor = accounts.tempolor.whole.api_key,
  udio = accounts.udio.unused.api_key,
  secret_id = temporary.secret_id,
  secret_key = temporary.secret_key,
  token = temporary.token,
}

-- What HTTP Basic sends of a key; see key_holder.lua.
local basic = process.run("printf user-of-a-spec:%s " .. keys.udio
  .. " | base64 -w 0"):gsub("%s", "")

-- Calls a function with the content of each readable mapping of a process. The
-- process is this one's child, so no rights are needed.
local function each_mapping(pid, use)
  local memory = assert(io.open(("/proc/%d/mem"):format(pid), "rb"))
  memory:setvbuf "no"
  for line in io.lines(("/proc/%d/maps"):format(pid)) do
    local first, last = line:match "^(%x+)%-(%x+) r"
    if first and not line:find "%[v" then -- not [vdso] and [vvar]
      first, last = tonumber(first, 16), tonumber(last, 16)
      assert(memory:seek("set", first))
      use(memory:read(last - first) or "")
    end
  end
  memory:close()
end

local function count(text, what)
  local found, at = 0, text:find(what, 1, true)
  while at do
    found, at = found + 1, text:find(what, at + 1, true)
  end
  return found
end

-- How often each key is in the memory of a script after its calls.
local function copies(what, endpoint, protocol, setting)
  local directory = process.run("mktemp -d"):gsub("%s+$", "")
  for name, key in pairs(keys) do
    process.write(directory .. "/" .. name, key)
  end
  local script = process.start(("%s exec %s spec/support/key_holder.lua "
    .. "%s %s %s %s >%s/output 2>&1"):format(setting or "", process.lua,
    directory, what, endpoint, protocol or "", directory))
  local ok, pid = pcall(process.await, directory .. "/pid")
  local found = { signature = 0, basic = 0 }
  if ok then
    each_mapping(tonumber(pid), function(text)
      for name, key in pairs(keys) do
        found[name] = (found[name] or 0) + count(text, key)
      end
      found.basic = found.basic + count(text, basic)
      local _, signatures = text:gsub("Signature=%x%x%x%x", "")
      found.signature = found.signature + signatures
    end)
  end
  script.stop()
  local output = process.read(directory .. "/output")
  process.run("rm -r " .. directory)
  assert.is_true(ok, output)
  return found
end

local one_each = { tempolor = 1, udio = 1, secret_id = 1, secret_key = 1,
  token = 1, signature = 0, basic = 0 }

if not process.build:find("asan", 1, true) then
  describe("the memory of a script whose client is gone", function()
    local https = os.getenv "UDIO_ENDPOINT" -- speaks HTTP/2 too

    it("has one copy of a key, the caller's own, after calls", function()
      assert.same(one_each, copies("succeed", https))
      assert.same(one_each, copies("succeed", os.getenv "SANDBOX_PLAIN"))
    end)

    it("has one after whatever can go wrong", function()
      assert.same(one_each, copies("fail", https))
    end)

    -- The dynamic linker, when it looks a function up at its first call, saves
    -- the vector registers on the stack, and with them what was copied last.
    it("has one after errors that Lua raised while it copied them", function()
      assert.same(one_each, copies("raise", https, nil, "LD_BIND_NOW=1"))
    end)

    -- Until libcurl 8.11.1, nghttp2 does not use libcurl's memory functions, so
    -- only a special free() wipes its memory. An open connection of HTTP/2 keeps
    -- the token.
    it("has one after HTTP/2 where freed memory is wiped", function()
      local major, minor, patch =
        core.info().libcurl:match "^(%d+)%.(%d+)%.(%d+)"
      local number = (major * 1000 + minor) * 1000 + patch
      assert.same(one_each, copies("succeed", https, "http2",
        number < 8011001 and "GLIBC_TUNABLES="
        .. "glibc.malloc.tcache_count=0:glibc.malloc.perturb=165" or nil))
    end)
  end)
end

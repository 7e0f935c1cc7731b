-- SPDX-License-Identifier: MIT
--- Row 9: the size of the module's shared object, its relocations, and what
-- memory a process has more after require and after the first call, beside
-- Debian's lua-curl and cjson.
local measure = require "bench.measure"
local process = require "support.process"
local report = require "bench.report"

local function number(command)
  return tonumber((process.run(command):match "%d+"))
end

local function bytes(path)
  return number("stat -L -c %s " .. path)
end

local function relocations(path)
  return number("readelf -rW " .. path .. " | grep -c R_")
end

-- KiB after require and after the first call, less those before.
local function memory(script, ...)
  local text = process.run(measure.lua("lua5.1", "memory.lua", script, ...))
  local required, called = text:match("^(%d+) (%d+)\n$")
  assert(required, text)
  return required .. " KiB", called .. " KiB"
end

local endpoint = os.getenv "SANDBOX_HTTP1"
local function of_ours()
  local path = "build/lua5.1/balance/core.so"
  return { bytes(path), relocations(path), memory("call.lua", endpoint) }
end

local function of_peer()
  if not measure.works "lua5.1 -e 'require \"curl\"'" then
    return { "not installed", "", "", "" }
  end
  local path = process.run("dpkg -L lua-curl | grep 5.1/curl.so"):match "%S+"
  return { bytes(path), relocations(path),
    memory("call_by_hand.lua", "curl", endpoint) }
end

local ours, peer = of_ours(), of_peer()
for i, what in ipairs { "bytes of the .so", "relocations",
  "memory after require", "memory after the first call" } do
  report.note(9, what .. ", lua5.1", "Debian's lua-curl", ours[i], peer[i])
end

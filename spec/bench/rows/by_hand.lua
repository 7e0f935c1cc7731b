-- SPDX-License-Identifier: MIT
--- Row 3: a warm call, beside the same written by hand in Lua with a binding
-- of libcurl and with cjson. Debian has one for Lua 5.1, on libcurl with
-- GnuTLS; LUA_CURL=DIRECTORY has cURL.lua and lcurl.so of Lua-cURLv3, for the
-- interpreter that LUA_CURL_LUA names (lua5.4).
local core = require "balance.core"
local measure = require "bench.measure"
local report = require "bench.report"
local warm = require "bench.warm"

-- Before 8.1, libcurl's handles are not used again.
local major, minor = core.info().libcurl:match "^(%d+)%.(%d+)"
local is_new = tonumber(major) > 8 or major == "8" and tonumber(minor) >= 1
local aims = { wall = { most = is_new and 1 or 1.15 }, cpu = { most = 1.3 } }

if measure.works "lua5.1 -e 'require \"curl\"'" then
  warm(3, "lua5.1", "Debian's lua-curl and cjson", function(endpoint)
    return measure.lua("lua5.1", "call_by_hand.lua", "curl", endpoint)
  end, aims)
else
  report.skip(3, "warm udio()", "Debian's lua-curl", "it is not installed")
end

local directory = os.getenv "LUA_CURL"
if directory then
  local lua = os.getenv "LUA_CURL_LUA" or "lua5.4"
  warm(3, lua, "Lua-cURLv3 and cjson", function(endpoint)
    return ("LUA_PATH='%s/?.lua;'$LUA_PATH LUA_CPATH='%s/?.so;;' %s %s"):
      format(directory, directory, lua, "spec/bench/sides/call_by_hand.lua"
      .. " cURL " .. endpoint)
  end, aims)
else
  report.skip(3, "warm udio()", "Lua-cURLv3", "set LUA_CURL to its directory")
end

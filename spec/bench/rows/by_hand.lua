-- SPDX-License-Identifier: MIT
--- Row 3: a warm call, beside the same written by hand in Lua with a binding
-- of libcurl and with cjson. Debian has one for Lua 5.1, on libcurl with
-- GnuTLS; LUA_CURL=DIRECTORY has cURL.lua and lcurl.so of Lua-cURLv3, for the
-- interpreter that LUA_CURL_LUA names (lua5.4).
local measure = require "bench.measure"
local report = require "bench.report"

local rounds, count, aim = 21, 200, { most = 1 }

-- `by_hand(endpoint)` is the peer's command.
local function compare(lua, name, by_hand)
  for _, protocol in ipairs(measure.protocols) do
    local ours = measure.start(measure.lua(lua, "call.lua",
      protocol.endpoint, protocol.word), count)
    local peer = measure.start(by_hand(protocol.endpoint), count)
    measure.alternate(rounds, { ours, peer })
    local what = ("warm udio(), %s, %s, "):format(lua, protocol.name)
    local beside = name .. " and cjson"
    report.compare(3, what .. "wall", beside, ours.wall, peer.wall, aim)
    report.compare(3, what .. "CPU", beside, ours.cpu, peer.cpu, aim)
  end
end

if measure.works "lua5.1 -e 'require \"curl\"'" then
  compare("lua5.1", "Debian's lua-curl", function(endpoint)
    return measure.lua("lua5.1", "call_by_hand.lua", "curl", endpoint)
  end)
else
  report.skip(3, "warm udio()", "Debian's lua-curl", "it is not installed")
end

local directory = os.getenv "LUA_CURL"
if directory then
  local lua = os.getenv "LUA_CURL_LUA" or "lua5.4"
  compare(lua, "Lua-cURLv3", function(endpoint)
    return ("LUA_PATH='%s/?.lua;'$LUA_PATH LUA_CPATH='%s/?.so;;' %s %s"):
      format(directory, directory, lua, "spec/bench/sides/call_by_hand.lua"
      .. " cURL " .. endpoint)
  end)
else
  report.skip(3, "warm udio()", "Lua-cURLv3", "set LUA_CURL to its directory")
end

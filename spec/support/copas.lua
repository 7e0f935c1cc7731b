-- SPDX-License-Identifier: MIT
--- The loop copas, in a process of its own.
local core = require "balance.core"
local process = require "support.process"

local _M = {}

-- Debian installs it for some versions of Lua; its files run on each.
_M.setting = 'LUA_PATH="$LUA_PATH;/usr/share/lua/5.1/?.lua"'

--- What it lacks here, nil where it can be used. Debian's 4.8 lacks some of its
-- own modules. Where copas is not installed at all, the specs fail.
function _M.lack()
  if not core.transport():fd() then
    return "a build with poll has no descriptor to show copas"
  end
  local output = process.run_lua('require "copas"', _M.setting)
  return output:match "copas%.lua:%d+: (module '[^']*' not found)"
end

return _M

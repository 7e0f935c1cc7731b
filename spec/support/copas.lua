-- SPDX-License-Identifier: MIT
--- The loop copas, in a process of its own.
local process = require "support.process"

local _M = {}

-- Debian installs it for some versions of Lua; its files run on each.
_M.setting = 'LUA_PATH="$LUA_PATH;/usr/share/lua/5.1/?.lua"'

--- Whether its own modules are all there. Debian's 4.8 lacks some. Where copas
-- is not installed at all, this is true and the specs fail.
function _M.is_whole()
  local output = process.run_lua('require "copas"', _M.setting)
  return not output:find "copas%.lua:%d+: module '"
end

return _M

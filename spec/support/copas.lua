-- SPDX-License-Identifier: MIT
--- The loop copas, in a process of its own.
local process = require "support.process"

local _M = {}

-- Debian has it for Lua 5.1 and a few others; it is plain Lua.
_M.setting = 'LUA_PATH="$LUA_PATH;/usr/share/lua/5.1/?.lua"'

--- Whether it loads. Debian's 4.8 does not: it wants modules that the package
-- does not bring, and one that Debian has not. One that is not there at all
-- counts as whole, and fails.
function _M.is_whole()
  local output = process.run_lua('require "copas"', _M.setting)
  return not output:find "copas%.lua:%d+: module '"
end

return _M

-- SPDX-License-Identifier: MIT
--- Numbers as text in a store, exactly, in whatever locale.
-- @module balance.monitor.number

local answers = require "balance.answer"
local json = require "balance.json"
local text = require "balance.text"

local _M = {}

local max_length = 32 -- characters; the longest is "-2.2250738585072014e-308"

--- Writes a finite number.
-- @function write
-- @tparam number number
-- @treturn string
_M.write = text.shortest

--- Reads what `write` has written.
-- @tparam ?string written
-- @treturn ?number nil where it is anything else
function _M.read(written)
  if not written or #written > max_length then
    return nil
  elseif written:find "^%-?%d+%.?%d*e[+-]%d+$" then
    local list = json.decode("[" .. written .. "]")
    written = list and list[1] or nil
  end
  return answers.number(written)
end

return _M

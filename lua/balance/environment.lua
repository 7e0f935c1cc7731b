-- SPDX-License-Identifier: MIT
--- The variables of the environment, all by one rule: what a file of
-- variables leaves around a value (space, a carriage return) is no part of
-- it, and an empty one counts as not set.
-- @module balance.environment

local text = require "balance.text"

local _M = {}

--- The value of a variable.
-- @tparam string name
-- @tparam ?function getenv in the place of the system's
-- @treturn ?string
---@param name string
---@param getenv? fun(name: string): string?
---@return string?
function _M.get(name, getenv)
  local value = (getenv or os.getenv)(name)
  value = value and text.trim(value)
  return value ~= "" and value or nil
end

return _M

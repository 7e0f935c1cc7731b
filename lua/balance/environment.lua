-- SPDX-License-Identifier: MIT
--- Variables of the environment, all read the same way: space and line ends
-- around a value, which come from files of variables, are cut off, and an
-- empty value counts as not set.
-- @module balance.environment

local text = require "balance.text"

local _M = {}

--- The value of a variable.
-- @tparam string name
-- @tparam ?function getenv in place of `os.getenv`
-- @treturn ?string
function _M.get(name, getenv)
  local value = (getenv or os.getenv)(name)
  value = value and text.trim(value)
  return value ~= "" and value or nil
end

return _M

-- SPDX-License-Identifier: MIT
--- A set of credentials: the values of one place, by the names that the
-- provider has for them.
-- @module balance.credentials.set

local core = require "balance.core"
local text = require "balance.text"

local _M = {}

local byte, is_text = string.byte, core.is_text

local function label(labels, name)
  return labels and labels[name] or ("'%s'"):format(name)
end

--- Reads a set. Blanks around a value are no part of it.
-- @tparam table provider its `credentials`
-- @tparam table values by the names of the credentials; others may be there
-- @tparam ?{[string]=string} labels what the place calls them
-- @treturn ?table the set; nil where it cannot be used
-- @treturn ?string then, what is wrong with it; nil where nothing is there
-- @treturn ?boolean then, whether that is a missing value
function _M.read(provider, values, labels)
  local set, missing, is_there = {}, nil, false
  for _, credential in ipairs(provider.credentials) do
    local name = credential.name
    local value = values[name]
    if value ~= nil then
      is_there = true
      if type(value) ~= "string" then
        return nil, ("%s is a %s, not a string"):format(label(labels, name),
          type(value))
      end
      local first, last = byte(value, 1), byte(value, -1)
      if first and (first <= 32 or last <= 32) then
        value = text.trim(value)
      end
      if not is_text(value) then
        return nil, label(labels, name) .. " has a control character"
      end
    end
    if value and value ~= "" then
      set[name] = value
    elseif not credential.optional then
      missing = missing or name
    end
  end
  if not missing then
    return set
  elseif is_there then
    return nil, label(labels, missing) .. " is missing or empty", true
  end
end

return _M

-- SPDX-License-Identifier: MIT
--- Reads a table that a caller gave by a schema: its names, their types, and
-- what else a value must be. What will not do is the caller's mistake.
--
-- A schema has for each name a list of types ("number boolean") and, where
-- there is more to say, `read(value, what)`: it gets a value of the right type
-- and what it is ("option 'rate'"), and returns what is to be used; or nil and
-- what is wrong with it.
-- @module balance.schema

local core = require "balance.core"
local spelling = require "balance.spelling"

local _M = {}

--- A copy of all that a table shows, by `pairs` and by its index: defaults may
-- stand behind a metatable.
-- @tparam table given
-- @tparam {[string]=any} names those to look for
-- @treturn table
---@param given table
---@param names table<string, any>
---@return table
function _M.copy(given, names)
  if getmetatable(given) == nil then
    return core.copy(given)
  end
  local copy = {}
  for name, value in pairs(given) do
    copy[name] = value
  end
  for name in pairs(names) do
    if copy[name] == nil then
      copy[name] = given[name]
    end
  end
  return copy
end

local function is_of(value, types)
  local own = type(value)
  return own == types
    or (" " .. types .. " "):find(" " .. own .. " ", 1, true) ~= nil
end

local function read_value(what, rule, value)
  local types, read = rule[1], rule.read
  if not is_of(value, types) then
    return nil, ("%s must be a %s, not a %s"):format(what,
      types:gsub(" ", " or a "), type(value))
  elseif read then
    return read(value, what)
  end
  return value
end

--- Reads a table.
-- @tparam string what each of its values is: "option"
-- @tparam table given
-- @tparam table schema
-- @treturn ?table a copy, each value as it was read; nil where one is wrong
-- @treturn ?string then, what: a message without any value in it
---@param what string
---@param given table
---@param schema table
---@return table?
---@return string?
function _M.read(what, given, schema)
  local copy = _M.copy(given, schema)
  for name, value in next, copy do
    local rule = schema[name]
    if not rule then
      return nil, spelling.unknown(what, name, schema)
    end
    local read, mistake = read_value(("%s '%s'"):format(what, name), rule,
      value)
    if mistake then
      return nil, mistake
    end
    copy[name] = read
  end
  return copy
end

--- Reads options.
-- @param given nil is no options
-- @tparam table schema
-- @treturn ?table as of `read`
-- @treturn ?string
---@param given any
---@param schema table
---@return table?
---@return string?
function _M.read_options(given, schema)
  if given == nil then
    return {}
  elseif type(given) ~= "table" then
    return nil, "options must be a table, not a " .. type(given)
  end
  return _M.read("option", given, schema)
end

--- A schema's `read` for an object that must have some methods.
-- @tparam string kind "a store"
-- @tparam {string,...} methods
-- @treturn function
---@param kind string
---@param methods string[]
---@return fun(object: any, what: string): any, string?
function _M.object(kind, methods)
  return function(object, what)
    for _, method in ipairs(methods) do
      local ok, found = pcall(function() return object[method] end)
      if not ok or type(found) ~= "function" then
        return nil, ("%s must be %s, with the methods %s"):format(what, kind,
          table.concat(methods, ", "))
      end
    end
    return object
  end
end

return _M

-- SPDX-License-Identifier: MIT
--- Reads a table that a caller gave by a schema, which has a rule for each
-- name. What breaks a rule is the caller's mistake.
--
-- The first item of a rule is its types, "number boolean". Where there is more
-- to say about the value, it has:
--
-- - `range`, of a number: what it must be, in words, with "%d" for its bounds.
--   These are `above` (more than) or `min`, and `max`; `whole` is for whole
--   numbers only. Of a boolean, only false is in range.
-- - `choices`: a list of strings, one of which it must be.
-- - `read(value, what)`: gets a value of the right type and what it is
--   ("option 'rate'"); returns the value to be used, or nil and the mistake.
-- @module balance.schema

local core = require "balance.core"
local mistakes = require "balance.mistake"
local spelling = require "balance.spelling"

local _M = {}

local max_depth, max_entries = 16, 1000 -- of a plain table

--- A copy of all that a table shows, by `pairs` and by its index: options may
-- stand behind a metatable.
-- @tparam table given
-- @tparam {[string]=any} names those to look for
-- @treturn table
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

local function is_in_range(value, rule)
  if type(value) ~= "number" then
    return value == false
  end
  return (not rule.above or value > rule.above)
    and (not rule.min or value >= rule.min)
    and value < math.huge and (not rule.max or value <= rule.max)
    and (not rule.whole or value % 1 == 0)
end

local function is_choice(value, choices)
  for _, choice in ipairs(choices) do
    if value == choice then
      return true
    end
  end
  return false
end

local function read_value(what, rule, value)
  if not is_of(value, rule[1]) then
    return nil, ("%s must be a %s, not a %s"):format(what,
      rule[1]:gsub(" ", " or a "), type(value))
  elseif rule.range and not is_in_range(value, rule) then
    return nil, what .. " must be "
      .. rule.range:format(rule.above or rule.min, rule.max)
  elseif rule.choices and not is_choice(value, rule.choices) then
    return nil, ("%s must be '%s'"):format(what,
      table.concat(rule.choices, "' or '"))
  elseif rule.read then
    return rule.read(value, what)
  end
  return value
end

--- Reads a table.
-- @tparam string what each of its values is: "option"
-- @tparam table given
-- @tparam table schema
-- @treturn ?table a copy, each value as it was read; nil where one is wrong
-- @treturn ?string then, the mistake: a message without any value in it
function _M.read(what, given, schema)
  local read = {}
  if getmetatable(given) ~= nil then
    given = _M.copy(given, schema)
  end
  for name, value in next, given do
    local rule = schema[name]
    if not rule then
      return nil, spelling.unknown(what, name, schema)
    end
    local mistake
    if type(value) ~= rule[1] or rule.range or rule.choices or rule.read then
      value, mistake = read_value(("%s '%s'"):format(what, name), rule, value)
      if mistake then
        return nil, mistake
      end
    end
    read[name] = value
  end
  return read
end

--- Reads options.
-- @param given nil is no options
-- @tparam table schema
-- @treturn ?table as of `read`
-- @treturn ?string
function _M.read_options(given, schema)
  if given == nil then
    return {}
  elseif type(given) ~= "table" then
    return nil, "options must be a table, not a " .. type(given)
  end
  return _M.read("option", given, schema)
end

--- A rule's `read` for an object that must have some methods.
-- @tparam string kind "a store"
-- @tparam {string,...} methods
-- @treturn function
function _M.object(kind, methods)
  return function(object, what)
    for _, method in ipairs(methods) do
      local ok, found = pcall(function() return object[method] end)
      if not ok then
        mistakes.pass_on(found)
      end
      if not ok or type(found) ~= "function" then
        return nil, ("%s must be %s, with the methods %s"):format(what, kind,
          table.concat(methods, ", "))
      end
    end
    return object
  end
end

--- Whether a table is a plain list of strings, with one at least.
-- @tparam table list
-- @treturn boolean
function _M.is_list_of_strings(list)
  local count = 0
  for _, each in next, list do
    if type(each) ~= "string" then
      return false
    end
    count = count + 1
  end
  return getmetatable(list) == nil and count > 0 and count == #list
end

--- A rule's `read` for a string, or a list of them.
-- @tparam string|table strings
-- @tparam string what
-- @return a copy; nil where it is neither
-- @treturn ?string then, the mistake
function _M.read_strings(strings, what)
  if type(strings) == "string" then
    return strings
  elseif not _M.is_list_of_strings(strings) then
    return nil, what .. " must be a string or a plain list of them"
  end
  return core.copy(strings)
end

local is_plain = { string = true, number = true, boolean = true }

-- A copy of a plain value, or of a table of plain values and such tables. Nil
-- where there is anything else in it, or too much.
local function copy_plain(value, depth, left)
  if is_plain[type(value)] then
    return value
  elseif type(value) ~= "table" or getmetatable(value) ~= nil
    or depth == 0 then
    return nil
  end
  local copy = {}
  for name, item in next, value do
    left.entries = left.entries - 1
    local copied = is_plain[type(name)] and left.entries >= 0
      and copy_plain(item, depth - 1, left)
    if copied == nil or copied == false and item ~= false then
      return nil
    end
    copy[name] = copied
  end
  return copy
end

--- A rule's `read` for a plain value. A table is copied: the caller may change
-- it while the call waits.
-- @param value
-- @tparam string what
-- @return a copy; nil where it is not plain
-- @treturn ?string then, the mistake
function _M.read_plain(value, what)
  local copy = copy_plain(value, max_depth, { entries = max_entries })
  if copy == nil then
    return nil, ("%s must hold strings, numbers, booleans and plain tables of"
      .. " these, at most %d"):format(what, max_entries)
  end
  return copy
end

return _M

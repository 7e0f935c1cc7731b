-- SPDX-License-Identifier: MIT
--- A name for a request, by which a cache tells it from others.
-- @module balance.identity

local core = require "balance.core"
local text = require "balance.text"

local _M = {}

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")
local to_type = math.type -- nil before Lua 5.3

-- Names for functions and objects: random, because another process shares the
-- store, and because the address of a collected object is used again.
local names = setmetatable({}, { __mode = "k" })
local count = 0

local function name_of(value)
  if not names[value] then
    count = count + 1
    names[value] = ("%.0f-%.0f-%d"):format(core.random() * 2 ^ 32,
      core.random() * 2 ^ 32, count)
  end
  return names[value]
end

-- A value that is no table, in two parts: its type and length, and its text.
local function written(value)
  local kind = type(value)
  if kind == "number" then
    kind, value = to_type and to_type(value) or kind, text.of_number(value)
  elseif kind == "boolean" then
    value = tostring(value)
  elseif kind ~= "string" then
    value = name_of(value)
  end
  return kind .. " " .. #value .. ":", value
end

-- The places of a table's keys, sorted by text and then by type; and by place
-- the keys as they are written, and the values.
local function sorted(value)
  local order, keys, values = {}, {}, {}
  for key, item in next, value do
    local before, name = written(key)
    local place = name .. before
    order[#order + 1] = place
    keys[place], values[place] = before .. name, item
  end
  table.sort(order, text.is_before)
  return order, keys, values
end

-- No part joins a secret with other text: that string would stay in memory.
local function write(value, parts)
  if type(value) ~= "table" or getmetatable(value) ~= nil then
    parts[#parts + 1], parts[#parts + 2] = written(value)
  end
  if type(value) == "table" then -- a metatable says that there is more to it
    local order, keys, values = sorted(value)
    parts[#parts + 1] = "table " .. #order .. ":"
    for _, place in ipairs(order) do
      parts[#parts + 1] = keys[place]
      write(values[place], parts)
    end
  end
end

local at_once = 100 -- Lua's stack has an end

local function digest(parts)
  local sum = ("0"):rep(64)
  local kind, message
  for i = 1, #parts, at_once do
    sum, kind, message = core.digest(sum,
      unpack(parts, i, math.min(i + at_once - 1, #parts)))
    if not sum then
      return nil, kind, message
    end
  end
  return sum
end

--- A name for a request. Others have the same only where all of it is the
-- same: types, numbers to their last digit, and the keys of tables.
-- @tparam string provider its name
-- @tparam table config strings, numbers, booleans, and tables of these;
-- anything else is the same only as itself, in this process
-- @treturn ?string without any secret: a digest; nil where there is no memory
-- @treturn ?string then, a kind
-- @treturn ?string and a message
function _M.of(provider, config)
  local parts = { provider, "\n" }
  write(config, parts)
  local sum, kind, message = digest(parts)
  return sum and provider .. ":" .. sum, kind, message
end

return _M

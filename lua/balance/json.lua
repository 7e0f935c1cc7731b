-- SPDX-License-Identifier: MIT
--- Answers from JSON to Lua, strictly, on a lua-cjson instance of our own:
-- the caller's settings are not touched, and do not matter.
-- @module balance.json

local core = require "balance.core"
local safe = core.in_plain_locale(require, "cjson.safe")

local null = safe.null
local huge = math.huge
local to_integer = math.tointeger -- nil before Lua 5.3

local _M = {}

local deepest = 16

--- How many commas and colons an answer may have outside of its strings: what
-- decoding costs, for Lua 5.1 above all, where strings can be made that are
-- slow to keep.
_M.most = 2048

local instance

local function renew()
  instance = safe.new()
  instance.decode_invalid_numbers(false)
  instance.decode_max_depth(deepest)
end

-- Null becomes nil, and a whole number an integer: lua-cjson 2.1.0 knows
-- neither. Returns whether it could: not where a number is too big for a float.
local function normalise(container)
  for key, value in next, container do
    local kind = type(value)
    if kind == "number" then
      if value ~= value or value == huge or value == -huge then
        return false
      elseif to_integer then
        container[key] = to_integer(value) or value
      elseif value == 0 then
        container[key] = 0 -- and not -0
      end
    elseif kind == "table" then
      if not normalise(value) then
        return false
      end
    elseif value == null then
      container[key] = nil
    end
  end
  return true
end

-- lua-cjson asks for the locale's decimal point when an instance is made,
-- anybody's, and has one for all of them. With another than there is now, it
-- refuses what has a point.
local function decode(text)
  local value = instance.decode(text)
  if value == nil and text:find(".", 1, true) then
    renew()
    value = instance.decode(text)
  end
  return value
end

--- Decodes an answer.
-- @tparam string text
-- @tparam ?integer most as `most` above, which is the default
-- @treturn ?table nil where it is not a JSON object or array
-- @treturn ?string why it was not tried, where it has too many fields
function _M.decode(text, most)
  if text:find("\0", 1, true) then
    return nil -- lua-cjson would stop there and call it the end
  elseif not core.is_utf8(text) then
    return nil -- as JSON must be; lua-cjson does not look
  elseif not core.is_short(text, most or _M.most) then
    return nil, "the answer has more fields than a balance"
  end
  local value = core.in_plain_locale(decode, text)
  return type(value) == "table" and normalise(value) and value or nil
end

core.in_plain_locale(renew)

return _M

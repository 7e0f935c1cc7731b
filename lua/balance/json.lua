-- SPDX-License-Identifier: MIT
--- Decodes answers strictly, with an instance of lua-cjson of its own, so that
-- the caller's settings of cjson do not matter and are not changed.
-- @module balance.json

local core = require "balance.core"
local safe = core.in_plain_locale(require, "cjson.safe")

local _M = {}

local max_depth = 16

-- Commas and colons outside of strings. That limits what decoding costs: in
-- Lua 5.1, many strings can be chosen so that each is slow to intern.
local max_fields = 2048

local instance

local function renew()
  instance = safe.new()
  instance.decode_invalid_numbers(false)
  instance.decode_max_depth(max_depth)
end

-- lua-cjson has one decimal point for all instances, and takes it from the
-- locale whenever any program part makes one. If it is not the current
-- locale's, it refuses every number with a point.
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
-- @treturn ?table nil where it is not a JSON object or array
-- @treturn ?string then, where it has too many fields, a message
function _M.decode(text)
  local size = core.json_size(text)
  if not size then
    return nil -- lua-cjson takes a zero byte for the end, and any bytes for text
  elseif size > max_fields then
    return nil, "the answer has more fields than a balance"
  end
  local value = core.in_plain_locale(decode, text)
  -- lua-cjson has null as a value, and 2.1.0 no integers
  return type(value) == "table" and core.normalise(value) and value or nil
end

core.in_plain_locale(renew)

return _M

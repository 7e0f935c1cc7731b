-- SPDX-License-Identifier: MIT
--- What the cache keeps, as JSON: the last `result` with the time of its fetch
-- (`at`), and an auth `failure` with the time of its (`failed_at`), Unix
-- seconds.
-- @module balance.record

local failure = require "balance.failure"
local json = require "balance.json"
local safe = require "cjson.safe"

local _M = {}

local version = 1

-- An answer is twice in it, once as `raw`, and there is more.
local most = 3 * json.most

local encoder = safe.new()
local huge = math.huge

-- lua-cjson 2.1.0 writes 14 digits, and a decimal comma in some locales. So
-- the other numbers are strings with a mark, and strings that begin with it
-- have another.
local mark = "#"

local function pack_number(number)
  if number % 1 == 0 and math.abs(number) < 1e14 or number ~= number
    or number == huge or number == -huge then -- cjson refuses the last three
    return number
  end
  local is_integer = math.type and math.type(number) == "integer"
  local text = (is_integer and "%d" or "%.17g"):format(number)
  return mark .. text:gsub("[^%d%-+e]+", ".")
end

local function unpack_string(text)
  if text:sub(1, 1) ~= mark then
    return text
  end
  text = text:sub(2)
  if text:sub(1, 1) == mark then
    return text
  elseif text:find("^%-?%d+$") then
    return tonumber(text)
  end
  local list = json.decode("[" .. text .. "]")
  return list and list[1]
end

local function has_secret(text, secrets)
  for _, secret in ipairs(secrets) do
    if secret ~= "" and text:find(secret, 1, true) then
      return true
    end
  end
end

-- A copy of what can be written; raises where a secret is in it.
local function pack(value, secrets)
  local kind = type(value)
  if kind == "number" then
    return pack_number(value)
  elseif kind == "string" then
    if has_secret(value, secrets) then
      error("a secret is in it", 0)
    end
    return value:sub(1, 1) == mark and mark .. value or value
  elseif kind ~= "table" then
    return value
  end
  local copy = {}
  for key, item in pairs(value) do
    local name = type(key) == "string" and pack(key, secrets) or key
    copy[name] = pack(item, secrets)
  end
  return copy
end

local function unpack_value(value)
  if type(value) == "string" then
    return unpack_string(value)
  elseif type(value) ~= "table" then
    return value
  end
  local copy = {}
  for key, item in pairs(value) do
    copy[unpack_value(key)] = unpack_value(item)
  end
  return copy
end

--- Writes a record.
-- @tparam table record
-- @tparam string key that it is kept under
-- @tparam {string,...} secrets that it must not hold
-- @treturn ?string
-- @treturn ?string where the first is nil, why
function _M.encode(record, key, secrets)
  record.version, record.key = version, key
  local ok, packed = pcall(pack, record, secrets)
  if not ok then
    return nil, packed
  end
  return encoder.encode(packed)
end

local function is_failure(value)
  return type(value) == "table" and failure.kinds[value.kind] ~= nil
    and type(value.provider) == "string" and type(value.message) == "string"
end

local function is_record(value, key)
  if type(value) ~= "table" or value.version ~= version
    or value.key ~= key then
    return false
  end
  local has_result = type(value.result) == "table"
    and type(value.at) == "number"
  local has_failure = is_failure(value.failure)
    and type(value.failed_at) == "number"
  return (has_result or value.result == nil)
    and (has_failure or value.failure == nil)
    and (has_result or has_failure)
end

--- Reads a record. It names its key: a connection to a store that two have
-- used at once may give one of them what the other asked for.
-- @tparam string text
-- @tparam string key
-- @treturn ?table nil where it is none, or another's
function _M.decode(text, key)
  local ok, record = pcall(function()
    return unpack_value(json.decode(text, most))
  end)
  return ok and is_record(record, key) and record or nil
end

return _M

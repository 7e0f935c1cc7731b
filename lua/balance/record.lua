-- SPDX-License-Identifier: MIT
--- What the cache keeps, as JSON: the last `result` with the time of its fetch
-- (`at`), and an auth `failure` with the time of its (`failed_at`), Unix
-- seconds. Others may write to a store: what is read is checked like an answer.
-- @module balance.record

local core = require "balance.core"
local failure = require "balance.failure"
local json = require "balance.json"
local safe = require "cjson.safe"
local text = require "balance.text"

local _M = {}

local version = 1
-- An answer is twice in it, once as `raw`, and there is more.
local most = 3 * json.most
local max_size = 4 * 1024 * 1024 -- bytes; an answer has 1 MiB

local encoder = core.in_plain_locale(safe.new)
local huge = math.huge

-- Writing ------------------------------------------------------------------------

-- lua-cjson 2.1.0 writes 14 digits, and a decimal comma in some locales. So
-- the other numbers are strings with a mark, and strings that begin with it
-- have another.
local mark = "#"

local function pack_number(number)
  if number % 1 == 0 and math.abs(number) < 1e14 or number ~= number
    or number == huge or number == -huge then -- cjson refuses the last three
    return number
  end
  return mark .. text.of_number(number)
end

local function refuse_secret(value, secrets)
  if core.has_secret(value, secrets) then
    error("a secret is in it", 0)
  end
end

-- A copy of what can be written; raises where a secret is in it.
local function pack(value, secrets)
  local kind = type(value)
  if kind == "number" then
    refuse_secret(text.of_number(value), secrets)
    return pack_number(value)
  elseif kind == "string" then
    refuse_secret(value, secrets)
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

-- Reading ------------------------------------------------------------------------

local longest_number = 32 -- digits and what else there is in one

local function unpack_number(digits)
  local list = #digits <= longest_number and not digits:find "[^0-9.eE+-]"
    and json.decode("[" .. digits .. "]")
  if not list or #list ~= 1 then
    error("that is no number", 0)
  end
  return digits:find "[.eE]" and list[1] or tonumber(digits) -- to its last digit
end

local function unpack_string(value)
  if value:sub(1, 1) ~= mark then
    return value
  elseif value:sub(2, 2) == mark then
    return value:sub(2)
  end
  return unpack_number(value:sub(2))
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

local function is_text(value)
  return type(value) == "string"
end

local function is_boolean(value)
  return type(value) == "boolean"
end

local function is_table(value)
  return type(value) == "table"
end

local function within(least, greatest)
  return function(value)
    return type(value) == "number" and value >= least and value <= greatest
  end
end

local function whole(least, greatest)
  local is_within = within(least, greatest)
  return function(value)
    return is_within(value) and value % 1 == 0
  end
end

local is_finite = within(-1.7976931348623157e308, 1.7976931348623157e308)
local is_time = within(0, 253402300799) -- as far as the year 9999
local is_count = whole(0, 1e6)

local function is_code(value)
  return is_text(value) or is_finite(value)
end

local function is_list_of_texts(value)
  if not is_table(value) then
    return false
  end
  local count = 0
  for _, item in pairs(value) do
    count = count + (is_text(item) and 1 or math.huge)
  end
  return count == #value
end

local function is_timing(value)
  if not is_table(value) then
    return false
  end
  for name, seconds in pairs(value) do
    if not is_text(name) or not is_finite(seconds) then
      return false
    end
  end
  return true
end

-- Whether the fields of a table are what they should be, where they are there.
local function has_right_fields(value, checks)
  for name, check in pairs(checks) do
    if value[name] ~= nil and not check(value[name]) then
      return false
    end
  end
  return true
end

local in_failure = {
  message = is_text, code = is_code, request_id = is_text, hint = is_text,
  status = whole(100, 599), retryable = is_boolean,
  retry_after = within(0, 86400), attempts = is_count,
}

-- Only these fields, as a failure of an answer has them.
local function read_failure(value, provider, secrets)
  if not is_table(value) or value.provider ~= provider or value.kind ~= "auth"
    or not has_right_fields(value, in_failure) then
    return nil
  end
  local read = { provider = provider, kind = "auth" }
  for name in pairs(in_failure) do
    read[name] = value[name]
  end
  failure.clean_fields(read, secrets)
  read.message = read.message or "no message"
  return failure.new(read)
end

local in_result = {
  available = is_finite, available_from = is_text, unit = is_text,
  request_id = is_text, fetched_at = is_time, raw = is_table,
  attempts = is_count, timing = is_timing, clock_offset = is_finite,
  unexpected = is_list_of_texts,
}

local required = { "available", "available_from", "unit", "fetched_at" }

-- What `balance.cache` says of a result itself.
local of_cache = { "cached", "age", "stale", "refresh_error" }

local function read_result(value, provider)
  if not is_table(value) or value.provider ~= provider
    or not has_right_fields(value, in_result) then
    return nil
  end
  for _, name in ipairs(required) do
    if value[name] == nil then
      return nil
    end
  end
  for _, name in ipairs(of_cache) do
    value[name] = nil
  end
  return value
end

local function read_record(value, key, provider, secrets)
  if not is_table(value) or value.version ~= version or value.key ~= key then
    return nil
  end
  local record = { at = value.at, failed_at = value.failed_at }
  if value.result ~= nil then
    record.result = is_time(value.at) and read_result(value.result, provider)
    if not record.result then
      return nil
    end
  end
  if value.failure ~= nil then
    record.failure = is_time(value.failed_at)
      and read_failure(value.failure, provider, secrets)
    if not record.failure then
      return nil
    end
  end
  return (record.result or record.failure) and record or nil
end

--- Reads a record. It names its key: a connection to a store that two have
-- used at once may give one of them what the other asked for.
-- @tparam string record
-- @tparam string key
-- @tparam string provider whose answer it must be
-- @tparam {string,...} secrets that no failure may show
-- @treturn ?table nil where it is none, or another's
function _M.decode(record, key, provider, secrets)
  if #record > max_size then
    return nil
  end
  local ok, value = pcall(function()
    return unpack_value(json.decode(record, most))
  end)
  return ok and read_record(value, key, provider, secrets) or nil
end

--- Writes a record, unless it could not be read again.
-- @tparam table record
-- @tparam string key that it is kept under
-- @tparam string provider
-- @tparam {string,...} secrets that it must not hold
-- @treturn ?string
-- @treturn ?string where the first is nil, why
function _M.encode(record, key, provider, secrets)
  record.version, record.key = version, key
  local ok, packed = pcall(pack, record, secrets)
  if not ok then
    return nil, packed
  end
  local written, problem = encoder.encode(packed)
  if not written then
    return nil, problem
  elseif not _M.decode(written, key, provider, secrets) then
    return nil, "it could not be read again"
  end
  return written
end

return _M

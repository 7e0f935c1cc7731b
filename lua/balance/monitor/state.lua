-- SPDX-License-Identifier: MIT
--- What a monitor knows of an account, as text in a store.
--
-- The text is a JSON object. Numbers are decimals in strings there, so that
-- they are exact, and a history is one string. Others may write to a store:
-- what is read is checked.
-- @module balance.monitor.state

local clean = require("balance.failure").clean
local core = require "balance.core"
local histories = require "balance.monitor.history"
local json = require "balance.json"
local numbers = require "balance.monitor.number"
local safe = require "cjson.safe"

local _M = {}

local format = "balance monitor 1" -- the number is the format's
local max_text = 128 * 1024 -- bytes; a history of 768 has 64 KiB at most
local max_time = 253402300799 -- the end of the year 9999

local encoder = core.in_plain_locale(safe.new)

--- The state of an account that was never asked.
-- @treturn table `revision`: how often it was written; `asked_at`: when;
-- `answer`: of the last one; `is_up`; `failure`, `failed_at`; `silent_since`:
-- since when there is no answer; `failures`: how many, by kind; `history`;
-- `alarms`; `undelivered`: events, by alarm
function _M.new()
  return {
    revision = 0, failures = {}, history = {}, alarms = {}, undelivered = {},
    is_up = false,
  }
end

-- A value with its numbers as strings: "#1.5", and "$" before a text. A text
-- that is not UTF-8 could not be read again.
local function pack(value)
  local kind = type(value)
  if kind == "number" then
    return "#" .. numbers.write(value)
  elseif kind == "string" then
    return "$" .. (value:find "[^\32-\126]" and clean(value, {}) or value)
  elseif kind == "table" then
    local packed = {}
    for name, item in pairs(value) do
      packed[name] = pack(item)
    end
    return packed
  end
  return value
end

local function unpack(value)
  if type(value) == "string" then
    local sign, rest = value:match "^([#$])(.*)$"
    return sign == "$" and rest or sign == "#" and numbers.read(rest) or nil
  elseif type(value) == "table" then
    local unpacked = {}
    for name, item in pairs(value) do
      unpacked[name] = unpack(item)
    end
    return unpacked
  end
  return value
end

--- A state as text.
-- @tparam table state
-- @treturn ?string nil where it is too large
-- @treturn ?string then, why
function _M.encode(state)
  local plain = core.copy(state)
  plain.history = nil
  local packed = pack(plain)
  packed.format, packed.history = format, histories.encode(state.history)
  local text, problem = encoder.encode(packed) -- no number is in it
  if text and #text > max_text then
    return nil, "it is larger than " .. max_text .. " bytes"
  end
  return text, problem
end

-- The fields of a state, by their types; a question mark is for those that may
-- be missing.
local fields = {
  revision = "number", asked_at = "number?", answer = "table?",
  is_up = "boolean", failure = "table?", failed_at = "number?",
  silent_since = "number?", failures = "table", history = "table",
  alarms = "table", undelivered = "table",
}

local fields_of_answer = {
  provider = "string", unit = "string", available = "number",
  available_from = "string", currency = "string?", fetched_at = "number",
  duration = "number?", fields = "table",
}

local fields_of_failure = {
  provider = "string", kind = "string", message = "string", hint = "string?",
  status = "number?", retryable = "boolean?",
}

local fields_of_alarm = {
  state = "string", since = "number", rounds = "number", told = "number?",
}

local fields_of_event = {
  alarm = "string", event = "string", at = "number", since = "number",
  tried_at = "number?", message = "string?", threshold = "number?",
}

local function has(value, schema)
  if type(value) ~= "table" then
    return false
  end
  for name, kind in pairs(schema) do
    local wanted, optional = kind:match "^(%l+)(%??)$"
    if type(value[name]) ~= wanted
      and not (optional == "?" and value[name] == nil) then
      return false
    end
  end
  for name, item in pairs(value) do
    if type(item) == "number" and tostring(name):find "_at$"
      and (item < 0 or item > max_time) then
      return false
    end
  end
  return true
end

local function all_have(list, schema)
  for _, each in pairs(list) do
    if not has(each, schema) then
      return false
    end
  end
  return true
end

local function is_state(state)
  if not has(state, fields) or state.answer
    and not has(state.answer, fields_of_answer)
    or state.failure and not has(state.failure, fields_of_failure)
    or not all_have(state.alarms, fields_of_alarm)
    or not all_have(state.undelivered, fields_of_event) then
    return false
  end
  for kind, count in pairs(state.failures) do
    if type(kind) ~= "string" or type(count) ~= "number" then
      return false
    end
  end
  return true
end

--- Reads what `encode` has written.
-- @tparam string text
-- @treturn ?table nil where it is anything else
function _M.decode(text)
  local packed = type(text) == "string" and #text <= max_text
    and json.decode(text)
  if not packed or packed.format ~= format
    or type(packed.history) ~= "string" then
    return nil
  end
  local history = histories.decode(packed.history)
  packed.history, packed.format = nil, nil
  local state = unpack(packed)
  state.history = history
  return is_state(state) and state or nil
end

return _M

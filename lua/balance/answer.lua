-- SPDX-License-Identifier: MIT
--- Reads an answer: JSON is decoded, its provider reads that, and it becomes
-- a result, or the fields of a failure. Here is also what providers share in
-- their `read()`.
-- @module balance.answer

local core = require "balance.core"
local json = require "balance.json"
local mistake = require "balance.mistake"
local refusals = require "balance.refusal"
local text = require "balance.text"

local _M = {}

local max_number = 32 -- characters
local to_integer = math.tointeger -- nil before Lua 5.3

--- An amount: a finite number, or a string with a plain decimal number.
-- @param value
-- @treturn ?number nil where it is neither, or not finite
function _M.number(value)
  local kind = type(value)
  if kind == "string" and #value <= max_number then
    if to_integer and value:find "^%-?[1-9]%d*$" then
      value = tonumber(value) -- exactly, beyond 2^53 too
    elseif value:find "^%-?%d+$" or value:find "^%-?%d+%.%d+$" then
      local list = json.decode("[" .. value .. "]") -- as in every locale
      value = list and list[1]
    end
    kind = type(value)
  end
  if kind ~= "number" or value - value ~= 0 then
    return nil
  end
  return to_integer and to_integer(value) or value
end

--- Checks the field that a balance is read from.
-- @param data what should be a table with it
-- @tparam string path where that stands in the answer
-- @tparam string name
-- @treturn ?table a failure that names it; nil: all is well
function _M.needs(data, path, name)
  local expected, value = "table", data
  if type(data) == "table" then
    path, expected, value = path .. "." .. name, "number", data[name]
    if _M.number(value) then
      return nil
    end
  end
  local got = value == nil and "it is missing" or "it is a " .. type(value)
  return {
    kind = "decode",
    message = ("the field %s should be a %s, but %s"):format(path, expected,
      got),
  }
end

--- Reads a list of fields as a document has them: "credits number", and with
-- a question mark, "used_credits number?", one that may be missing.
-- @tparam {string,...} lines
-- @treturn table for `compare`
function _M.fields(lines)
  local fields = {}
  for i, line in ipairs(lines) do
    local name, kind, optional = line:match("^(%S+) (%l+)(%??)$")
    fields[i] = { name = name, type = kind, optional = optional == "?" }
  end
  return fields
end

local max_names = 32

-- Returns the list, a new one where there was none.
local function add(names, name)
  names = names or {}
  if #names < max_names then
    names[#names + 1] = name
  end
  return names
end

--- Finds the fields that are not what the document says.
-- @tparam ?{string,...} names those found so far
-- @tparam table data
-- @tparam table fields from `fields`
-- @tparam ?string prefix goes before the names
-- @treturn ?{string,...} with the names of these; nil where there is none
function _M.compare(names, data, fields, prefix)
  for i = 1, #fields do
    local field = fields[i]
    local value = data[field.name]
    if type(value) ~= field.type and not (value == nil and field.optional) then
      names = add(names, (prefix or "") .. field.name)
    end
  end
  return names
end

--- The same for a list whose every entry has the same fields.
-- @tparam ?{string,...} names as of `compare`
-- @param list what should be a list; nil: there is none
-- @tparam string name
-- @tparam table fields from `fields`
-- @treturn ?{string,...} as of `compare`
function _M.compare_list(names, list, name, fields)
  if list == nil then
    return names
  elseif type(list) ~= "table" or next(list) ~= nil and list[1] == nil then
    return add(names, name)
  end
  local last = 0
  for index in pairs(list) do -- null left holes
    last = math.max(last, type(index) == "number" and index or 0)
  end
  for index = 1, last do
    local place = ("%s[%d]"):format(name, index)
    if type(list[index]) ~= "table" then
      names = add(names, place)
    else
      names = _M.compare(names, list[index], fields, place .. ".")
    end
  end
  return names
end

--- The values that `read()` returns, for an answer with a balance in its
-- `data`.
-- @tparam table body
-- @tparam string name of the field that the balance is read from
-- @tparam table envelope the documented fields of the body, from `fields`
-- @tparam table fields those of its `data`
-- @treturn ?table
-- @treturn ?table the failure, where the first is nil
-- @treturn ?{string,...} names of the fields that are not as documented
function _M.balance(body, name, envelope, fields)
  local data, request_id = body.data, body.request_id
  if type(data) ~= "table" or type(data[name]) ~= "number" then
    local failure = _M.needs(data, "data", name)
    if failure then
      failure.request_id = request_id
      return nil, failure
    end
  end
  local result = core.copy(data)
  result.available, result.unit = nil, nil -- the service's are in `raw`
  result.available_from, result.request_id = name, request_id
  return result, nil,
    _M.compare(_M.compare(nil, body, envelope), data, fields)
end

-- Results -----------------------------------------------------------------------

--- The fields of a result that are ours, as a set. Where a service sends one of
-- that name, it is in `raw`.
local is_ours = {}
_M.is_ours = is_ours
for _, name in ipairs { "provider", "unit", "available", "fetched_at", "raw",
  "attempts", "timing", "unexpected", "clock_offset", "cached", "age", "stale",
  "refresh_error" } do
  is_ours[name] = true
end

-- The names of what is not as documented, each once, sorted; nil where all is.
-- `from`: the field of the balance, where that is not a number.
local function unexpected_in(names, from)
  local is_named = {}
  for _, name in ipairs(names or {}) do
    is_named[name] = true
  end
  if from then
    is_named[from] = true
  end
  local list = text.sorted(is_named)
  for i = max_names + 1, #list do
    list[i] = nil
  end
  return list[1] and list or nil
end

-- `fields` may be the body itself, or a part of it. There is room for what the
-- call adds, for to grow costs more than to be large.
local function new_result(provider, fields, available, unexpected, body)
  local result = {
    provider = provider.name, unit = fields.unit or provider.unit,
    available = available, raw = body, fetched_at = nil, timing = nil,
    attempts = nil, unexpected = nil, available_from = nil,
  }
  local from = fields.available_from
  local is_text = type(fields[from]) == "string" -- a decimal number
  if unexpected or is_text then
    result.unexpected = unexpected_in(unexpected, is_text and from or nil)
  end
  for name, value in next, fields do
    if not is_ours[name] then
      result[name] = value
    end
  end
  if type(result.request_id) ~= "string" then
    result.request_id = nil -- it is in `raw`
  end
  return result
end

-- What a provider's read() returned ---------------------------------------------

local max_unit = 32 -- bytes

-- The words for a mistake in the table of a result; nil where there is none.
local function mistake_in(fields, unexpected)
  local from, unit = fields.available_from, fields.unit
  if type(from) ~= "string" or from == "" then
    return "returned no 'available_from', a field's name or words"
  elseif unit ~= nil and (type(unit) ~= "string" or unit == ""
    or #unit > max_unit or not core.is_text(unit)) then
    return ("returned a 'unit' that is no text of 1 to %d bytes"):format(
      max_unit)
  elseif unexpected == nil then
    return nil
  elseif type(unexpected) ~= "table" then
    return "returned names for 'unexpected' that are no list"
  end
  for _, name in ipairs(unexpected) do
    if type(name) ~= "string" then
      return "returned a name for 'unexpected' that is no string"
    end
  end
end

-- The same, where the field that `available_from` names is not `available`. In
-- the answer itself both may stand: then that field counts.
local function two_balances_in(fields)
  local from, available = fields.available_from, fields.available
  if available ~= nil and fields[from] ~= nil
    and _M.number(available) ~= _M.number(fields[from]) then
    return ("returned 'available' and another '%s': let 'available_from' say"
      .. " in words how it was computed"):format(from)
  end
end

-- A result; or nil and the fields of a failure.
local function accept(provider, fields, unexpected, body)
  if type(fields) ~= "table" then
    return nil, mistake.of("read", "returned a " .. type(fields)
      .. ", not a table")
  end
  local words = mistake_in(fields, unexpected)
    or fields ~= body and two_balances_in(fields)
  if words then
    return nil, mistake.of("read", words)
  end
  local available = fields[fields.available_from]
  if available == nil then
    available = fields.available -- computed
  end
  available = _M.number(available)
  if not available then
    return nil, { kind = "decode", message = "the balance is not a number" }
  end
  return new_result(provider, fields, available, unexpected, body)
end

-- Asks the provider. Returns a result, or nil and the fields of a failure.
local function ask(provider, status, body, headers, text_of_body)
  local fields, refused, unexpected =
    provider.read(status, body, headers, text_of_body)
  if fields then
    return accept(provider, fields, unexpected, body)
  end
  return nil, refusals.read(refused, status, body)
end

-- Where the headers come from, by the table of them, while a provider reads it.
local sources = setmetatable({}, { __mode = "k" })

-- The headers for a provider's read(), by name in any case. Those that it looks
-- at are in the table, by name in small letters.
local headers_metatable = { __index = function(headers, name)
  local key = type(name) == "string" and text.lower(name) or nil
  local source = sources[headers]
  local value = key and source
    and (rawget(headers, key) or source:header(key))
  if value then
    rawset(headers, key, value)
  end
  return value
end }

--- Reads an answer. It depends on nothing but the arguments.
-- @tparam table provider
-- @tparam integer status of HTTP
-- @tparam string body
-- @tparam ?table|userdata source of its headers, with the method `header` of a
-- transfer
-- @treturn ?table the result, but for what its call adds
-- @treturn ?table where the first is nil, the fields of a failure
-- @treturn ?table then, what was decoded; nil: it was not JSON
-- @treturn table the headers that the provider has looked at
function _M.read(provider, status, body, source)
  local decoded, excess = json.decode(body)
  local headers = setmetatable({}, headers_metatable)
  sources[headers] = source
  local ok, result, refused =
    pcall(ask, provider, status, decoded, headers, body)
  setmetatable(headers, nil) -- nothing more can be found soon
  sources[headers] = nil
  if not ok then
    refused = mistake.raised("read", result)
  elseif result then
    return result, nil, nil, headers
  end
  refused.status = status
  if excess and refused.kind == "decode" then
    refused.kind, refused.message = "too_large", excess
  end
  return nil, refused, decoded, headers
end

return _M

-- SPDX-License-Identifier: MIT
--- What the providers share when they read an answer.
-- @module balance.answer

local json = require "balance.json"

local _M = {}

--- Whether a request that got this HTTP status may be asked again.
-- @tparam integer status
-- @treturn boolean
function _M.is_retryable(status)
  if status >= 500 and status <= 599 then
    return status ~= 501 and status ~= 505
  end
  return status == 408 or status == 425 or status == 429
end

-- Where somebody else than the service puts what there is to say: the first
-- of these that has text. 1 is the first entry of a list.
local places = { "message", "Message", "msg", "detail", "error_description",
  "error", "Error", "errors", "title", 1 }
local deepest = 4 -- { errors = { { message = "" } } }

local function find_words(value, depth)
  if type(value) == "string" then
    return value:find "[^%z\1-\32\127]" and value or nil
  elseif type(value) ~= "table" or depth == 0 then
    return nil
  end
  for _, place in ipairs(places) do
    local words = find_words(value[place], depth - 1)
    if words then
      return words
    end
  end
end

--- The words of an answer for a person, as they came.
-- @param body what was decoded, or a part of it
-- @treturn ?string
function _M.words(body)
  return type(body) == "table" and find_words(body, deepest) or nil
end

local kinds = { [401] = "auth", [403] = "auth", [429] = "rate_limit" }

--- The failure of an answer in which the service itself says no. A code that
-- the provider knows decides; with another one the status does.
-- @tparam integer status
-- @tparam ?table known the `kind` of the code, and whether it is `retryable`;
-- nil: nobody knows it
-- @tparam table refused `code`, `message`, `request_id`
-- @treturn table
function _M.refused(status, known, refused)
  known = known
    or { kind = kinds[status] or "api", retryable = _M.is_retryable(status) }
  refused.kind, refused.retryable = known.kind, known.retryable
  return refused
end

--- The failure of an answer that is not the service's own: a gateway's or a
-- proxy's page, or the right status with the wrong body. Only one in JSON may
-- say something about the key.
-- @tparam integer status
-- @tparam ?table body what was decoded, for its words; nil: it was not JSON
-- @treturn table
function _M.not_the_services(status, body)
  local words = _M.words(body)
  if status == 200 then
    return {
      kind = "decode",
      message = "the answer is not the JSON that the document promises"
        .. (words and ": " .. words or ""),
    }
  end
  local kind = "http"
  if status == 429 or status == 401 and body then
    kind = kinds[status]
  end
  return {
    kind = kind,
    message = words or "HTTP status " .. status
      .. " without a readable answer",
    retryable = _M.is_retryable(status),
    hint = body and kind == "http" and "the service documents no such answer,"
      .. " it may be of a gateway in between" or nil,
  }
end

local longest_number = 32 -- characters

--- What may be taken for an amount: a number, and a string that is a plain
-- decimal one.
-- @param value
-- @treturn ?number nil where it is neither, or not finite
function _M.number(value)
  if type(value) == "string" and #value <= longest_number
    and (value:find "^%-?%d+$" or value:find "^%-?%d+%.%d+$") then
    local list = json.decode("[" .. value .. "]") -- as in every locale
    value = list and list[1]
  end
  return type(value) == "number" and value - value == 0 and value or nil
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

local most_names = 32

local function add(names, name)
  if #names < most_names then
    names[#names + 1] = name
  end
end

--- Finds the fields that are not what the document says.
-- @tparam {string,...} names theirs are added, as far as there is room
-- @tparam table data
-- @tparam table fields from `fields`
-- @tparam ?string prefix goes before the names
function _M.compare(names, data, fields, prefix)
  for _, field in ipairs(fields) do
    local value = data[field.name]
    if type(value) ~= field.type and not (value == nil and field.optional) then
      add(names, (prefix or "") .. field.name)
    end
  end
end

--- The same for a list whose every entry has the same fields.
-- @tparam {string,...} names as of `compare`
-- @param list what should be a list; nil: there is none
-- @tparam string name
-- @tparam table fields from `fields`
function _M.compare_list(names, list, name, fields)
  if list == nil then
    return
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
      add(names, place)
    else
      _M.compare(names, list[index], fields, place .. ".")
    end
  end
end

return _M

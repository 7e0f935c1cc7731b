-- SPDX-License-Identifier: MIT
--- What the providers share when they read an answer.
-- @module balance.answer

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

--- The failure of an answer that is not the service's own: a gateway's or a
-- proxy's page, or the right status with the wrong body.
-- @tparam integer status
-- @treturn table
function _M.not_the_services(status)
  if status == 200 then
    return {
      kind = "decode",
      message = "the answer is not the JSON that the document promises",
    }
  end
  local kind = "http"
  if status == 401 or status == 403 then
    kind = "auth"
  elseif status == 429 then
    kind = "rate_limit"
  end
  return {
    kind = kind,
    message = "HTTP status " .. status .. " without a readable answer",
    retryable = _M.is_retryable(status),
  }
end

local function wrong(field, expected, value)
  local got = value == nil and "it is missing" or "it is a " .. type(value)
  return {
    kind = "decode",
    message = ("the field %s should be a %s, but %s"):format(
      field, expected, got),
  }
end

--- Reads a list of fields as a document has them: "credits number", and with
-- a question mark, "used_credits number?", one that may be missing.
-- @tparam {string,...} lines
-- @treturn table for `check`
function _M.fields(lines)
  local fields = {}
  for i, line in ipairs(lines) do
    local name, kind, optional = line:match("^(%S+) (%l+)(%??)$")
    fields[i] = { name = name, type = kind, optional = optional == "?" }
  end
  return fields
end

--- Checks a part of an answer against its document.
-- @param data what should be a table
-- @tparam ?string path where it stands in the answer; nil: it is the answer
-- @tparam table fields from `fields`
-- @treturn ?table a failure that names the field; nil: all is well
function _M.check(data, path, fields)
  if type(data) ~= "table" then
    return wrong(path, "table", data)
  end
  for _, field in ipairs(fields) do
    local value = data[field.name]
    if type(value) ~= field.type and not (value == nil and field.optional) then
      local place = path and path .. "." .. field.name or field.name
      return wrong(place, field.type, value)
    end
  end
end

--- Checks a list whose every entry has the same fields.
-- @param list what should be a list
-- @tparam string path
-- @tparam table fields from `fields`
-- @treturn ?table a failure, as of `check`
function _M.check_list(list, path, fields)
  if type(list) ~= "table" or next(list) ~= nil and list[1] == nil then
    return wrong(path, "list", list)
  end
  local count = 0
  for _ in pairs(list) do -- null left holes
    count = count + 1
  end
  for i = 1, count do
    local failure = _M.check(list[i], ("%s[%d]"):format(path, i), fields)
    if failure then
      return failure
    end
  end
end

return _M

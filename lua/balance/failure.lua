-- SPDX-License-Identifier: MIT
--- The error value: what a call that went wrong returns beside nil.
-- @module balance.failure

local core = require "balance.core"
local text = require "balance.text"

local _M = {}

--- Every kind, and whether such a failure is retryable unless the provider
-- says otherwise.
_M.kinds = {
  config = false, -- no key given, or an option with a bad value
  dns = true, -- the host's name could not be resolved
  connect = true, -- no connection, or a proxy that refused it
  tls = false, -- no handshake, or a certificate that cannot be trusted
  timeout = true, -- no complete answer in time
  network = true, -- reset, truncated, or not HTTP
  auth = false, -- the service refused the key
  rate_limit = true, -- too many requests
  api = false, -- the service refused the request
  http = false, -- a status without an answer that can be read
  decode = false, -- not the JSON that is documented
  too_large = false, -- more bytes than an answer should have
  phase = false, -- a phase of nginx that cannot wait
  closed = false, -- cancelled
  resource = true, -- no descriptor, memory, thread or port is left here
}

-- A whole number exactly, any other one as Lua shows it, whatever the locale.
local function of_number(number)
  if number % 1 > 0 then
    return (("%.14g"):format(number):gsub("[^0-9e+-]+", "."))
  end
  return text.of_number(number)
end

--- Text of a service, fit for a log: UTF-8 of limited length, with spaces for
-- control characters and asterisks for the secrets, pieces of them and
-- whatever looks like a signature.
-- @param value of any type
-- @tparam {string|userdata,...} secrets of the call; a transfer stands for the
-- signature of its request
-- @treturn ?string nil for blanks alone, and for neither a string nor a number
function _M.clean(value, secrets)
  if type(value) == "number" then
    value = of_number(value)
  elseif type(value) ~= "string" then
    return nil
  end
  value = core.clean(value, secrets)
  return value ~= "" and value or nil
end

local max_code = 2 ^ 31 - 1

-- A code is a whole number that an int of C can hold, or text.
local function code_of(code, secrets)
  if type(code) == "number" then
    local is_code = code % 1 == 0 and math.abs(code) <= max_code
      and not core.has_secret(text.of_number(code), secrets)
    return is_code and code or nil
  end
  return _M.clean(code, secrets)
end

--- Cleans the fields of a failure that come from a service.
-- @tparam table fields `message`, `code`, `request_id`, `hint`; each may be
-- nil
-- @tparam {string|userdata,...} secrets as of `clean`
function _M.clean_fields(fields, secrets)
  fields.message = _M.clean(fields.message, secrets)
  fields.request_id = _M.clean(fields.request_id, secrets)
  fields.code = code_of(fields.code, secrets)
  fields.hint = _M.clean(fields.hint, secrets) -- it may quote the service
end

-- Any value: the caller may have changed the field.
local function show(value)
  local kind = type(value)
  if kind == "string" or kind == "number" then
    return tostring(value)
  end
  return "a " .. kind
end

local metatable = { __name = "balance.failure" }

--- One line for a log.
function metatable.__tostring(failure)
  local about = {}
  if failure.code then
    about[#about + 1] = "code " .. show(failure.code)
  end
  if failure.status then
    about[#about + 1] = "HTTP " .. show(failure.status)
  end
  if failure.request_id then
    about[#about + 1] = "request " .. show(failure.request_id)
  end
  local line = ("%s: %s: %s"):format(show(failure.provider),
    show(failure.kind), show(failure.message))
  if #about > 0 then
    line = line .. " (" .. table.concat(about, ", ") .. ")"
  end
  if failure.hint then
    line = line .. "; " .. show(failure.hint)
  end
  return line
end

--- Makes a failure of its fields.
-- @tparam table fields `provider`, `kind` and `message` at least
-- @treturn balance.Failure the same table
function _M.new(fields)
  local retryable = _M.kinds[fields.kind]
  assert(retryable ~= nil, fields.kind)
  if fields.retryable == nil then
    fields.retryable = retryable
  end
  return setmetatable(fields, metatable)
end

--- Makes the failure of a call: what it says of others is cleaned.
-- @tparam string provider its name
-- @tparam table fields `kind`, and what else is known
-- @tparam {string|userdata,...} secrets as of `clean`
-- @treturn balance.Failure
function _M.of_call(provider, fields, secrets)
  fields.provider = provider
  _M.clean_fields(fields, secrets)
  fields.message = fields.message or "no message"
  return _M.new(fields)
end

return _M

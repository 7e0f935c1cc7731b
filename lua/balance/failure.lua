-- SPDX-License-Identifier: MIT
--- The error value: what a call that went wrong returns beside nil.
-- @module balance.failure

local core = require "balance.core"
local text = require "balance.text"

local _M = {}

---@alias balance.Kind
---| "config"     # no key given, a bad value of an option
---| "dns"        # the host's name could not be resolved
---| "connect"    # nobody there, or a proxy that refused
---| "tls"        # no handshake, or a certificate that proves nothing
---| "timeout"    # no complete answer in time
---| "network"    # reset, truncated, or not HTTP
---| "auth"       # the service refused the key
---| "rate_limit" # too many requests
---| "api"        # the service said no
---| "http"       # a status with no readable answer
---| "decode"     # not the JSON that the document promises
---| "too_large"  # more bytes than a balance has
---| "phase"      # an nginx phase that cannot wait
---| "closed"     # cancelled
---| "resource"   # no descriptor, memory, thread or port is left here

--- Every kind, and whether asking again can help where nobody knows better.
_M.kinds = {
  config = false,
  dns = true,
  connect = true,
  tls = false,
  timeout = true,
  network = true,
  auth = false,
  rate_limit = true,
  api = false,
  http = false,
  decode = false,
  too_large = false,
  phase = false,
  closed = false,
  resource = true,
}

--- What a failed call returns.
---@class balance.Failure
---@field provider string
---@field kind balance.Kind
---@field message string the service's own, else what went wrong
---@field code? string|integer the service's own, else libcurl's
---@field status? integer of HTTP, where one came
---@field request_id? string where the service sent one
---@field retryable boolean whether asking again can help
---@field retry_after? number seconds, where the service said so
---@field hint? string what to do, where something is known
---@field attempts? integer how many requests were made

-- A whole number exactly, others as Lua shows them, in no locale.
local function of_number(number)
  if number % 1 > 0 then
    return (("%.14g"):format(number):gsub("[^0-9e+-]+", "."))
  end
  return text.of_number(number)
end

--- A stranger's text, fit for a log: control characters are spaces, the
-- caller's secrets, pieces of them and what looks like a signature are
-- asterisks, it is UTF-8, and it ends somewhere. Nothing but space is no text.
-- @param value anything; only strings and numbers come through
-- @tparam {string|userdata,...} secrets with the transfers whose signatures
-- are meant too
-- @treturn ?string
function _M.clean(value, secrets)
  if type(value) == "number" then
    value = of_number(value)
  elseif type(value) ~= "string" then
    return nil
  end
  value = core.clean(value, secrets)
  return value ~= "" and value or nil
end

local largest_code = 2 ^ 31 - 1

-- A code is a whole number that an integer of C can hold, or text.
local function code_of(code, secrets)
  if type(code) == "number" then
    local is_code = code % 1 == 0 and math.abs(code) <= largest_code
      and not core.has_secret(text.of_number(code), secrets)
    return is_code and code or nil
  end
  return _M.clean(code, secrets)
end

--- Cleans what a failure has of a stranger.
-- @tparam table fields `message`, `code`, `request_id`, `hint`; each may be nil
-- @tparam {string|userdata,...} secrets as of `clean`
function _M.clean_fields(fields, secrets)
  fields.message = _M.clean(fields.message, secrets)
  fields.request_id = _M.clean(fields.request_id, secrets)
  fields.code = code_of(fields.code, secrets)
  fields.hint = _M.clean(fields.hint, secrets) -- a provider may quote
end

-- Whatever somebody has put there.
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

--- Makes one of a table with at least `provider`, `kind` and `message`.
-- @tparam table fields
-- @treturn balance.Failure
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

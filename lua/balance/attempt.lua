-- SPDX-License-Identifier: MIT
--- One attempt: a request is sent to one endpoint, and its answer is read.
-- @module balance.attempt

local core = require "balance.core"
local failure = require "balance.failure"
local json = require "balance.json"
local version = require "balance.version"

local user_agent = "balance/" .. version

local _M = {}

--- Seconds of the last attempt, from its start; 0 for what did not happen.
---@class balance.Timing
---@field dns number
---@field connect number
---@field tls number
---@field first_byte number
---@field total number

--- The values of a call that must not leave it.
-- @tparam table provider
-- @tparam table config
-- @treturn {string,...}
function _M.secrets(provider, config)
  local secrets = {}
  for _, credential in ipairs(provider.credentials) do
    local secret = config[credential.name]
    secrets[#secrets + 1] = secret
    -- a service that was given "Bearer KEY" may repeat the key alone
    secrets[#secrets + 1] = secret and secret:match("^%a+%s+(.+)$")
  end
  return secrets
end

--- The one place where a failure gets its last shape: no secret leaves here.
-- @tparam table provider
-- @tparam table config
-- @tparam table fields
-- @treturn balance.Failure
function _M.fail(provider, config, fields)
  local secrets = _M.secrets(provider, config)
  fields.provider = provider.name
  fields.message = failure.clean(fields.message, secrets) or "no message"
  fields.request_id = failure.clean(fields.request_id, secrets)
  if type(fields.code) ~= "number" then
    fields.code = failure.clean(fields.code, secrets)
  end
  return failure.new(fields)
end

local transport = core.transport()

local function start(provider, config, endpoint, limit)
  local request = provider.request(config)
  local transfer, kind, message = transport:start {
    endpoint = endpoint,
    path = request.path,
    body = request.body,
    user_agent = user_agent,
    headers = request.headers,
    authorization = request.authorization,
    scheme = request.scheme,
    tc3 = request.tc3,
    ca_file = config.ca_file,
    ca_path = config.ca_path,
    proxy = config.proxy,
    http2 = config.http2,
    timeout = limit,
    connect_timeout = config.connect_timeout,
  }
  if config.endpoint_variable and kind == "config" then
    message = message:gsub("^endpoint", config.endpoint_variable)
  end
  return transfer, kind, message
end

local longest_wait = 86400 -- seconds; who says more means never

local function seconds_to_wait(header, now)
  if not header then
    return nil
  elseif header:find("^%d+$") then
    return math.min(tonumber(header), longest_wait)
  end
  local date = core.date(header)
  return date and math.max(date - now, 0)
end

-- What the headers of an answer say beside it. Returns the server's clock,
-- seconds ahead of this one's, too.
local function add_headers(provider, config, transfer, refused)
  local now, date = os.time(), transfer:header("date")
  date = date and core.date(date)
  refused.retry_after = seconds_to_wait(transfer:header("retry-after"), now)
  if provider.hint then
    refused.hint = provider.hint(refused, {
      config = config, now = now, date = date,
    })
  end
  return refused, date and date - now
end

-- What is not an encoding, whatever servers say: none, and a character set.
local plain = { identity = true, ["utf-8"] = true }

-- The encoding of a body that was asked for as it is, nil where it is.
local function encoding_of(transfer)
  local encoding = transfer:header("content-encoding")
  return encoding and not plain[encoding:lower()] and encoding or nil
end

local function read(provider, config, transfer, result)
  if result.kind then
    return nil, {
      kind = result.kind,
      code = result.code,
      message = result.message,
      status = result.status,
      hint = result.hint,
    }
  end
  local encoding = encoding_of(transfer)
  local body = not encoding and json.decode(result.body) or nil
  local fields, refused = provider.read(result.status, body)
  if encoding and not fields and refused.kind == "decode" then
    refused.message = "the answer is encoded, which nobody asked for: "
      .. encoding
  end
  local available = fields and fields[fields.available_from]
  if fields and type(available) ~= "number" then
    fields = nil
    refused = { kind = "decode", message = "the balance is not a number" }
  end
  if not fields then
    refused = assert(refused, "a provider's read() returned nothing")
    refused.status = result.status
    return nil, add_headers(provider, config, transfer, refused)
  end
  local answered = core.copy(fields) -- which may be the body itself
  answered.provider = provider.name
  answered.unit = provider.unit
  answered.available = available
  answered.fetched_at = os.time()
  answered.raw = body
  answered.timing = result.timing
  if type(answered.request_id) ~= "string" then
    answered.request_id = nil -- something of the service's own, it is in `raw`
  end
  return answered
end

--- Sends one request and reads its answer.
-- @tparam table provider
-- @tparam table config
-- @tparam string endpoint
-- @tparam number limit seconds
-- @tparam table loop
-- @treturn ?table the result
-- @treturn ?balance.Failure
-- @treturn table what the trace shows of it: `endpoint`, `status`, `timing`,
-- `reused`
-- @treturn ?number seconds by which the server's clock is ahead of this one's
function _M.run(provider, config, endpoint, limit, loop)
  local transfer, kind, message = start(provider, config, endpoint, limit)
  local ok = transfer
  if transfer then
    ok, kind, message = loop.wait(transfer)
  end
  local fields, refused, ahead
  local seen = {}
  if ok then
    seen = transfer:result()
    fields, refused, ahead = read(provider, config, transfer, seen)
  else
    refused = { kind = kind, message = message }
  end
  if transfer then
    seen.endpoint = endpoint -- an origin and nothing else, or it would not do
    transfer:close()
  end
  if fields then
    return fields, nil, seen
  elseif not endpoint:lower():find("^https://") then
    ahead = nil -- nobody vouches for the date
  end
  return nil, _M.fail(provider, config, refused), seen, ahead
end

return _M

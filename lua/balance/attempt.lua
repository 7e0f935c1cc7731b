-- SPDX-License-Identifier: MIT
--- One attempt: a request is sent to one endpoint, and its answer is read.
-- Where a kept connection stays silent, there is a second one.
-- @module balance.attempt

local answer = require "balance.answer"
local core = require "balance.core"
local failure = require "balance.failure"
local hedge = require "balance.hedge"
local json = require "balance.json"
local odd = require "balance.credentials.odd"
local results = require "balance.result"
local text = require "balance.text"
local version = require "balance.version"

local user_agent = "balance/" .. version

local _M = {}

--- Seconds of one request, from its start; 0 for what did not happen.
---@class balance.Timing
---@field dns number
---@field connect number
---@field tls number
---@field first_byte number
---@field total number

--- The values of a call that must not leave it.
-- @tparam table provider
-- @tparam table config with, where its keys took the place of others,
-- `refused`: the secrets of these
-- @treturn {string,...}
function _M.secrets(provider, config)
  local secrets = {}
  for _, credential in ipairs(provider.credentials) do
    local secret = config[credential.name]
    secrets[#secrets + 1] = secret
    -- a service that was given "Bearer KEY" may repeat the key alone
    secrets[#secrets + 1] = secret and secret:match("^[A-Za-z]+[ \t-\r]+(.+)$")
  end
  for _, secret in ipairs(config.refused or {}) do
    secrets[#secrets + 1] = secret
  end
  return secrets
end

--- The one place where a failure gets its last shape: no secret leaves here.
-- @tparam table provider
-- @tparam table config
-- @tparam table fields
-- @tparam ?userdata ... the transfers of its requests, not closed yet: what
-- was made for these does not leave either
-- @treturn balance.Failure
function _M.fail(provider, config, fields, ...)
  local secrets = _M.secrets(provider, config)
  for i = 1, select("#", ...) do
    secrets[#secrets + 1] = (select(i, ...))
  end
  fields.provider = provider.name
  failure.clean_fields(fields, secrets)
  fields.message = fields.message or "no message"
  return failure.new(fields)
end

-- Results with something in them that was made for their request.
local telling = setmetatable({}, { __mode = "k" })

--- Whether a result has in it what was made for its request, which is nobody
-- else's to see.
-- @tparam table result from `run`
-- @treturn boolean
function _M.is_telling(result)
  return telling[result] == true
end

-- Whether one of the strings or names in an answer does: as they were decoded,
-- for JSON can write them in other ways.
local function tells(value, made)
  if type(value) == "string" then
    return core.has_secret(value, made)
  elseif type(value) == "table" then
    for name, item in next, value do
      if tells(name, made) or tells(item, made) then
        return true
      end
    end
  end
  return false
end

local transport = core.transport()

-- `way`: over which connections, see transport:start.
local function start(provider, config, endpoint, limit, way)
  local request = provider.request(config)
  local transfer, kind, message, hint = transport:start {
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
    fresh = way.fresh,
    watch = way.watch,
    rival = way.rival,
  }
  if config.endpoint_variable and kind == "config" then
    message = message:gsub("^endpoint", config.endpoint_variable)
  end
  return transfer, kind, message, hint
end

-- Returns the transfer to read, or nil; both that were started; and where the
-- first is nil, a kind, a message and a hint.
local function ask(provider, config, endpoint, limit, loop, way)
  local first, kind, message, hint =
    start(provider, config, endpoint, limit, way)
  if not first then
    return nil, nil, nil, kind, message, hint
  end
  local done, second
  done, second, kind, message, hint = hedge.wait(first, loop, function()
    return way.ask_again(first, function(its_limit)
      return start(provider, config, endpoint, its_limit,
        { fresh = true, rival = first })
    end)
  end)
  return done, first, second, kind, message, hint
end

local longest_wait = 86400 -- seconds; who says more means never

-- A date is one of the server's clock, which the header Date shows.
local function seconds_to_wait(header, now)
  if not header then
    return nil
  elseif header:find("^%d+$") then
    return math.min(tonumber(header), longest_wait)
  end
  local date = core.date(header)
  return date and math.max(math.min(date - now, longest_wait), 0)
end

-- What an answer that was not JSON comes from, where that shows.
local function gateway_hint(transfer, refused, page)
  local content_type = transfer:header("content-type") or ""
  if transfer:header("cf-mitigated") then
    return "a gateway in between takes this program for a bot;"
      .. " that says nothing about the key"
  elseif refused.kind == "http" or page:find("^[ \t-\r]*<")
    or content_type:find("^[Tt][Ee][Xx][Tt]/[Hh][Tt][Mm][Ll]") then
    return "a gateway in between answered, not the service;"
      .. " that says nothing about the key"
  end
end

-- What the headers of an answer say beside it. Returns the server's clock,
-- seconds ahead of this one's, too.
local function add_headers(provider, config, transfer, refused, page)
  local now, date = os.time(), transfer:header("date")
  date = date and core.date(date)
  refused.retry_after = seconds_to_wait(transfer:header("retry-after"),
    date or now)
  local hint = refused.kind == "auth"
    and odd.hint(provider.credentials, config) or nil
  if provider.hint and not hint then
    hint = provider.hint(refused, { config = config, now = now, date = date })
  end
  if not hint and page then
    hint = gateway_hint(transfer, refused, page)
  end
  refused.hint = hint or refused.hint
  return refused, date and date - now
end

-- What is not an encoding, whatever servers say: none, and a character set.
local plain = { identity = true, ["utf-8"] = true }

-- The encoding of a body that was asked for as it is, nil where it is.
local function encoding_of(transfer)
  local encoding = transfer:header("content-encoding")
  return encoding and not plain[text.lower(encoding)] and encoding or nil
end

-- Nothing but what a provider may say of a failure: it may have its table from
-- a stranger.
local function refusal_of(refused, status)
  assert(refused, "a provider's read() returned nothing")
  local retryable = refused.retryable
  if type(retryable) ~= "boolean" then
    retryable = nil
  end
  return {
    kind = refused.kind, code = refused.code, message = refused.message,
    request_id = refused.request_id, retryable = retryable,
    hint = refused.hint, status = status,
  }
end

-- Why an answer that could not be decoded is no balance, where we know.
local function explain(refused, encoding, excess)
  if refused.kind ~= "decode" then
    return
  elseif encoding then
    refused.message = "the answer is encoded, which nobody asked for: "
      .. encoding
  elseif excess then
    refused.kind, refused.message = "too_large", excess
  end
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
  local encoding, body, excess = encoding_of(transfer), nil, nil
  if not encoding then
    body, excess = json.decode(result.body)
  end
  local fields, refused, unexpected = provider.read(result.status, body)
  local available = fields and answer.number(fields[fields.available_from])
  if available then
    return results.new(provider, fields, unexpected, {
      available = available, raw = body, timing = result.timing,
    })
  elseif fields then
    refused = { kind = "decode", message = "the balance is not a number" }
  end
  refused = refusal_of(refused, result.status)
  explain(refused, encoding, excess)
  return nil, add_headers(provider, config, transfer, refused,
    not body and result.body or nil)
end

--- Sends one request and reads its answer.
-- @tparam table provider
-- @tparam table config
-- @tparam string endpoint
-- @tparam number limit seconds
-- @tparam table loop
-- @tparam table way `fresh`: over a new connection; `watch`: whether there may
-- be a second request where a kept one is silent; then `ask_again(first,
-- start)` returns what `start(limit)` does, or nil
-- @treturn ?table the result
-- @treturn ?balance.Failure
-- @treturn table what the trace shows of it: `endpoint`, `status`, `timing`,
-- `reused`; and `second`, whether that one is meant
-- @treturn ?number seconds by which the server's clock is ahead of this one's
function _M.run(provider, config, endpoint, limit, loop, way)
  local done, first, second, kind, message, hint =
    ask(provider, config, endpoint, limit, loop, way)
  local fields, refused, ahead
  local seen = {}
  if done then
    seen = done:result()
    seen.second = done == second
    fields, refused, ahead = read(provider, config, done, seen)
  else
    refused = { kind = kind, message = message, hint = hint }
  end
  local failed = refused
    and _M.fail(provider, config, refused, first, second)
  local is_telling = fields and config.cache
    and tells(fields.raw, { first, second }) or nil
  if first then
    seen.endpoint = endpoint -- an origin and nothing else, or it would not do
    first:close()
  end
  if second then
    second:close()
  end
  if fields then
    telling[fields] = is_telling
    return fields, nil, seen
  elseif not text.lower(endpoint):find("^https://") then
    ahead = nil -- nobody vouches for the date
  end
  return nil, failed, seen, ahead
end

return _M

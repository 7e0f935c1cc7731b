-- SPDX-License-Identifier: MIT
--- One attempt: a request is sent to one endpoint, and its answer is read.
-- @module balance.attempt

local answer = require "balance.answer"
local core = require "balance.core"
local failure = require "balance.failure"
local hedge = require "balance.hedge"
local mistake = require "balance.mistake"
local odd = require "balance.credentials.odd"
local options = require "balance.options"
local secrets = require "balance.secrets"
local spelling = require "balance.spelling"
local text = require "balance.text"
local version = require "balance.version"

local _M = {}

local user_agent = "balance/" .. version
local max_wait = 86400 -- seconds of a Retry-After; more means never

local transport = core.transport()

--- The fields of what a provider's request() returns, by their types.
_M.request_fields = {
  path = "string", method = "string", headers = "table", body = "string",
  authorization = "string", scheme = "string", basic = "table", tc3 = "table",
}

-- Adds to a table for transport:start() what request() returned, which is the
-- provider's own to change. Returns nothing, or the words for a mistake in it.
-- What is in its texts, C looks at.
local function add_request(to, request)
  for name, value in next, request do
    local kind, wanted = type(value), _M.request_fields[name]
    if not wanted then
      return "returned an " .. spelling.unknown("field", name,
        _M.request_fields)
    elseif kind ~= wanted then
      return ("returned a field '%s' that is a %s, not a %s"):format(name,
        kind, wanted)
    end
    to[name] = kind == "table" and core.copy(value) or value
  end
  if not to.path then
    return "returned no 'path'"
  elseif to.tc3 and (to.authorization or to.basic) then
    return "returned 'tc3' beside 'authorization' or 'basic'"
  end
end

-- The configuration, for the provider to change as it likes.
local function copy_of_config(call)
  local provider = call.provider
  return provider.options and options.copy(provider, call.config)
    or core.copy(call.config)
end

-- Puts the request of a call into a table for transport:start(). Returns
-- nothing, or the fields of a failure.
local function make_request(call, to)
  local ok, request =
    pcall(call.provider.request, copy_of_config(call), call.clock_offset)
  if not ok then
    return mistake.raised("request", request)
  elseif type(request) ~= "table" then
    return mistake.of("request", "returned a " .. type(request)
      .. ", not a table")
  end
  local words = add_request(to, request)
  if words then
    return mistake.of("request", words)
  end
  local user = to.basic and to.basic[1]
  if type(user) == "string" and user:find(":", 1, true) then
    return { kind = "config",
      message = "the user of HTTP Basic authentication has a colon" }
  end
end

-- Starts a transfer, and puts it and its request into `started`. `rival` is the
-- one that is to be overtaken, over a new connection. Returns nothing, or the
-- fields of a failure.
local function start(call, endpoint, limit, started, rival)
  local config = call.config
  local request = {
    endpoint = endpoint,
    user_agent = user_agent,
    ca_file = config.ca_file,
    ca_path = config.ca_path,
    proxy = config.proxy,
    http2 = config.http2,
    timeout = limit,
    connect_timeout = config.connect_timeout,
    fresh = rival ~= nil or call.needs_fresh,
    watch = not rival and not call.is_hedged,
    rival = rival,
  }
  local problem = make_request(call, request)
  if problem then
    return problem
  end
  local requests = started.requests
  requests[#requests + 1] = request
  local ok, transfer, kind, message, hint =
    pcall(transport.start, transport, request)
  if not ok then -- all but the request was looked at before
    return mistake.raised("request", transfer, "returned what cannot be sent")
  elseif transfer then
    started[#started + 1] = transfer
    return nil
  elseif config.endpoint_variable and kind == "config" then
    message = message:gsub("^endpoint", config.endpoint_variable)
  end
  return { kind = kind, message = message, hint = hint }
end

-- Sends a request, and a second one where the first is silent. Returns the
-- transfer to read, and all that were started, with their `requests`; or nil,
-- the same, and the fields of a failure.
local function send(call, endpoint, limit)
  local begun, started = core.now(), { requests = {} }
  local problem = start(call, endpoint, limit, started)
  local transfer = started[1]
  if problem then
    return nil, started, problem
  end
  local ok, kind, message, hint = call.loop.wait(transfer)
  if not ok then
    return nil, started, { kind = kind, message = message, hint = hint }
  elseif transfer:stalled() then
    transfer, problem = hedge.run(call, endpoint, limit, started, begun, start)
  end
  return transfer, started, problem
end

-- Reading -----------------------------------------------------------------------

-- A date is one of the server's clock, which the header Date shows.
local function seconds_to_wait(header, now)
  if not header then
    return nil
  elseif header:find("^%d+$") then
    return math.min(tonumber(header), max_wait)
  end
  local date = core.date(header)
  return date and math.max(math.min(date - now, max_wait), 0)
end

-- A hint where a gateway sent the answer, as far as that shows.
local function gateway_hint(transfer, refused, page)
  local content_type = transfer:header("content-type") or ""
  if transfer:header("cf-mitigated") then
    return "a gateway in between takes this program for a bot;"
      .. " that says nothing about the key"
  elseif refused.kind == "auth" or refused.kind == "api" then
    return nil -- the provider has read the page
  elseif refused.kind == "http" or page:find("^[ \t-\r]*<")
    or content_type:find("^[Tt][Ee][Xx][Tt]/[Hh][Tt][Mm][Ll]") then
    return "a gateway in between answered, not the service;"
      .. " that says nothing about the key"
  end
end

-- What the provider has to say. An error in its function costs no more than
-- the hint, and is told.
local function hint_of_provider(call, refused, date)
  if not call.provider.hint then
    return nil
  end
  local ok, hint = pcall(call.provider.hint, core.copy(refused),
    { config = copy_of_config(call), now = os.time(), date = date })
  if not ok then
    refused.warning = mistake.raised("hint", hint).warning
    return nil
  end
  return hint
end

local function hint_of(call, transfer, refused, page, date)
  return refused.kind == "auth"
    and odd.hint(call.provider.credentials, call.config)
    or hint_of_provider(call, refused, date)
    or refused.hint
    or page and gateway_hint(transfer, refused, page)
end

-- These say nothing of how the body is encoded, whatever servers mean by them.
local is_plain = { identity = true, ["utf-8"] = true }

-- The encoding of a body that was asked for as it is, nil where it is.
local function encoding_of(transfer)
  local encoding = transfer:header("content-encoding")
  return encoding and not is_plain[text.lower(encoding)] and encoding or nil
end

-- Returns the answer's date, in Unix time. An outcome has how far that is ahead.
local function note_date(outcome, transfer)
  local header = transfer:header "date"
  local date = header and core.date(header)
  if date and text.lower(outcome.endpoint):find "^https://" then
    outcome.clock_ahead = date - os.time() -- else it is anybody's date
  end
  return date
end

-- Returns a result, or nil and the fields of a failure.
local function read(call, outcome, transfer)
  if outcome.kind then
    return nil, {
      kind = outcome.kind, code = outcome.code, message = outcome.message,
      status = outcome.status, hint = outcome.hint,
    }
  end
  local encoding = encoding_of(transfer)
  if encoding then
    outcome.body = ""
  end
  local result, refused, decoded, headers = answer.read(call.provider,
    outcome.status, outcome.body, transfer)
  outcome.headers = headers
  if result then
    if call.emit then
      note_date(outcome, transfer)
    end
    return result
  elseif encoding and refused.kind == "decode" then
    refused.message = "the answer is encoded, which nobody asked for: "
      .. encoding
  end
  local date = note_date(outcome, transfer)
  refused.retry_after = seconds_to_wait(transfer:header("retry-after"),
    date or os.time())
  refused.hint = hint_of(call, transfer, refused,
    not decoded and outcome.body or nil, date)
  return nil, refused
end

--- The outcome of an attempt: the fields of transfer:result(), and these.
-- @table outcome
-- @field headers of the answer: those that the provider looked at
-- @field result where there is one
-- @field failure where there is none
-- @field is_unsent whether there was no request
-- @field endpoint
-- @field hedged whether there was a second request
-- @field is_second whether this is of the second one
-- @field is_telling whether the answer repeats a secret
-- @field warning a message for the trace
-- @field clock_ahead seconds, how far the server's clock is ahead of this one

-- Whether an answer has one of these texts in it.
local function is_in_answer(outcome, texts)
  return core.has_secret(outcome.body, texts)
    or secrets.are_in(outcome.result.raw, texts)
    or secrets.are_in(outcome.headers, texts)
end

-- All that must not be shown: the keys, and what was made of them.
-- `is_repeated` is for `secrets.made`.
local function private_of(call, transfers, is_repeated)
  local private = secrets.of(call.provider, call.config, call.old_keys)
  for _, request in ipairs(transfers.requests or {}) do
    for _, made in ipairs(secrets.made(call, request, is_repeated)) do
      private[#private + 1] = made
    end
  end
  for _, transfer in ipairs(transfers) do
    private[#private + 1] = transfer
  end
  return private
end

-- The failure, or whether a result may be stored; and a warning for the trace.
local function judge(call, outcome, problem, transfers)
  local result = outcome.result
  local unexpected = result and result.unexpected
  if not problem and not call.config.cache
    and not (unexpected and call.emit) then
    return
  end
  local warning = problem and problem.warning
    or unexpected and "not as the document has it: "
      .. table.concat(unexpected, ", ")
  local private = private_of(call, transfers, function(texts)
    return secrets.are_in(problem or warning, texts)
      or not problem and is_in_answer(outcome, texts)
  end)
  outcome.warning = failure.clean(warning, private)
  if problem then
    problem.warning = nil
    outcome.failure = failure.of_call(call.provider.name, problem, private)
  else
    outcome.is_telling = is_in_answer(outcome, private)
  end
end

--- Reads what became of the requests of an attempt, and closes them.
-- @tparam table call see `balance.call`; it is only read
-- @tparam string endpoint
-- @tparam ?table|userdata transfer the one to read, with the methods `result`
-- and `header` of a transfer; nil: there is none
-- @tparam {userdata,...} transfers all that were started, with their `requests`
-- @tparam ?table problem the fields of a failure, where it is known already
-- @treturn table an outcome
function _M.conclude(call, endpoint, transfer, transfers, problem)
  local outcome = transfer and transfer:result() or {}
  outcome.is_unsent = not transfer and not transfers[1]
  outcome.endpoint = not outcome.is_unsent and endpoint -- else anything
    or nil
  outcome.hedged = transfers[2] ~= nil
  outcome.is_second = transfer ~= nil and transfer == transfers[2]
  if transfer then
    outcome.result, problem = read(call, outcome, transfer)
  end
  judge(call, outcome, problem, transfers)
  for i = 1, #transfers do
    transfers[i]:close()
  end
  return outcome
end

--- Sends one request and reads its answer.
-- @tparam table call see `balance.call`; it is only read
-- @tparam string endpoint
-- @tparam number limit seconds
-- @treturn table an outcome
function _M.run(call, endpoint, limit)
  local transfer, transfers, problem = send(call, endpoint, limit)
  return _M.conclude(call, endpoint, transfer, transfers, problem)
end

return _M

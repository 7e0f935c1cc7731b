-- SPDX-License-Identifier: MIT
--- The way of one call, from its options to its result. Its configuration is
-- resolved; then there is an attempt, and the question what comes next, until
-- nothing does.
-- @module balance.call

local answer = require "balance.answer"
local attempt = require "balance.attempt"
local cache = require "balance.cache"
local clock = require "balance.clock"
local clean = require("balance.failure").clean
local configs = require "balance.config"
local core = require "balance.core"
local fail = require("balance.failure").of_call
local loops = require "balance.loop"
local names = require "balance.names"
local options = require "balance.options"
local retry = require "balance.retry"
local schema = require "balance.schema"
local secrets = require "balance.secrets"
local trace = require "balance.trace"
local turn = require "balance.turn"

local _M = {}

-- Another endpoint may do better after these; over another connection, the
-- next attempt may after those.
local is_unreachable = { dns = true, connect = true, tls = true, timeout = true }
local ends_connection = { timeout = true, network = true }

--- The state of a call. Only this file changes it.
-- @table balance.Call
-- @field provider
-- @field client its `settings`, `budget` of retries and `clock_offset`
-- @field loop how to wait, see `balance.loop`
-- @field given the options of the call
-- @field base what the client says, from `balance.config`
-- @field config the whole configuration; it does not change, but for new keys
-- @field emit tells an event to the trace hook; nil: there is none
-- @field refused_token after which the keys were looked up anew
-- @field old_secrets the keys before that
-- @field deadline of all attempts, by core.now()
-- @field round the number of the round: one goes through the endpoints
-- @field round_deadline
-- @field endpoint the number of the current one
-- @field attempts how many requests were made
-- @field clock_offset seconds, added to this machine's clock
-- @field is_clock_corrected in this round
-- @field needs_fresh whether kept connections will not do any more
-- @field is_hedged whether a silent connection was met; it is once a call

local function secrets_of(call)
  return secrets.of(call.provider, call.config or {}, call.old_secrets)
end

-- One attempt ---------------------------------------------------------------------

-- A round has half of the time that is left, and the last one all of it.
local function begin_round(call)
  local now = core.now()
  local left = math.max(call.deadline - now, 0)
  call.round = call.round + 1
  local is_last = call.round > call.config.retries
  call.round_deadline = now + (is_last and left or left / 2)
  call.endpoint, call.is_clock_corrected = 1, false
end

local function endpoints_of(call)
  local endpoint = call.config.endpoint
  return type(endpoint) == "table" and endpoint or { endpoint }
end

-- The endpoints that were not asked share what is left of the round.
local function seconds_for_attempt(call, endpoints)
  local left = math.max(call.round_deadline - core.now(), 0)
  return left / (#endpoints - call.endpoint + 1)
end

local function tell_of_attempt(call, outcome, number)
  local failure, result = outcome.failure, outcome.result
  call.emit {
    event = "attempt", attempt = outcome.is_second and call.attempts or number,
    endpoint = outcome.endpoint, kind = failure and failure.kind,
    status = outcome.status, timing = outcome.timing, reused = outcome.reused,
  }
  if result and result.unexpected then
    call.warn("not as the document has it: "
      .. table.concat(result.unexpected, ", "))
  end
end

local function try(call)
  local endpoints = endpoints_of(call)
  local limit = seconds_for_attempt(call, endpoints)
  if call.config.rate then
    local waited, refused = turn.take(call, limit)
    if not waited then
      return { failure = fail(call.provider.name, refused, secrets_of(call)) }
    end
    limit = math.max(limit - waited, 0)
  end
  call.attempts = call.attempts + 1
  call.clock_offset = call.client.clock_offset
  local number = call.attempts
  local outcome = attempt.run(call, endpoints[call.endpoint], limit)
  if outcome.hedged then
    call.is_hedged, call.attempts = true, number + 1
  end
  call.needs_fresh = call.needs_fresh or outcome.hedged
    or outcome.failure and outcome.reused
      and ends_connection[outcome.failure.kind] or nil
  if call.emit then
    tell_of_attempt(call, outcome, number)
  end
  return outcome
end

-- What comes next -----------------------------------------------------------------
-- Each returns whether there is another attempt, and has prepared it.

local function correct_clock(call, outcome)
  local offset = not call.is_clock_corrected
    and clock.correction(outcome.failure, call.provider.is_clock_refused,
      outcome.clock_ahead, call.clock_offset)
  if not offset then
    return false
  end
  call.client.clock_offset, call.is_clock_corrected = offset, true
  if call.emit then
    call.emit { event = "clock", offset = offset }
  end
  return true
end

local function go_to_next_endpoint(call, outcome)
  if not is_unreachable[outcome.failure.kind]
    or call.endpoint == #endpoints_of(call)
    or core.now() >= call.round_deadline then
    return false
  end
  call.endpoint = call.endpoint + 1
  return true
end

local function pause_for_next_round(call, outcome)
  local failure = outcome.failure
  if not failure.retryable or call.round > call.config.retries then
    return false
  end
  local pause = retry.pause(call.round, failure.retry_after)
  if pause >= call.deadline - core.now()
    or not retry.pay(call.client.budget, failure.kind) then
    return false
  end
  if call.emit then
    call.emit { event = "retry", attempt = call.round, kind = failure.kind,
      wait = pause }
  end
  call.loop.sleep(pause)
  begin_round(call)
  return true
end

-- Asks until there is a result, or nothing more can help. Returns the last
-- outcome.
local function ask(call, seconds)
  call.deadline, call.round = core.now() + seconds, 0
  begin_round(call)
  local outcome
  repeat
    outcome = try(call)
  until outcome.result or not (correct_clock(call, outcome)
    or go_to_next_endpoint(call, outcome)
    or pause_for_next_round(call, outcome))
  local result = outcome.result
  if result then
    retry.earn(call.client.budget)
    if call.clock_offset ~= 0 and call.provider.is_clock_refused then
      result.clock_offset = call.clock_offset
    end
    result.fetched_at, result.timing = os.time(), outcome.timing
  end
  (result or outcome.failure).attempts = call.attempts
  return outcome
end

local function ask_service(call, seconds)
  local outcome = ask(call, seconds)
  return outcome.result, outcome.failure
end

-- What the cache has of an answer, read again.
local function read(provider, kept)
  local result = answer.read(provider, kept.status, kept.body)
  if result then
    result.fetched_at, result.timing = kept.at, kept.timing
    result.attempts, result.clock_offset = kept.attempts, kept.clock_offset
  end
  return result
end

local function ask_cache(call, seconds)
  local key, refused = names.of_answer(call)
  if not key then
    return nil, fail(call.provider.name, refused, secrets_of(call))
  end
  return cache.call(call.config.cache, key, {
    limit = seconds, loop = call.loop, emit = call.emit,
    fetch = function(limit)
      local outcome = ask(call, limit)
      return outcome.result and outcome, outcome.failure
    end,
    read = function(kept) return read(call.provider, kept) end,
    secrets = function() return secrets_of(call) end,
  })
end

-- From the options to the result --------------------------------------------------

-- Resolves the configuration. Returns nil, or a failure.
local function resolve(call)
  local config, refused = configs.resolve(call.provider, call.base, call.given,
    { loop = call.loop, warn = call.warn, refused = call.refused_token })
  if not config then
    return fail(call.provider.name, refused, secrets_of(call))
  end
  call.config = config
end

-- A token that was refused may have run out: looks the keys up again, once.
-- Returns whether there are others. These may be another account's, so all
-- that goes by the keys begins anew, the cache's value too.
local function renew_keys(call, failure)
  local is_refused = call.provider.is_token_refused
  if not failure or call.refused_token or not is_refused
    or not is_refused(failure) then
    return false
  end
  local old = call.config
  call.refused_token, call.old_secrets = old.token, secrets_of(call)
  return not resolve(call) and call.config.token ~= old.token
end

-- Returns a call, or nil and a failure.
local function begin(client, provider, given, account)
  local settings, base = client.settings, client.bases[provider]
  local hook = given.trace or base.config.trace
  local call = {
    provider = provider, client = client, base = base, given = given,
    attempts = 0,
    emit = (hook or trace.is_always_on)
      and trace.emitter(hook, provider.name, account) or nil,
  }
  function call.warn(message)
    if call.emit then
      call.emit { event = "warning", message = clean(message, secrets_of(call)) }
    end
  end
  local loop, kind, message, hint = loops.choose(settings.loop)
  call.loop = loop
  local ok = loop ~= nil
  if ok and loop.ready then
    ok, kind, message, hint = loop.ready()
  end
  if not ok then
    return nil, fail(provider.name,
      { kind = kind, message = message, hint = hint }, {})
  end
  return call
end

--- Makes a call.
-- @tparam table client see `balance.client`
-- @tparam table provider
-- @tparam table given its options, as `balance.schema` has read them
-- @tparam ?string account the caller's name for it
-- @treturn ?balance.Result
-- @treturn ?balance.Failure
function _M.run(client, provider, given, account)
  local call, failure = begin(client, provider, given, account)
  if not call then
    return nil, failure
  end
  local result
  failure = resolve(call)
  if not failure then
    local obtain = call.config.cache and ask_cache or ask_service
    local finish = core.now() + call.config.timeout
    repeat
      result, failure = obtain(call, math.max(finish - core.now(), 0))
    until not renew_keys(call, failure or result.refresh_error)
  end
  if call.loop.leave then
    call.loop.leave()
  end
  return result, failure
end

--- A method of a client, to be called with a dot or a colon. It checks the
-- options itself, so that a mistake is raised where the caller wrote it.
-- @tparam table client as of `run`
-- @tparam table object that has the method
-- @tparam table provider
-- @treturn function
function _M.method(client, object, provider)
  local known = options.of(provider)
  return function(first, second)
    local given = first
    if first == object then
      given = second
    end
    local read, mistake = schema.read_options(given, known)
    if not read then
      error(("balance.%s: %s"):format(provider.name, mistake), 2)
    end
    return _M.run(client, provider, read)
  end
end

return _M

-- SPDX-License-Identifier: MIT
--- One call, from its options to its result: its configuration is resolved,
-- then attempts follow each other until one succeeds or nothing helps.
-- @module balance.call

local cached = require "balance.cached"
local clock = require "balance.clock"
local configs = require "balance.config"
local core = require "balance.core"
local fail = require("balance.failure").of_call
local loops = require "balance.loop"
local retry = require "balance.retry"
local secrets = require "balance.secrets"
local trace = require "balance.trace"
local turn = require "balance.turn"

local _M = {}

local no_config = {}

-- The state of a call. Only this file changes it.
local function new_call(client, provider, given, account)
  return {
    provider = provider,
    client = client, -- its settings, budget of retries, clock_offset and
    -- `attempt`, which sends a request and returns an outcome
    given = given, -- the options of the call
    account = account, -- the caller's name for it
    config = no_config, -- all layers together; another one after new keys
    loop = nil, -- how to wait
    attempts = 0, -- requests that were made
    retries = nil, -- how many rounds may follow the first
    deadline = nil, -- of all attempts, by core.now()
    round = 0, -- the number of this one; a round goes through the endpoints
    round_deadline = nil,
    endpoint = 1, -- the number of the current one
    clock_offset = nil, -- seconds added to this machine's clock
    is_clock_corrected = nil, -- in this round
    -- There is room for two more. Few calls have:
    -- `emit`, which tells the trace hook of an event, where there is one
    -- `needs_fresh`: a new connection, because a kept one failed
    -- `is_hedged`: there was a second request; a call has one at most
    -- `old_keys`: the secrets before the keys were looked up anew
  }
end

local function failed(call, fields)
  return fail(call.provider.name, fields,
    secrets.of(call.provider, call.config, call.old_keys))
end

-- An attempt ----------------------------------------------------------------------

local function endpoints_of(call)
  local endpoint = call.config.endpoint
  return type(endpoint) == "table" and endpoint or { endpoint }
end

-- A round may take half of the time that is left; the last one takes all.
local function begin_round(call, now)
  local left = math.max(call.deadline - now, 0)
  call.round = call.round + 1
  local is_last = call.round > call.retries
  call.round_deadline = now + (is_last and left or left / 2)
  call.endpoint, call.is_clock_corrected = 1, false
end

local ends_connection = { timeout = true, network = true }

local function try(call)
  local endpoints = endpoints_of(call)
  local left = math.max(call.round_deadline - core.now(), 0)
  local limit = left / (#endpoints - call.endpoint + 1)
  if call.config.rate then
    local waited, refused = turn.take(call, limit)
    if not waited then
      return { failure = failed(call, refused) }
    end
    limit = math.max(limit - waited, 0)
  end
  call.attempts = call.attempts + 1
  call.clock_offset = call.client.clock_offset
  local outcome = call.client.attempt(call, endpoints[call.endpoint], limit)
  if outcome.hedged then
    call.attempts, call.is_hedged = call.attempts + 1, true
  end
  if outcome.hedged or outcome.failure and outcome.reused
    and ends_connection[outcome.failure.kind] then
    call.needs_fresh = true
  end
  if call.emit then
    trace.attempt(call, outcome)
  end
  if outcome.is_unsent then
    call.attempts = call.attempts - 1
  end
  return outcome
end

-- What comes next -----------------------------------------------------------------
-- Each of these prepares another attempt, and returns whether there is one.

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

-- Another endpoint may do better after these.
local is_unreachable = { dns = true, connect = true, tls = true,
  timeout = true }

local function go_to_next_endpoint(call, outcome)
  if not is_unreachable[outcome.failure.kind]
    or call.endpoint == #endpoints_of(call)
    or core.now() >= call.round_deadline then
    return false
  end
  call.endpoint = call.endpoint + 1
  return true
end

local function pause_and_retry(call, outcome)
  local failure = outcome.failure
  if not failure.retryable or call.round > call.retries then
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
  begin_round(call, core.now())
  return true
end

-- Asks until there is a result, or nothing helps. Returns the last outcome.
-- `retries`: of this time; nil: those of the configuration.
local function ask(call, seconds, retries)
  local now = core.now()
  call.deadline, call.round = now + seconds, 0
  call.retries = retries or call.config.retries
  begin_round(call, now)
  local outcome
  repeat
    outcome = try(call)
  until outcome.result or not (correct_clock(call, outcome)
    or go_to_next_endpoint(call, outcome) or pause_and_retry(call, outcome))
  local result = outcome.result
  if result then
    if call.client.budget.tokens < retry.max_tokens then
      retry.earn(call.client.budget)
    end
    result.fetched_at, result.timing = os.time(), outcome.timing
    if call.clock_offset ~= 0 and call.provider.is_clock_refused then
      result.clock_offset = call.clock_offset
    end
  end
  (result or outcome.failure).attempts = call.attempts
  return outcome
end

local ask_cache = cached.new(ask)

local function ask_service(call, seconds)
  local outcome = ask(call, seconds)
  return outcome.result, outcome.failure
end

-- The call ------------------------------------------------------------------------

local function listen(call, base)
  local hook = call.given.trace or base.config.trace
  if hook or trace.is_always_on then
    call.emit = trace.emitter(hook, call.provider.name, call.account)
  end
end

-- Returns nothing, or a failure.
local function resolve(call, refused_token)
  local base, config =
    configs.known(call.client, call.provider, call.given)
  local refused
  listen(call, base)
  if not config then
    config, refused = configs.resolve(call.provider, base, call.given,
      { loop = call.loop, refused = refused_token,
        warn = call.emit and trace.warner(call) })
  end
  if not config then
    return failed(call, refused)
  end
  call.config = config
end

-- Looks the keys up anew, once, where the token was refused: it may have
-- expired. Returns whether there are new ones. They may be another account's,
-- so the cache is asked again too.
local function renew_keys(call, failure)
  local is_refused = call.provider.is_token_refused
  if not failure or call.old_keys or not is_refused
    or not is_refused(failure) then
    return false
  end
  local token = call.config.token
  call.old_keys = secrets.of(call.provider, call.config)
  return not resolve(call, token) and call.config.token ~= token
end

--- Makes a call.
-- @tparam table client see `balance.client`
-- @tparam table provider
-- @tparam table given its options, as `balance.schema` has read them
-- @tparam ?string account the caller's name for it
-- @treturn ?balance.Result
-- @treturn ?balance.Failure
function _M.run(client, provider, given, account)
  local call = new_call(client, provider, given, account)
  local loop, refused = loops.enter(client.settings.loop)
  if not loop then
    return nil, failed(call, refused)
  end
  call.loop = loop
  local result, failure = nil, resolve(call)
  if not failure then
    local deadline = core.now() + call.config.timeout
    local obtain = call.config.cache and ask_cache or ask_service
    repeat
      result, failure = obtain(call, math.max(deadline - core.now(), 0))
    until not renew_keys(call, failure or result.refresh_error)
  end
  if loop.leave then
    loop.leave()
  end
  return result, failure
end

return _M

-- SPDX-License-Identifier: MIT
--- One configured client: the way of a call, from its options to its result.
-- @module balance.client

local attempt = require "balance.attempt"
local cache = require "balance.cache"
local clock = require "balance.clock"
local configs = require "balance.config"
local core = require "balance.core"
local failover = require "balance.failover"
local clean = require("balance.failure").clean
local limiter = require "balance.limiter"
local loops = require "balance.loop"
local options = require "balance.options"
local retry = require "balance.retry"
local trace = require "balance.trace"

local _M = {}

--- The providers by name; `balance.register` adds one.
_M.providers = require("balance.providers").known

-- Whose requests are counted: a name for the keys of this attempt.
local function rate_key(this)
  local keys = {}
  for _, credential in ipairs(this.provider.credentials) do
    keys[credential.name] = this.config[credential.name]
  end
  return cache.identity(this.provider.name, keys)
end

-- Returns how long the call had to wait for its turn; nil and a failure where
-- it has none.
local function wait_for_turn(this, limit)
  if not this.config.rate then
    return 0
  end
  local key, kind, message = rate_key(this)
  if not key then
    return nil, { kind = kind, message = message }
  end
  local waited, longer = limiter.wait({
    rate = this.config.rate, dict = this.settings.rate_dict, limit = limit,
  }, key, this.loop)
  return waited, not waited and { kind = "rate_limit",
    message = "this client's own limit of requests a second is reached",
    retry_after = longer } or nil
end

-- The same, and the trace is told.
local function take_turn(this, limit)
  local waited, refused = wait_for_turn(this, limit)
  if waited and waited > 0 then
    this.emit { event = "limit", wait = waited }
  end
  return waited, refused
end

-- Once a call, a second request where the first, over a kept connection, is
-- silent: if its turn comes while there is time for it. It has a limit of its
-- own, as a service that is merely slow must be answered too.
local function ask_again(this, endpoint, limit, started, first, start)
  if not take_turn(this, (limit - (core.now() - started)) / 2)
    or first:done() then
    return nil
  end
  local now = core.now()
  local second = start(math.max(math.min(limit, this.finish - now), 0))
  if second then
    this.hedged = true
    this.attempts = this.attempts + 1
    this.emit { event = "hedge", attempt = this.attempts, endpoint = endpoint,
      wait = now - started }
  end
  return second
end

-- Over which connections a request goes. After a kept one that came to nothing
-- the call takes new ones.
local function choose_way(this, endpoint, limit)
  local started = core.now()
  return {
    fresh = this.fresh, watch = not this.hedged,
    ask_again = function(first, start)
      return ask_again(this, endpoint, limit, started, first, start)
    end,
  }
end

local ends_connection = { timeout = true, network = true }

-- One attempt at one endpoint, after its turn has come.
local function ask_endpoint(endpoint, limit, this)
  local config, loop = this.config, this.loop
  local waited, refused = take_turn(this, limit)
  if not waited then
    return nil, attempt.fail(this.provider, config, refused)
  end
  limit = math.max(limit - waited, 0)
  this.attempts = this.attempts + 1
  local number = this.attempts
  local result, failure, seen, ahead = attempt.run(this.provider, config,
    endpoint, limit, loop, choose_way(this, endpoint, limit))
  this.fresh = this.fresh or this.hedged
    or failure and seen.reused and ends_connection[failure.kind] or nil
  if this.emit ~= trace.silent then
    this.emit {
      event = "attempt", attempt = seen.second and this.attempts or number,
      endpoint = seen.endpoint,
      kind = failure and failure.kind, status = seen.status,
      timing = seen.timing, reused = seen.reused,
    }
  end
  if this.warn and result and result.unexpected then
    this.warn("not as the document has it: "
      .. table.concat(result.unexpected, ", "))
  end
  return result, failure, ahead
end

local function ask_with_clock(offset, limit, this)
  this.config.clock_offset = offset
  return failover.run(this.config.endpoints, limit, ask_endpoint, this)
end

local function ask(limit, this)
  return clock.run(this.state, this.provider, this.emit, ask_with_clock, limit,
    this)
end

local function try(this, seconds)
  return retry.run({
    retries = this.config.retries, timeout = seconds,
    budget = this.state.budget, loop = this.loop, emit = this.emit,
  }, ask, this)
end

-- The way of a call, each step around the next: cache, retry, clock, failover,
-- and for each attempt limiter and transport.
local function fetch(this, seconds)
  this.finish = core.now() + seconds
  local result, failure = try(this, seconds)
  local done = result or failure
  done.attempts = this.attempts
  return result, failure
end

-- What tells one request from another: all that it is made of, but not for
-- how long and how often it is tried.
local function identity_of(this)
  local config = core.copy(this.config)
  for _, name in ipairs { "timeout", "connect_timeout", "retries", "rate",
    "cache", "trace", "endpoint_variable", "refused" } do
    config[name] = nil
  end
  return cache.identity(this.provider.name, config)
end

local function cached(this, seconds)
  local config = this.config
  local settings = core.copy(config.cache)
  settings.limit = seconds
  settings.secrets = attempt.secrets(this.provider, config)
  settings.is_telling = attempt.is_telling
  local identity, kind, message = identity_of(this)
  if not identity then
    return nil, attempt.fail(this.provider, config,
      { kind = kind, message = message })
  end
  return cache.call(settings, identity, this.loop, function(limit)
    return fetch(this, limit)
  end, this.emit)
end

-- Looks the keys up again where their token was refused, which may have run
-- out. Returns whether there is another.
local function has_new_token(this, failure)
  local is_refused = this.provider.is_token_refused
  if not is_refused or not is_refused(failure) then
    return false
  end
  local old = this.config
  this.refused = old.token
  local config = configs.resolve(this.provider, this.base, this.given, this)
  if not config or config.token == this.refused then
    return false
  end
  config.refused = attempt.secrets(this.provider, old)
  this.config = config
  return true
end

-- Asks with the keys that were found, and once more with those that took their
-- place: these may be another account's, so all that goes by the keys begins
-- anew, and what the cache has of the old ones is not for them.
local function ask_with_keys(this)
  local way = this.config.cache and cached or fetch
  local started, seconds = core.now(), this.config.timeout
  local result, failure, refresh_error = way(this, seconds)
  local left = math.max(seconds - (core.now() - started), 0)
  local refused = failure or refresh_error
  if refused and has_new_token(this, refused) then
    result, failure = way(this, left)
  end
  return result, failure
end

local function make(this)
  local loop = this.loop
  if loop.ready then
    local ok, kind, message, hint = loop.ready()
    if not ok then
      return nil, attempt.fail(this.provider, {},
        { kind = kind, message = message, hint = hint })
    end
  end
  local config, problem, about = configs.resolve(this.provider, this.base,
    this.given, this)
  if not config then
    about = about or { kind = "config" }
    about.message = problem
    return nil, attempt.fail(this.provider, {}, about)
  end
  this.config = config
  return ask_with_keys(this)
end

-- What the settings of a client say to a provider's calls.
local function base_of(state, provider)
  local base = state.bases[provider]
  if not base then
    base = configs.base(provider, state.settings)
    state.bases[provider] = base
  end
  return base
end

local function call(provider, state, given, account)
  local settings, base = state.settings, base_of(state, provider)
  local loop, kind, why, hint = loops.choose(settings.loop)
  if not loop then
    return nil, attempt.fail(provider, {},
      { kind = kind, message = why, hint = hint })
  end
  local emit = trace.emitter(given.trace or base.config.trace, provider.name,
    account)
  local this = {
    provider = provider, settings = settings, base = base, state = state,
    given = given, loop = loop, emit = emit, attempts = 0,
  }
  if emit ~= trace.silent then
    function this.warn(message)
      local secrets = attempt.secrets(provider, this.config or {})
      emit { event = "warning", message = clean(message, secrets) }
    end
  end
  local result, failure = make(this)
  if this.loop.leave then
    this.loop.leave()
  end
  return result, failure
end

-- A method of a client, to be called with a dot or a colon. It checks the
-- options itself, so that a mistake is raised where the caller wrote it.
local function bind(client, provider, state)
  return function(first, second)
    local given = first
    if first == client then
      given = second
    end
    local read, mistake = options.read(provider, given)
    if not read then
      error(("balance.%s: %s"):format(provider.name, mistake), 2)
    end
    return call(provider, state, read)
  end
end

-- So many calls of one `all` are under way; the time of the others has not
-- begun.
local at_once = 512

-- The calls that `all` is to make: without accounts, to whatever has its keys.
local function calls_of(state, accounts)
  if accounts ~= nil then
    return options.read_accounts(_M.providers, accounts)
  end
  local calls = {}
  for name, provider in pairs(_M.providers) do
    if configs.has_credentials(provider, state.settings) then
      calls[#calls + 1] = { name = name, provider = provider, options = {} }
    end
  end
  return calls
end

-- The same for `all`: it returns two tables, by the caller's names.
local function bind_all(client, state)
  return function(first, second)
    local accounts = first
    if first == client then
      accounts = second
    end
    local calls, mistake = calls_of(state, accounts)
    if not calls then
      error("balance.all: " .. mistake, 2)
    end
    local results, failures, begun = {}, {}, 0
    local function work()
      while begun < #calls do
        begun = begun + 1
        local one = calls[begun]
        results[one.name], failures[one.name] =
          call(one.provider, state, one.options, one.name)
      end
    end
    local workers = {}
    for i = 1, math.min(#calls, at_once) do
      workers[i] = work
    end
    local loop = loops.choose(state.settings.loop)
    if loop then
      loop.gather(workers)
    else
      work() -- each of them fails
    end
    return results, failures
  end
end

--- Makes a client with settings of its own. They stay inside: printing or
-- encoding a client shows no key.
-- @tparam table settings as `balance.options` reads them
-- @treturn table with a method for each provider
function _M.new(settings)
  local state = { -- from one call to the next
    settings = settings, bases = {}, -- by provider
    budget = retry.new_budget(), offset = 0,
  }
  local client = {}
  local methods = { all = bind_all(client, state) }
  local function index(_, name)
    local provider = _M.providers[name]
    if provider and not methods[name] then
      methods[name] = bind(client, provider, state)
    end
    return methods[name]
  end
  return setmetatable(client, {
    __index = index,
    __tostring = function() return "balance client" end,
    __metatable = "balance.client",
  })
end

return _M

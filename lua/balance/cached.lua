-- SPDX-License-Identifier: MIT
--- A call that asks the cache first.
-- @module balance.cached

local answers = require "balance.answer"
local cache = require "balance.cache"
local core = require "balance.core"
local fail = require("balance.failure").of_call
local hits = require "balance.hits"
local names = require "balance.names"
local secrets = require "balance.secrets"

local _M = {}

local function secrets_of(call)
  return secrets.of(call.provider, call.config, call.old_keys)
end

-- The part of an outcome that is kept, with its result for this call.
local function answer_of(outcome)
  local result = outcome.result
  return result and {
    status = outcome.status, body = outcome.body, headers = outcome.headers,
    timing = core.copy(outcome.timing), -- the result's is the caller's
    attempts = result.attempts, clock_offset = result.clock_offset,
    is_telling = outcome.is_telling, result = result,
  }
end

-- Another result of a kept answer.
local function read(call, answer)
  local kept = answer.headers
  local result = answers.read(call.provider, answer.status, answer.body,
    kept and { header = function(_, name) return kept[name] end })
  local timing = answer.timing
  if result then
    result.fetched_at = math.floor(answer.at)
    result.timing = {
      dns = timing.dns, connect = timing.connect, tls = timing.tls,
      first_byte = timing.first_byte, total = timing.total,
    }
    result.attempts = answer.attempts
    result.clock_offset = answer.clock_offset
  end
  return result
end

--- Makes a function that asks the cache, and the service where the cache has
-- no answer.
-- @tparam function ask gets a call, seconds and maybe how many retries there
-- may be; returns an outcome
-- @treturn function gets a call and seconds; returns a result, or nil and a failure
function _M.new(ask)
  local way = {
    read = read, secrets = secrets_of,
    fetch = function(call, seconds, retries)
      local outcome = ask(call, seconds, retries)
      return answer_of(outcome), outcome.failure
    end,
  }
  return function(call, seconds)
    local key, refused = names.of_answer(call)
    if not key then
      return nil, fail(call.provider.name, refused, secrets_of(call))
    end
    local settings = call.config.cache
    local entry = cache.entry(settings, key, call.emit)
    local result, err = cache.call(settings, key, seconds, call, way)
    if result and result.cached and not result.stale
      and cache.can_hit(entry) then
      hits.keep(call, entry)
    end
    return result, err
  end
end

return _M

-- SPDX-License-Identifier: MIT
--- A call by way of the cache.
-- @module balance.cached

local answers = require "balance.answer"
local cache = require "balance.cache"
local core = require "balance.core"
local fail = require("balance.failure").of_call
local names = require "balance.names"
local secrets = require "balance.secrets"

local _M = {}

-- What is kept of an outcome.
local function answer_of(outcome)
  local result = outcome.result
  return result and {
    status = outcome.status, body = outcome.body, timing = outcome.timing,
    attempts = result.attempts, clock_offset = result.clock_offset,
    is_telling = outcome.is_telling, result = result,
  }
end

-- A new result of it.
local function read(provider, answer)
  local result = answers.read(provider, answer.status, answer.body)
  if result then
    result.fetched_at, result.timing = answer.at, core.copy(answer.timing)
    result.attempts = answer.attempts
    result.clock_offset = answer.clock_offset
  end
  return result
end

--- Returns what the cache has for a call, or what the service says.
-- @tparam table call see `balance.call`
-- @tparam number seconds for all of it
-- @tparam function ask gets the call and seconds; returns an outcome
-- @treturn ?balance.Result
-- @treturn ?balance.Failure
function _M.ask(call, seconds, ask)
  local provider = call.provider
  local function secrets_of_call()
    return secrets.of(provider, call.config, call.old_keys)
  end
  local key, refused = names.of_answer(call)
  if not key then
    return nil, fail(provider.name, refused, secrets_of_call())
  end
  return cache.call(call.config.cache, key, {
    limit = seconds, loop = call.loop, emit = call.emit,
    secrets = secrets_of_call,
    fetch = function(limit)
      local outcome = ask(call, limit)
      return answer_of(outcome), outcome.failure
    end,
    read = function(answer) return read(provider, answer) end,
  })
end

return _M

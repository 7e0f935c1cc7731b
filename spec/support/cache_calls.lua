-- SPDX-License-Identifier: MIT
--- Calls of `balance.cache` whose time passes only where somebody sleeps or a
-- spec says so. The fields `now`, `loop`, `store` and `settings` may be
-- changed; `requests` counts the requests.
local cache = require "balance.cache"
local core = require "balance.core"
local failure = require "balance.failure"
local flight = require "balance.flight"
local identities = require "balance.identity"
local kept = require "support.kept"
local memory = require "balance.store.memory"
local retry = require "balance.retry"

local _M = {}

_M.key = "balance:" .. identities.of("udio", {
  api_key = "s3cr3t-key", endpoint = "https://example.com",
})

local real_random = retry.random

--- Before each test. Pauses are as long as they can be.
function _M.begin()
  _M.now, _M.events, _M.requests = 1700000000, {}, 0
  local function clock() return _M.now end
  flight.now = clock
  retry.random = function() return 1 end
  _M.loop = { sleep = _M.pass }
  _M.store = memory.new { now = clock }
  _M.settings = { ttl = 30, stale = 300, store = _M.store, now = clock,
    limit = 10 }
end

--- After each test.
function _M.finish()
  flight.now, retry.random = core.now, real_random
end

function _M.pass(seconds)
  _M.now = _M.now + seconds
end

function _M.new_failure(kind, retry_after)
  return failure.new {
    provider = "udio", kind = kind or "timeout", message = "no answer",
    code = 28, status = 503, request_id = "r1", hint = "wait",
    retry_after = retry_after,
  }
end

--- A request that is answered: 195 credits, then 196 and so on.
function _M.fetch()
  _M.requests = _M.requests + 1
  return kept.answer(194 + _M.requests)
end

--- One that times out.
function _M.fail()
  _M.requests = _M.requests + 1
  return nil, _M.new_failure()
end

--- A function for one that fails in another way.
function _M.failing(kind, retry_after)
  return function()
    _M.requests = _M.requests + 1
    return nil, _M.new_failure(kind, retry_after)
  end
end

--- One whose key is refused.
_M.refuse = _M.failing "auth"

--- Calls, with another request than `fetch`, or another `balance.cache`.
function _M.call(fetcher, from)
  return kept.call(from or cache, _M.settings, _M.key, _M.loop,
    fetcher or _M.fetch,
    function(event) _M.events[#_M.events + 1] = event end)
end

--- The names of the events since the last time.
function _M.names()
  local list = {}
  for i, event in ipairs(_M.events) do
    list[i] = event.event
  end
  _M.events = {}
  return table.concat(list, " ")
end

return _M

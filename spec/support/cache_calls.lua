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

local _M = {}

_M.key = "balance:" .. identities.of("udio", {
  api_key = "s3cr3t-key", endpoint = "https://example.com",
})

--- Before each test.
function _M.begin()
  _M.now, _M.events, _M.requests = 1700000000, {}, 0
  local function clock() return _M.now end
  flight.now = clock
  _M.loop = { sleep = _M.pass }
  _M.store = memory.new { now = clock }
  _M.settings = { ttl = 30, stale = 300, store = _M.store, now = clock,
    limit = 10 }
end

--- After each test.
function _M.finish()
  flight.now = core.now
end

function _M.pass(seconds)
  _M.now = _M.now + seconds
end

function _M.new_failure(kind)
  return failure.new {
    provider = "udio", kind = kind or "timeout", message = "no answer",
    code = 28, status = 503, request_id = "r1", hint = "wait",
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

--- One whose key is refused.
function _M.refuse()
  _M.requests = _M.requests + 1
  return nil, _M.new_failure "auth"
end

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

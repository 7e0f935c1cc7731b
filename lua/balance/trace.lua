-- SPDX-License-Identifier: MIT
--- The events of a trace hook.
-- @module balance.trace

local clean = require("balance.failure").clean
local core = require "balance.core"
local mistake = require "balance.mistake"
local secrets = require "balance.secrets"

local _M = {}

--- Whether events are made without a hook, too. The specs check them.
_M.is_always_on = false

--- A function that completes an event and gives it to the hook. An error of
-- the hook does not end the call.
-- @tparam ?function hook the caller's
-- @tparam string provider
-- @tparam ?string account
-- @treturn function
function _M.emitter(hook, provider, account)
  return function(event)
    event.provider, event.account = provider, account
    local ok, problem = true, nil
    if hook then
      ok, problem = pcall(hook, event)
    end
    if not ok then
      mistake.pass_on(problem)
    end
  end
end

--- Tells of an attempt.
-- @tparam table call see `balance.call`
-- @tparam table outcome of `balance.attempt`
function _M.attempt(call, outcome)
  local failure, timing = outcome.failure, outcome.timing
  local number = call.attempts
  if outcome.hedged and not outcome.is_second then
    number = number - 1
  end
  call.emit {
    event = "attempt", attempt = number, endpoint = outcome.endpoint,
    kind = failure and failure.kind, status = outcome.status,
    timing = timing and core.copy(timing), -- the result has the other
    reused = outcome.reused, clock_ahead = outcome.clock_ahead,
  }
  if outcome.warning then
    call.emit { event = "warning", message = outcome.warning }
  end
end

--- A function that tells of a warning.
-- @tparam table call see `balance.call`
-- @treturn function
function _M.warner(call)
  return function(message)
    call.emit {
      event = "warning",
      message = clean(message, secrets.of(call.provider, call.config,
        call.old_keys)),
    }
  end
end

return _M

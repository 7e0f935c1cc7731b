-- SPDX-License-Identifier: MIT
--- Corrects a wrong clock: a service that refuses a signature for its time
-- also says what time it is.
-- @module balance.clock

local _M = {}

local farthest = 86400 -- seconds; a clock is not off by more

--- Runs an attempt, and once more with the clock corrected.
-- @tparam table state `offset`: seconds to add to this machine's clock, which
-- the client remembers
-- @tparam table provider its `is_clock_refused(failure)`, where it signs
-- @tparam function emit
-- @tparam function attempt gets the offset and `...`; returns a result, or nil
-- and a failure; and the seconds by which the server's clock is ahead of this one,
-- where that can be believed
-- @param ...
-- @treturn ?table the result, with `clock_offset` where there is one
-- @treturn ?balance.Failure
function _M.run(state, provider, emit, attempt, ...)
  local result, failure, ahead = attempt(state.offset, ...)
  if failure and ahead and provider.is_clock_refused
    and provider.is_clock_refused(failure)
    and math.abs(ahead) <= farthest and ahead ~= state.offset then
    state.offset = ahead
    emit { event = "clock", offset = ahead }
    result, failure = attempt(ahead, ...)
  end
  if result and state.offset ~= 0 and provider.is_clock_refused then
    result.clock_offset = state.offset
  end
  return result, failure
end

return _M

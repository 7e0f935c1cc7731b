-- SPDX-License-Identifier: MIT
--- A request's turn, where the requests a second for one key are limited.
-- @module balance.turn

local limiter = require "balance.limiter"
local names = require "balance.names"

local _M = {}

--- Waits for it.
-- @tparam table call see `balance.call`
-- @tparam number limit seconds
-- @treturn ?number how long it waited, seconds
-- @treturn ?table where that is nil, the fields of a failure
function _M.take(call, limit)
  if not call.config.rate then
    return 0
  end
  local key, refused = names.of_keys(call)
  if not key then
    return nil, refused
  end
  local waited, longer = limiter.wait({
    rate = call.config.rate, dict = call.client.settings.rate_dict,
    limit = limit,
  }, key, call.loop)
  if not waited then
    return nil, {
      kind = "rate_limit", retry_after = longer,
      message = "this client's own limit of requests a second is reached",
    }
  end
  if waited > 0 and call.emit then
    call.emit { event = "limit", wait = waited }
  end
  return waited
end

return _M

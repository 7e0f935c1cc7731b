-- SPDX-License-Identifier: MIT
--- Asks at the next endpoint where one cannot be reached.
-- @module balance.failover

local core = require "balance.core"

local _M = {}

--- The clock, seconds; specs bring their own.
_M.now = core.now

-- Nothing but these says that another host may do better.
local unreachable = { dns = true, connect = true, tls = true, timeout = true }

--- Tries endpoints in their order.
-- @tparam {string,...} endpoints
-- @tparam number limit seconds for all of them
-- @tparam function try gets an endpoint, its time limit and `...`; returns a
-- result, or nil and a failure
-- @param ...
-- @treturn ?table
-- @treturn ?balance.Failure of the last one that was tried
-- @return what else it returned
function _M.run(endpoints, limit, try, ...)
  if #endpoints == 1 then
    return try(endpoints[1], limit, ...)
  end
  local finish = _M.now() + limit
  for i, endpoint in ipairs(endpoints) do
    local left = math.max(finish - _M.now(), 0)
    local result, failure, more = try(endpoint,
      left / (#endpoints - i + 1), ...)
    local is_last = i == #endpoints or finish <= _M.now()
    if result or is_last or not unreachable[failure.kind] then
      return result, failure, more
    end
  end
end

return _M

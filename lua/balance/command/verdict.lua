-- SPDX-License-Identifier: MIT
--- Whether enough is left on an account.
-- @module balance.command.verdict

local days_of = require("balance.monitor.alarms").days_of

local _M = {}

--- Judges an account.
-- @tparam balance.WatchedAccount account
-- @tparam ?table thresholds `min`, in the account's unit, and `min_days`
-- @treturn string "fine", "below" or "unknown"
-- @treturn ?string which threshold it is below, or not known for: "min" or
-- "min_days"; nil where nothing is known of the account
function _M.of(account, thresholds)
  thresholds = thresholds or {}
  if not account.is_up then
    return "unknown"
  elseif thresholds.min and account.available < thresholds.min then
    return "below", "min"
  end
  local days = thresholds.min_days and days_of(account)
  if days and days < thresholds.min_days then
    return "below", "min_days"
  elseif thresholds.min_days and not days then
    return "unknown", "min_days"
  end
  return "fine"
end

local rank = { fine = 0, below = 1, unknown = 2 }

--- The worse one of two verdicts: what is not known hides the most.
-- @tparam string one
-- @tparam string other
-- @treturn string
function _M.worse(one, other)
  return rank[one] > rank[other] and one or other
end

return _M

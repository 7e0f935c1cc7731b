-- SPDX-License-Identifier: MIT
--- The samples of the last days.
-- @module balance.report.recent

local _M = {}

local default_days = 7

--- The samples of a history from the last days on.
-- @tparam {table,...} history of a snapshot
-- @tparam number now Unix time
-- @tparam ?number days how far back (7)
-- @treturn {table,...} a new list
-- @treturn number the Unix time from which on they are
function _M.of(history, now, days)
  local samples, began = {}, now - (days or default_days) * 86400
  for _, sample in ipairs(history) do
    if sample.at >= began then
      samples[#samples + 1] = sample
    end
  end
  return samples, began
end

return _M

-- SPDX-License-Identifier: MIT
--- How fast an account is used, and when it is empty.
--
-- The rate of a window is the sum of the drops in it over the time of its
-- intervals. An interval with a top-up does not count. (Least squares, or the
-- first sample minus the last one, give a wrong rate after a top-up, even a
-- negative one.)
-- @module balance.monitor.rate

local history = require "balance.monitor.history"

local _M = {}

local day, week = 86400, 7 * 86400 -- seconds
local least_hours, least_drops = 6, 3 -- for a rate
local least_time = least_hours * 3600
local longest = 365 * day -- that is foretold

local function new_sum()
  return { time = 0, drops = 0, count = 0 }
end

local function add(sum, time, drop)
  sum.time, sum.drops = sum.time + time, sum.drops + drop
  sum.count = sum.count + (drop > 0 and 1 or 0)
end

-- What happened in the last day and the last week.
local function sums_of(samples, now)
  local of_day, of_week = new_sum(), new_sum()
  history.walk(samples, function(before, after, drop)
    local time = after.at - before.at -- not so, where the clock was set
    if time > 0 and before.at >= now - week and after.at <= now then
      add(of_week, time, drop)
      if before.at >= now - day then
        add(of_day, time, drop)
      end
    end
  end)
  return of_day, of_week
end

-- A day's use; nil where there is not enough data. Where there was no drop, it
-- is 0.
local function rate_of(sum)
  if sum.time >= least_time
    and (sum.count >= least_drops or sum.count == 0) then
    return sum.drops / sum.time * day
  end
end

--- What a history says of the time to come.
-- @tparam {table,...} samples of `balance.monitor.history`
-- @tparam ?number left what is left now; nil: not known
-- @tparam number now Unix time
-- @treturn table `rates`: a day's use in the last `day` and `week`; `rate`: the
-- faster one; `outlook`: "known", "idle", "more than a year" or "not enough
-- data"; `time_to_empty`: seconds, where it is known
function _M.of(samples, left, now)
  local of_day, of_week = sums_of(samples, now)
  local rates = { day = rate_of(of_day), week = rate_of(of_week) }
  local rate = math.max(rates.day or 0, rates.week or 0)
  local seen = { rates = rates, rate = rate, outlook = "known" }
  if rate > 0 then
    seen.time_to_empty = left and math.max(left / rate * day, 0)
  elseif rates.week then
    seen.outlook = "idle"
  else
    seen.outlook, seen.rate = "not enough data", nil
  end
  if seen.time_to_empty and seen.time_to_empty > longest then
    seen.outlook, seen.time_to_empty = "more than a year", nil
  end
  return seen
end

return _M

-- SPDX-License-Identifier: MIT
--- The alarms of an account: what a round makes of their states.
--
-- There are four: `min` (less is left), `min_days` (it is empty sooner),
-- `auth` (the key is refused) and `unknown` (no answer for half an hour). Each
-- is "ok" or "low", and tells of a change once.
-- @module balance.monitor.alarms

local _M = {}

--- Seconds without an answer after which an account is unknown.
_M.patience = 1800

local margin = 0.1 -- of a threshold, by which it must be exceeded to be over
local day = 86400 -- seconds

-- Whether a value is under a threshold: true, false, or nil in between.
local function compare(value, threshold, is_topped_up)
  if value < threshold then
    return true
  elseif is_topped_up or value >= threshold + math.abs(threshold) * margin then
    return false
  end
end

--- For how long what is left lasts.
-- @tparam table seen `time_to_empty` and `outlook`, as of `balance.monitor.rate`
-- @treturn ?number days; nil where nobody knows
function _M.days_of(seen)
  if seen.time_to_empty then
    return seen.time_to_empty / day
  elseif seen.outlook ~= "not enough data" and seen.outlook ~= "known" then
    return math.huge -- idle, or more than a year
  end
end

-- Each says whether its alarm is on: true, false, or nil where that stays as
-- it is.
local conditions = {}

function conditions.min(seen, settings)
  if seen.is_up and settings.min then
    return compare(seen.available, settings.min, seen.top_up)
  end
end

function conditions.min_days(seen, settings)
  local days = seen.is_up and settings.min_days and _M.days_of(seen)
  return days and compare(days, settings.min_days, seen.top_up)
end

function conditions.auth(seen)
  if seen.is_up then
    return false
  end
  return seen.kind == "auth" or nil
end

function conditions.unknown(seen, _, alarms)
  if seen.is_up or alarms.auth.state == "low" then
    return false -- a refused key says more
  end
  return seen.silent_for >= _M.patience or nil
end

local order = { "auth", "unknown", "min", "min_days" }

-- Whether an alarm waits for this setting, which is not there.
local function is_unset(name, settings)
  return name:find "^min" and settings[name] == nil
end

-- Returns what is to be told: the name of an event, and whether it is a
-- reminder.
local function step(alarm, is_on, rounds_needed, remind, now)
  if alarm.state == "ok" then
    alarm.rounds = is_on and alarm.rounds + 1 or 0
    if alarm.rounds >= rounds_needed then
      alarm.state, alarm.since, alarm.told = "low", now, now
      return "low"
    end
  elseif is_on == false then
    alarm.state, alarm.since, alarm.told, alarm.rounds = "ok", now, nil, 0
    return "ok"
  elseif remind and now - (alarm.told or alarm.since) >= remind then
    alarm.told = now
    return "low", true
  end
end

-- An event's name: an alarm of its own has its own.
local function name_of(event, alarm)
  return event == "low" and not alarm:find "^min" and alarm or event
end

--- Takes a round's step.
-- @tparam table alarms by name: { state, since, rounds, told }; it is changed
-- @tparam table seen `is_up`: whether there was an answer; then `available`,
-- `top_up`, `outlook` and `time_to_empty`; else `kind`, of the failure, and
-- `silent_for`, seconds
-- @tparam table settings `min`, `min_days`, `for_rounds` (1) and `remind`
-- (seconds; nil: never)
-- @tparam number now Unix time
-- @treturn {table,...} events: `event`, `alarm`, `is_reminder`, `threshold`,
-- `since`
function _M.step(alarms, seen, settings, now)
  local events = {}
  for _, name in ipairs(order) do
    if is_unset(name, settings) then
      alarms[name] = nil
    else
      local alarm = alarms[name] or { state = "ok", since = now, rounds = 0 }
      alarms[name] = alarm
      local began = alarm.since
      local event, is_reminder = step(alarm,
        conditions[name](seen, settings, alarms),
        settings[name] and settings.for_rounds or 1, settings.remind, now)
      -- that a refused key is no longer silent is nothing to tell
      local is_told = event and not (name == "unknown" and event == "ok"
        and not seen.is_up)
      if is_told then
        events[#events + 1] = {
          alarm = name, event = name_of(event, name),
          is_reminder = is_reminder, threshold = settings[name],
          since = event == "ok" and began or alarm.since,
        }
      end
    end
  end
  return events
end

--- The state of an account in a word.
-- @tparam table alarms
-- @tparam boolean is_known whether there was an answer ever
-- @treturn string "refused", "unknown", "low", "empty soon" or "ok"
function _M.state(alarms, is_known)
  local function is_on(name)
    return alarms[name] and alarms[name].state == "low"
  end
  return is_on "auth" and "refused"
    or (is_on "unknown" or not is_known) and "unknown"
    or is_on "min" and "low"
    or is_on "min_days" and "empty soon"
    or "ok"
end

return _M

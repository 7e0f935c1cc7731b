-- SPDX-License-Identifier: MIT
--- What one round tells of an account.
-- @module balance.monitor.account

local alarms = require "balance.monitor.alarms"
local answers = require "balance.answer"
local clean = require("balance.failure").clean
local core = require "balance.core"
local histories = require "balance.monitor.history"
local rates = require "balance.monitor.rate"
local text = require "balance.text"

local _M = {}

local max_fields = 64 -- of a service's own
local name_of_field = "^[A-Za-z0-9_][A-Za-z0-9_. -]*$"
local max_name = 64 -- bytes

-- The service's own fields that can be kept: numbers and booleans. Its texts
-- are left out: others read a store and a page, and a text may repeat a key.
local function fields_of(result)
  local fields, count = {}, 0
  for name, value in pairs(result) do
    local is_plain = type(value) == "boolean"
      or type(value) == "number" and value - value == 0
    if is_plain and type(name) == "string" and not answers.is_ours[name]
      and #name <= max_name and name:find(name_of_field)
      and count < max_fields then
      fields[name], count = value, count + 1
    end
  end
  return fields
end

local function answer_of(result, currency)
  return {
    provider = result.provider, unit = clean(result.unit, {}),
    currency = currency, available = result.available,
    available_from = clean(result.available_from, {}),
    fetched_at = result.fetched_at, fields = fields_of(result),
    duration = result.timing and result.timing.total,
  }
end

-- Returns the top-up, where there was one.
local function take_result(state, result, currency, now)
  local last, answer = state.answer, answer_of(result, currency)
  if last and result.cached and answer.fetched_at <= last.fetched_at then
    return nil
  end
  local begins = last and (last.unit ~= answer.unit
    or last.currency ~= answer.currency
    or last.available_from ~= answer.available_from)
  local top_up
  state.answer = answer
  state.history, top_up = histories.add(state.history, answer.fetched_at,
    answer.available, begins, now)
  return top_up
end

local function take_failure(state, failure, now)
  state.failure = {
    provider = failure.provider, kind = failure.kind,
    message = failure.message, hint = failure.hint, code = failure.code,
    status = failure.status, retryable = failure.retryable,
  }
  state.failed_at = now
  state.failures[failure.kind] = (state.failures[failure.kind] or 0) + 1
  state.silent_since = math.min(state.silent_since or now, now)
end

--- Takes a round's answer, or its failure, into a state.
-- @tparam table state of `balance.monitor.state`; it is changed
-- @tparam ?balance.Result result with `refresh_error`, where that is all that
-- is new
-- @tparam ?balance.Failure failure
-- @tparam table settings `currency`, and those of `balance.monitor.alarms`
-- @tparam number now Unix time
-- @treturn {table,...} events, as of `balance.monitor.alarms`
function _M.take(state, result, failure, settings, now)
  failure = failure or result.refresh_error
  state.asked_at, state.is_up = now, failure == nil
  local top_up = result and take_result(state, result, settings.currency, now)
  if failure then
    take_failure(state, failure, now)
  else
    state.failure, state.failed_at, state.silent_since = nil, nil, nil
  end
  local left = state.answer and state.answer.available
  local seen = rates.of(state.history, left, now)
  seen.is_up, seen.available, seen.top_up = state.is_up, left, top_up
  seen.kind = failure and failure.kind
  seen.silent_for = now - (state.silent_since or now)
  local events = alarms.step(state.alarms, seen, settings, now)
  for _, event in ipairs(events) do
    event.at, event.top_up = now, top_up
  end
  return events
end

--- An account as a snapshot has it.
-- @tparam string name
-- @tparam table state of `balance.monitor.state`
-- @tparam table settings `provider`, `unit` and those of `take`
-- @tparam number every seconds from one round to the next
-- @tparam number now Unix time
-- @treturn table as of `balance.monitor`
function _M.show(name, state, settings, every, now)
  local answer, failure = state.answer or {}, state.failure
  local seen = rates.of(state.history, answer.available, now)
  local is_late = not state.asked_at
    or math.abs(now - state.asked_at) > 2 * every + 60
  local shown = {
    name = name, provider = answer.provider or settings.provider,
    unit = answer.unit or settings.unit, currency = answer.currency,
    available_from = answer.available_from, available = answer.available,
    fields = core.copy(answer.fields or {}), fetched_at = answer.fetched_at,
    duration = answer.duration, is_up = state.is_up,
    is_stale = not state.is_up or is_late,
    failure = failure and core.copy(failure), failed_at = state.failed_at,
    failures = core.copy(state.failures), history = state.history,
    rates = seen.rates, rate = seen.rate, outlook = seen.outlook,
    time_to_empty = seen.time_to_empty,
    state = alarms.state(state.alarms, state.answer ~= nil),
    alarms = {}, undelivered = {},
  }
  for alarm, its in pairs(state.alarms) do
    shown.alarms[alarm] = {
      state = its.state, since = its.since, [alarm] = settings[alarm],
    }
  end
  for _, event in pairs(state.undelivered) do
    if event.message then -- else nobody has tried, or it is under way
      table.insert(shown.undelivered, {
        alarm = event.alarm, event = event.event, at = event.at,
        message = event.message,
      })
    end
  end
  table.sort(shown.undelivered, function(a, b)
    return text.is_before(a.alarm, b.alarm)
  end)
  return shown
end

return _M

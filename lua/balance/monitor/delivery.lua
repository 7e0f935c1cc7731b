-- SPDX-License-Identifier: MIT
--- Tells the caller's `notify` of events. One that could not be delivered stays
-- in the state of its account, and is tried again with the next round.
-- @module balance.monitor.delivery

local core = require "balance.core"
local failure = require "balance.failure"
local mistake = require "balance.mistake"
local rates = require "balance.monitor.rate"

local _M = {}

local least_pause = 30 -- seconds; somebody else may be trying
local lifetime = 86400 -- seconds; what nobody tried to tell is old news then

-- What `notify` gets: the event, and what is known of the account now.
local function complete(event, name, state, settings, now)
  local answer, failed = state.answer or {}, state.failure or {}
  local seen = rates.of(state.history, answer.available, now)
  return {
    version = 1, event = event.event, alarm = event.alarm,
    is_reminder = event.is_reminder, account = name,
    provider = answer.provider or settings.provider,
    unit = answer.unit or settings.unit, currency = answer.currency,
    available = answer.available, available_from = answer.available_from,
    fetched_at = answer.fetched_at, threshold = event.threshold,
    rate = seen.rate, time_to_empty = seen.time_to_empty,
    outlook = seen.outlook, top_up = event.top_up, kind = failed.kind,
    message = failed.message, hint = failed.hint,
    at = event.at, since = event.since,
  }
end

--- Puts events into a state. Of each alarm the last one stays.
-- @tparam table state of `balance.monitor.state`
-- @tparam {table,...} events as of `balance.monitor.alarms`
function _M.add(state, events)
  for _, event in ipairs(events) do
    state.undelivered[event.alarm] = event
  end
end

--- The events of a state that are to be told now. Until the next round nobody
-- else tells them.
-- @tparam string name of the account
-- @tparam table state it is changed
-- @tparam table settings as of `balance.monitor.account`
-- @tparam number now Unix time
-- @treturn {table,...} complete events
function _M.take(name, state, settings, now)
  local due = {}
  for alarm, event in pairs(state.undelivered) do
    if not event.tried_at and math.abs(now - event.at) > lifetime then
      state.undelivered[alarm] = nil
    elseif not event.tried_at
      or math.abs(now - event.tried_at) >= least_pause then
      event.tried_at = now
      due[#due + 1] = complete(event, name, state, settings, now)
    end
  end
  return due
end

-- Returns nothing, or why it was not delivered.
local function tell(notify, event)
  local ok, sent, err = pcall(notify, event)
  if not ok then
    mistake.pass_on(sent)
    return mistake.text(sent)
  elseif sent == false or sent == nil and err ~= nil then
    return err ~= nil and mistake.text(err) or "notify returned false"
  end
end

--- Tells events.
-- @tparam function notify the caller's
-- @tparam {table,...} events from `take`
-- @tparam number deadline by core.now(); later, no event is begun
-- @treturn {[string]=string} why one was not delivered, by alarm; "" of one
-- that was
function _M.tell(notify, events, deadline)
  local outcomes = {}
  for _, event in ipairs(events) do
    local problem = "there was no time left in this round"
    if core.now() < deadline then
      problem = tell(notify, event)
    end
    outcomes[event.alarm] = problem and failure.clean(problem, {}) or ""
  end
  return outcomes
end

--- Notes what became of events.
-- @tparam table state it is changed
-- @tparam {table,...} events from `take`
-- @tparam {[string]=string} outcomes from `tell`
function _M.note(state, events, outcomes)
  for _, event in ipairs(events) do
    local its, outcome = state.undelivered[event.alarm], outcomes[event.alarm]
    if its and its.at == event.at then -- else there is a newer one
      if outcome == "" then
        state.undelivered[event.alarm] = nil
      else
        its.message = outcome
      end
    end
  end
end

return _M

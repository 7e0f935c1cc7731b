-- SPDX-License-Identifier: MIT
--- What an event of a monitor says to people: one to three short lines.
-- @module balance.notify.text

local clean = require("balance.failure").clean
local patience = require("balance.monitor.alarms").patience
local words = require "balance.report.words"

local _M = {}

-- An account's name, or a service's message: a stranger's text.
local function plain(value)
  return clean(value, {}) or ""
end

local function left_of(event)
  return event.available and words.phrase(event, event.available)
end

-- With nothing left there is nothing to foretell.
local function rate_of(event)
  local is_known = event.rate and event.rate > 0 and event.available > 0
    and (event.time_to_empty or event.outlook == "more than a year")
  return is_known and (" At %s a day it is empty in %s."):format(
    words.per_day(event),
    words.outlook(event)) or ""
end

local function failure_of(event)
  local text = plain(event.message) ~= "" and " " .. plain(event.message)
    or ""
  return event.hint and text .. "\n" .. plain(event.hint) or text
end

local sentences = {}

function sentences.min(event)
  return ("%s left, less than %s.%s"):format(left_of(event),
    words.phrase(event, event.threshold), rate_of(event))
end

function sentences.min_days(event)
  return ("%s left, for less than %s %s.%s"):format(left_of(event),
    words.decimal(event.threshold), event.threshold == 1 and "day" or "days",
    rate_of(event))
end

-- Seconds; a reminder comes later than the alarm.
local function silence_of(event)
  local at = event.at or 0
  return math.max(at - (event.fetched_at or event.since or at), patience)
end

function sentences.unknown(event)
  local last = event.available and event.fetched_at
    and ("\n%s left at %s."):format(left_of(event),
      words.time(event.fetched_at)) or ""
  return ("no answer for %s.%s%s"):format(words.duration(silence_of(event)),
    failure_of(event), last)
end

function sentences.auth(event)
  return "the key is refused." .. failure_of(event)
end

local over = {
  min = "enough is left again",
  min_days = "it lasts long enough again",
  unknown = "it answers again",
  auth = "the key is taken again",
}

local function over_of(event)
  local left = left_of(event)
  local top_up = event.top_up and (" after a top-up of %s"):format(
    words.phrase(event, event.top_up)) or ""
  return ("%s%s.%s"):format(over[event.alarm], top_up,
    left and (" %s left."):format(left) or "")
end

--- What is missing in an event.
-- @param event
-- @treturn ?string nil: it can be written
function _M.mistake(event)
  if type(event) ~= "table" then
    return "an event must be a table, not a " .. type(event)
  elseif type(event.account) ~= "string" then
    return "an event must have an 'account'"
  elseif not sentences[event.alarm] then
    return "an event must have an 'alarm': min, min_days, unknown or auth"
  elseif event.event ~= "ok" and event.alarm:find "^min"
    and not (type(event.available) == "number"
      and type(event.threshold) == "number") then
    return ("an event of '%s' must have 'available' and 'threshold'"):format(
      event.alarm)
  end
end

--- Writes an event as text.
-- @tparam balance.AlarmEvent event
-- @tparam ?string keyword goes before it: some robots want one
-- @treturn string
function _M.write(event, keyword)
  local said = event.event == "ok" and over_of(event)
    or sentences[event.alarm](event)
  local name = plain(event.account)
  if event.provider and event.provider ~= event.account then
    name = ("%s (%s)"):format(name, plain(event.provider))
  end
  return ("%s%s%s: %s"):format(keyword and keyword .. " " or "",
    event.is_reminder and "still: " or "", name, said)
end

--- The beginning of a text, cut between two characters.
-- @tparam string text UTF-8
-- @tparam integer bytes at most
-- @treturn string
function _M.cut(text, bytes)
  if #text <= bytes then
    return text
  end
  local length = bytes
  while length > 0 and text:find("^[\128-\191]", length + 1) do
    length = length - 1
  end
  return text:sub(1, length)
end

return _M

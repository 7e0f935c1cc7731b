-- SPDX-License-Identifier: MIT
--- A snapshot as a table that a person reads, and what is to be said beneath.
-- @module balance.report.text

local clean = require("balance.failure").clean
local layout = require "balance.report.layout"
local schema = require "balance.schema"
local words = require "balance.report.words"

local _M = {}

local function plain(value)
  return clean(value, {}) or ""
end

local function ago(account, now)
  if not account.fetched_at then
    return "never"
  end
  return words.duration(math.max(now - account.fetched_at, 0)) .. " ago"
end

local columns = {
  { "account" }, { "left", is_number = true },
  { "per day", is_number = true, spare = 2 },
  { "empty in", is_number = true, spare = 3 },
  { "as of", is_number = true, spare = 1 }, { "state" },
}

local function rows_of(snapshot)
  local rows = {}
  for i, account in ipairs(snapshot.accounts) do
    rows[i] = {
      plain(account.name),
      plain(account.available and words.phrase(account, account.available)
        or "unknown"),
      plain(words.per_day(account) or "-"), words.outlook(account),
      ago(account, snapshot.at),
      account.state .. (account.is_stale and account.available
        and ", stale" or ""),
    }
  end
  return rows
end

local colours = {
  ok = layout.green, low = layout.yellow, ["empty soon"] = layout.yellow,
  unknown = layout.red, refused = layout.red,
}

local function painter(snapshot)
  return function(cell, row, column)
    local account = snapshot.accounts[row]
    return column == #columns
      and colours[account.state] .. cell .. layout.no_colour or cell
  end
end

local function write_notes(snapshot, lines, width)
  local function say(indent, text)
    layout.wrap(indent .. plain(text), "    ", lines, width)
  end
  for _, account in ipairs(snapshot.accounts) do
    local failure = account.failure
    if failure then
      say("", ("%s: %s: %s"):format(account.name, failure.kind,
        failure.message))
      if failure.hint then
        say("  ", failure.hint)
      end
    end
    for _, event in ipairs(account.undelivered) do
      say("", ("%s: nobody was told of '%s': %s"):format(account.name,
        event.event, event.message))
    end
  end
  if snapshot.problem then
    say("", snapshot.problem)
  end
end

local known = {
  width = { "number", range = "a whole number of %d or more", min = 1,
    whole = true },
  colour = { "boolean" },
}

--- Writes the table.
-- @tparam balance.Snapshot snapshot
-- @tparam ?table options `width`: columns of the terminal, for which columns
-- are left out and texts broken (no limit); `colour`: whether states have one
-- (false)
-- @treturn string lines
-- @raise for a wrong option
function _M.write(snapshot, options)
  local given, mistake = schema.read_options(options, known)
  if not given then
    error("balance.report.text: " .. mistake, 2)
  end
  local lines = {}
  layout.table(columns, rows_of(snapshot), lines, given.width,
    given.colour and painter(snapshot) or nil)
  write_notes(snapshot, lines, given.width)
  return table.concat(lines, "\n") .. "\n"
end

return _M

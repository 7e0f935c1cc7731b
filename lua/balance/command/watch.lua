-- SPDX-License-Identifier: MIT
--- `balance watch`: a monitor in the foreground. In a pipe it writes a line for
-- each change; in a terminal, a table that is drawn anew, and the last lines
-- below it.
-- @module balance.command.watch

local alerts = require "balance.command.alerts"
local clean = require("balance.failure").clean
local core = require "balance.core"
local data = require "balance.command.data"
local layout = require "balance.report.layout"
local notify_text = require "balance.notify.text"
local output = require "balance.command.output"
local report = require "balance.report.text"
local status = require("balance.command.stop").status
local to_json = require("balance.report.json").write
local watched = require "balance.command.watched"
local words = require "balance.report.words"

local _M = {}

local lines_kept = 5 -- below the table
local home, wipe_line, wipe_below = "\27[H", "\27[K", "\27[J"
local clear = home .. "\27[2J"

-- Lines ------------------------------------------------------------------------

-- A line for an account, without its time; another one is a change.
local function line_of(account)
  local left = account.available
    and words.phrase(account, account.available) or "unknown"
  local failure = account.failure
  return ("%s: %s, %s%s"):format(account.name, left, account.state,
    failure and (": %s: %s%s"):format(failure.kind, failure.message,
      failure.hint and "; " .. failure.hint or "") or "")
end

-- The lines of what has changed since the last call.
local function changes(view, snapshot)
  local lines = {}
  local function show(key, line)
    if view.shown[key] ~= line then
      view.shown[key] = line
      lines[#lines + 1] = line
    end
  end
  for _, account in ipairs(snapshot.accounts) do
    if account.is_up ~= nil then
      show(account.name, line_of(account))
    end
    for _, event in ipairs(account.undelivered) do
      show(account.name .. "\n" .. event.alarm,
        ("%s: nobody was told of '%s': %s"):format(account.name, event.event,
          event.message))
    end
  end
  if snapshot.problem ~= view.problem then
    view.problem = snapshot.problem
    lines[#lines + 1] = snapshot.problem
  end
  return lines
end

local function with_time(line, at)
  return words.time(at) .. " " .. (clean(line, {}) or "")
end

-- Views ------------------------------------------------------------------------
-- Each has `look(snapshot)`, after each look of the monitor, and `tell(event)`.
-- The latter only takes note: that nobody reads is no failure of a webhook.

local function alarm_line(event)
  return with_time("ALARM " .. notify_text.write(event):gsub("\n", " "),
    event.at)
end

local function of_pipe()
  local view, alarms = { shown = {} }, {}
  function view.look(snapshot)
    for _, line in ipairs(changes(view, snapshot)) do
      alarms[#alarms + 1] = with_time(line, snapshot.at)
    end
    local lines = alarms
    alarms = {}
    for _, line in ipairs(lines) do
      data.write(line .. "\n")
    end
  end
  function view.tell(event)
    alarms[#alarms + 1] = alarm_line(event)
  end
  return view
end

-- A document for each round.
local function of_json()
  local last
  return {
    look = function(snapshot)
      local document = to_json(snapshot)
      local round = {}
      for i, account in ipairs(snapshot.accounts) do
        round[i] = ("%s %s"):format(account.fetched_at or "",
          account.failed_at or "")
      end
      round = table.concat(round, "\n")
      if round ~= last then
        last = round
        data.write(document .. "\n")
      end
    end,
    tell = function() end,
  }
end

-- As many lines as the terminal has.
local function first_lines(text)
  local _, rows = core.terminal(1)
  local kept, count = {}, 0
  for line in text:gmatch "[^\n]*\n" do
    count = count + 1
    if rows == nil or rows == 0 or count < rows then
      kept[#kept + 1] = line
    end
  end
  return table.concat(kept)
end

local function of_terminal(has_colour)
  local view, recent, is_first = { shown = {} }, {}, true
  local function keep(line)
    recent[#recent + 1] = line
    if #recent > lines_kept then
      table.remove(recent, 1)
    end
  end
  function view.look(snapshot)
    for _, line in ipairs(changes(view, snapshot)) do
      keep(with_time(line, snapshot.at))
    end
    local width, lines = output.width(), {}
    for _, line in ipairs(recent) do
      layout.wrap(line, "    ", lines, width)
    end
    local text = report.write(snapshot,
      { width = width, colour = has_colour })
      .. ("\nasked every %s, Ctrl-C ends it\n"):format(
        words.duration(snapshot.every))
      .. table.concat(lines, "\n") .. "\n"
    data.write((is_first and clear or home)
      .. first_lines(text):gsub("\n", wipe_line .. "\n") .. wipe_below)
    is_first = false
  end
  function view.tell(event)
    keep(alarm_line(event))
  end
  return view
end

local function view_of(arguments)
  if arguments.json then
    return of_json()
  elseif core.terminal(1) and not output.is_dumb() then
    return of_terminal(output.has_colour(arguments.color))
  end
  return of_pipe()
end

local function watch(arguments)
  local view, tell = view_of(arguments), nil
  local monitor, _, file = watched.open(arguments, {
    every = arguments.every, notify = function(event) return tell(event) end,
  })
  tell = alerts.of(arguments, file, view.tell)
  monitor:run(function()
    if not core.caught_signal() then
      view.look(monitor:snapshot())
    end
    return core.caught_signal() == nil
  end)
end

--- Runs it, until Ctrl-C or SIGTERM.
-- @tparam table arguments
-- @treturn integer the exit status: of SIGTERM 0, for that is how it is ended
function _M.run(arguments)
  core.catch_signals()
  local ok, problem = pcall(watch, arguments)
  local signal = core.caught_signal()
  if not ok and not signal then
    error(problem, 0)
  end
  return signal == "INT" and status.interrupted or status.fine
end

return _M

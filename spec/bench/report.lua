-- SPDX-License-Identifier: MIT
--- The lines of the table.
local stats = require "bench.stats"

local _M = { lines = {} }

local function add(...)
  local line = "| " .. table.concat({ ... }, " | ") .. " |"
  _M.lines[#_M.lines + 1] = line
  print(line)
  io.flush()
end

function _M.seconds(seconds)
  if math.abs(seconds) < 1e-3 then
    return ("%.3g us"):format(seconds * 1e6)
  elseif math.abs(seconds) < 1 then
    return ("%.3g ms"):format(seconds * 1e3)
  end
  return ("%.3g s"):format(seconds)
end

--- The median of a list of seconds.
function _M.median(list)
  return _M.seconds(stats.spread(list).median)
end

function _M.kib(kib)
  return ("%.0f KiB"):format(kib)
end

local function spread_text(list, unit)
  local spread = stats.spread(list)
  local function text(number)
    return unit and unit(number) or ("%.2f"):format(number)
  end
  return ("%s (%s to %s)"):format(text(spread.median), text(spread.low),
    text(spread.high)), spread.median
end

function _M.head()
  add("row", "what", "beside", "ours", "theirs", "ratio (quartiles)", "aim",
    "")
  add("---", "---", "---", "---", "---", "---", "---", "---")
end

-- An aim is { most = 1.5 } or { least = 10 }; without one a line reports.
local function verdict(aim, value, unit)
  if not aim then
    return "reported", ""
  end
  local bound = aim.most or aim.least
  local met = aim.most and value <= bound or aim.least and value >= bound
  local text = unit and unit(bound) or ("%gx"):format(bound)
  return (aim.most and "at most " or "at least ") .. text,
    met and "met" or "missed"
end

--- A line of a comparison: lists of seconds, round by round, of both sides.
-- `aim` is for the ratio of ours to theirs, or as `inverse` of theirs to ours.
function _M.compare(row, what, beside, ours, theirs, aim)
  local ratios = stats.ratios(ours, theirs)
  if aim and aim.inverse then
    ratios = stats.ratios(theirs, ours)
  end
  local text, median = spread_text(ratios)
  add(row, what, beside, _M.median(ours), _M.median(theirs), text,
    verdict(aim, median))
end

--- A line with its aim for something else: a list round by round, of a unit.
function _M.value(row, what, beside, ours, theirs, values, unit, aim)
  local text, median = spread_text(values, unit)
  add(row, what, beside, ours, theirs, text, verdict(aim, median, unit))
end

--- A line of plain texts, with nothing to be met.
function _M.note(row, what, beside, ours, theirs, text)
  add(row, what, beside, ours, theirs, text or "", "reported", "")
end

--- A line for a peer that is not here.
function _M.skip(row, what, beside, reason)
  add(row, what, beside, "", "", "skipped: " .. reason, "", "")
end

return _M

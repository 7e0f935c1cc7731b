-- SPDX-License-Identifier: MIT
--- Ranges of the monitoring plugins' guidelines: `[@]start:end`. A range alerts
-- for what is outside of it; with `@`, for what is inside. Both ends belong to
-- it. `10` is 0 to 10, `10:` is 10 and more, `~:10` is 10 and less.
-- @module balance.report.range

local answers = require "balance.answer"

local _M = {}

local number = "%-?%d+%.?%d*"

local function read_end(written, default)
  if written == "" then
    return default
  end
  return written:find("^" .. number .. "$") and answers.number(written) or nil
end

--- Reads a range.
-- @tparam string written
-- @treturn ?table for `alerts`; nil where it is none
-- @treturn ?string then, why
function _M.read(written)
  local inside, rest = written:match "^(@?)(.+)$"
  local first, last = (rest or ""):match "^([^:]*):([^:]*)$"
  if not first then
    first, last = "0", rest
  end
  local low = first == "~" and -math.huge or read_end(first or "x", 0)
  local high = read_end(last or "x", math.huge)
  if not low or not high or first == "" and last == "" then
    return nil, "a range is [@]start:end, such as 10: or ~:5 or 10:20"
  elseif low > high then
    return nil, "the start of a range must not be above its end"
  end
  return { low = low, high = high, is_inside = inside == "@", text = written }
end

--- Whether a value makes an alert.
-- @tparam table range
-- @tparam number value
-- @treturn boolean
function _M.alerts(range, value)
  return (value >= range.low and value <= range.high) == range.is_inside
end

return _M

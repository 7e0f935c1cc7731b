-- SPDX-License-Identifier: MIT
--- How reports write amounts, times and durations for people. Decimal numbers
-- have a point, whatever the locale.
-- @module balance.report.words

local text = require "balance.text"

local _M = {}

local to_type = math.type -- nil before Lua 5.3

-- The digits of a number and the place of its point behind them, from the
-- right, moved by some places to the right.
local function digits_of(number, moved)
  local written = text.shortest(number)
  local mantissa, exponent = written:match "^([%d.]+)e([+-]%d+)$"
  local whole, part = (mantissa or written):match "^(%d+)%.?(%d*)$"
  return whole .. part, #part - (tonumber(exponent) or 0) - moved
end

-- A number, divided by 10 to the power of `places`, which it also has behind
-- its point at least.
local function write(number, places)
  local sign = number < 0 and "-" or ""
  local digits, behind
  if to_type and to_type(number) == "integer" then
    digits, behind = ("%d"):format(number):gsub("-", ""), places
  else
    digits, behind = digits_of(math.abs(number), -places)
  end
  if behind < places then
    digits, behind = digits .. ("0"):rep(places - behind), places
  end
  if #digits <= behind then
    digits = ("0"):rep(behind - #digits + 1) .. digits
  end
  local whole, part = digits:sub(1, #digits - behind), digits:sub(-behind)
  whole = whole:gsub("^0+(%d)", "%1")
  return sign .. whole .. (behind > 0 and "." .. part or "")
end

--- A finite number as a plain decimal, exactly, without an exponent.
-- @tparam number number
-- @treturn string
function _M.decimal(number)
  return write(number, 0)
end

--- Whether an account's amounts are hundredths of a currency that is known.
-- @tparam table account of a snapshot
-- @treturn boolean
function _M.is_money(account)
  return account.unit == "cent" and account.currency ~= nil
end

--- An amount of an account: cents are shown in their currency.
-- @tparam table account of a snapshot
-- @tparam number value in the account's unit
-- @treturn string "123.45", "195"
-- @treturn string "USD", "credits"
function _M.amount(account, value)
  if _M.is_money(account) then
    return write(value, 2), account.currency
  end
  local unit = account.unit or ""
  if (unit == "credit" or unit == "cent") and value ~= 1 then
    unit = unit .. "s"
  end
  return write(value, 0), unit
end

--- The same as one text.
-- @tparam table account of a snapshot
-- @tparam number value
-- @treturn string "123.45 USD"
function _M.phrase(account, value)
  local number, unit = _M.amount(account, value)
  return unit == "" and number or number .. " " .. unit
end

-- A computed amount as people read it: in whole units, or in hundredths where
-- it is below 100.
local function rounded(account, value)
  local step = not _M.is_money(account) and math.abs(value) < 100 and 100 or 1
  return math.floor(value * step + 0.5) / step
end

--- A day's use of an account.
-- @tparam table account of a snapshot
-- @treturn ?string "96 credits"; nil where it is not known
function _M.per_day(account)
  return account.rate and _M.phrase(account, rounded(account, account.rate))
end

local spans = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" } }

--- A duration in one unit, rounded down: "3 days", "90 minutes".
-- @tparam number seconds
-- @treturn string
function _M.duration(seconds)
  for _, span in ipairs(spans) do
    if seconds >= 2 * span[1] then
      return ("%d %ss"):format(math.floor(seconds / span[1]), span[2])
    end
  end
  local whole = math.floor(seconds)
  return ("%d second%s"):format(whole, whole == 1 and "" or "s")
end

--- When an account is empty, in words.
-- @tparam table account of a snapshot
-- @treturn string "3 days", "idle", "more than a year", "not enough data"
function _M.outlook(account)
  return account.time_to_empty and _M.duration(account.time_to_empty)
    or account.outlook
end

--- A time in UTC.
-- @tparam number at Unix time
-- @treturn string "2026-11-27T19:30:00Z"
function _M.time(at)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(at))
end

return _M

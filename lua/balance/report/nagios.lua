-- SPDX-License-Identifier: MIT
--- A snapshot as a monitoring plugin's line and exit status, for Nagios and
-- Icinga: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
--
-- The ranges are in what the line shows: credits, or whole dollars, not cents.
-- Without ranges, an alarm of the monitor is a warning. An account that is not
-- known is UNKNOWN, or CRITICAL where that is asked for; so is one that nobody
-- has asked lately, as where the monitor has ended.
-- @module balance.report.nagios

local clean = require("balance.failure").clean
local core = require "balance.core"
local ranges = require "balance.report.range"
local schema = require "balance.schema"
local words = require "balance.report.words"

local _M = {}

local names = { [0] = "OK", "WARNING", "CRITICAL", "UNKNOWN" }
local rank = { [0] = 0, [3] = 1, [1] = 2, [2] = 3 } -- the worst one counts

-- The bar begins the performance data, so none may be in the words.
local function plain(value)
  return ((clean(value, {}) or ""):gsub("|", "/"))
end

-- A quote ends a label, and an equals sign its name.
local function label(name)
  return "'" .. plain(name):gsub("['=]", "_") .. "'"
end

local function status_of(account, value, given)
  if not value then
    return given.failure_state == "critical" and 2 or 3
  elseif given.critical and ranges.alerts(given.critical, value) then
    return 2
  elseif given.warning and ranges.alerts(given.warning, value) then
    return 1
  end
  return not (given.critical or given.warning) and account.state ~= "ok" and 1
    or 0
end

local function describe_unknown(account, now)
  local failure = account.failure
  if failure then
    return ("%s: %s%s"):format(failure.kind, failure.message,
      failure.hint and "; " .. failure.hint or "")
  elseif account.is_up and account.available then
    return ("%s %s ago, and no round since"):format(
      words.phrase(account, account.available),
      words.duration(math.max(now - account.fetched_at, 0)))
  end
  return "not known"
end

local function describe(account)
  local left = words.phrase(account, account.available)
  return account.time_to_empty
    and ("%s, empty in %s"):format(left, words.outlook(account)) or left
end

-- What a line says of an account, its status and its performance data.
local function check(account, given, now)
  local is_known = account.is_up and not account.is_stale
    and account.available
  local shown = is_known and (words.amount(account, account.available)) or nil
  local value = shown and core.in_plain_locale(tonumber, shown)
  local status = status_of(account, value, given)
  local warning, critical = given.warning, given.critical
  local limits = ";" .. (warning and warning.text or "")
    .. ";" .. (critical and critical.text or "")
  local said = is_known and describe(account) or describe_unknown(account, now)
  return status, plain(account.name) .. ": " .. plain(said),
    label(account.name) .. "=" .. (shown or "U")
      .. limits:gsub(";+$", "")
end

local function read_range(written, what)
  local range, mistake = ranges.read(written)
  return range, mistake and what .. ": " .. mistake
end

local known = {
  account = { "string" },
  warning = { "string", read = read_range },
  critical = { "string", read = read_range },
  failure_state = { "string", choices = { "critical", "unknown" } },
}

--- Reads options; for a command, whose user's mistakes are no errors.
-- @param options
-- @treturn ?table nil where something is wrong
-- @treturn ?string then, what
function _M.read(options)
  return schema.read_options(options, known)
end

--- Writes the line.
-- @tparam balance.Snapshot snapshot
-- @tparam ?table options `account`: its name (all); `warning`, `critical`:
-- ranges; `failure_state`: "critical" or "unknown" ("unknown")
-- @treturn string a line, without its end
-- @treturn integer the exit status
-- @raise for a wrong option or range
function _M.write(snapshot, options)
  local given, mistake = _M.read(options)
  if not given then
    error("balance.report.nagios: " .. mistake, 2)
  end
  local worst, said, data = nil, {}, {}
  for _, account in ipairs(snapshot.accounts) do
    if not given.account or account.name == given.account then
      local status
      status, said[#said + 1], data[#data + 1] = check(account, given,
        snapshot.at)
      worst = worst and rank[worst] > rank[status] and worst or status
    end
  end
  if not worst then
    worst = 3
    said[1] = given.account and plain(given.account) .. " is not watched"
      or "no account is watched"
  end
  local line = ("BALANCE %s - %s"):format(names[worst],
    table.concat(said, ", "))
  if data[1] then
    line = line .. " | " .. table.concat(data, " ")
  end
  return line, worst
end

return _M

-- SPDX-License-Identifier: MIT
--- `balance check`: compares with thresholds. What is fine is told on standard
-- output with -v, and what is not on standard error.
-- @module balance.command.check

local accounts_file = require "balance.command.accounts"
local data = require "balance.command.data"
local notify_text = require "balance.notify.text"
local output = require "balance.command.output"
local stop = require "balance.command.stop"
local verdicts = require "balance.command.verdict"
local watched = require "balance.command.watched"
local words = require "balance.report.words"

local _M = {}

local need_thresholds =
  "give --min or --min-days, or \"min\" in the accounts file"

-- The thresholds of an account: the arguments', else the accounts file's.
local function thresholds_of(one, arguments)
  local alarms = one.alarms or {}
  local min = arguments.min
    and accounts_file.in_units(one.provider, one.given, arguments.min)
  return {
    min = min or alarms.min, min_days = arguments.min_days or alarms.min_days,
  }
end

-- The words for what is below.
local function describe_low(account, threshold, thresholds)
  return notify_text.write {
    account = account.name, event = "low", alarm = threshold,
    unit = account.unit, currency = account.currency,
    available = account.available, threshold = thresholds[threshold],
    rate = account.rate, time_to_empty = account.time_to_empty,
    outlook = account.outlook,
  }
end

local function describe_unknown(account, threshold)
  local failure = account.failure
  if threshold == "min_days" then
    return ("%s: not enough data yet to say for how long it lasts; it takes"
      .. " some hours of `balance watch`, or of checks"):format(account.name)
  end
  return ("%s: %s: %s%s"):format(account.name, failure.kind, failure.message,
    failure.hint and "; " .. failure.hint or "")
end

local function tell(account, verdict, threshold, thresholds, arguments)
  if verdict == "below" then
    output.say(describe_low(account, threshold, thresholds))
  elseif verdict == "unknown" then
    output.say(describe_unknown(account, threshold))
  elseif arguments.verbose and not arguments.json then
    data.write(("%s: %s left, which is enough\n"):format(account.name,
      words.phrase(account, account.available)))
  end
end

-- The thresholds by name. Only a named account must have one.
local function all_thresholds(accounts, arguments)
  local all = {}
  for name, one in pairs(accounts) do
    local its = thresholds_of(one, arguments)
    if its.min or its.min_days then
      all[name] = its
    elseif arguments.names[1] then
      stop.with("usage", ("there is no threshold for %s"):format(name),
        need_thresholds)
    end
  end
  if next(all) == nil then
    stop.with("usage", "no account has a threshold", need_thresholds)
  end
  return all
end

--- Runs it.
-- @tparam table arguments
-- @treturn integer the exit status
function _M.run(arguments)
  local thresholds
  local snapshot = watched.ask(arguments, function(accounts)
    thresholds = all_thresholds(accounts, arguments)
  end)
  local worst = "fine"
  for _, account in ipairs(snapshot.accounts) do
    local its = thresholds[account.name]
    if its then
      local verdict, threshold = verdicts.of(account, its)
      tell(account, verdict, threshold, its, arguments)
      if verdict ~= "unknown" or not arguments.fail_open then
        worst = verdicts.worse(worst, verdict)
      end
    end
  end
  if arguments.json then
    data.write(require("balance.report.json").write(snapshot) .. "\n")
  else
    output.say_who_knows_more(snapshot)
  end
  return stop.status[worst]
end

return _M

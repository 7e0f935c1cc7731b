-- SPDX-License-Identifier: MIT
--- `balance history`: what was left over time. It asks no service.
-- @module balance.command.history

local data = require "balance.command.data"
local output = require "balance.command.output"
local recent = require "balance.report.recent"
local states = require "balance.command.state"
local stop = require "balance.command.stop"
local watched = require "balance.command.watched"

local _M = {}

local function trim(snapshot, days)
  for _, account in ipairs(snapshot.accounts) do
    account.history = recent.of(account.history, snapshot.at, days)
  end
  return snapshot
end

local function write(arguments, snapshot)
  local days = arguments.days
  if arguments.json then
    return require("balance.report.json").write(trim(snapshot, days)) .. "\n"
  elseif arguments.csv then
    return require("balance.report.csv").write(snapshot, days)
  end
  return require("balance.report.history").write(snapshot, days,
    output.width())
end

local function leave_unknown_out(snapshot)
  local known = {}
  for _, account in ipairs(snapshot.accounts) do
    known[#known + 1] = account.available and account or nil
  end
  snapshot.accounts = known
end

local function say_nothing_is_known(snapshot)
  stop.with("unknown", "nothing is remembered", snapshot.problem
    and "`balance doctor` looks at it"
    or "run `balance watch`, or `balance get` now and then")
end

--- Runs it.
-- @tparam table arguments
-- @treturn integer the exit status
function _M.run(arguments)
  if not states.exists(arguments.state) then
    say_nothing_is_known {}
  end
  arguments.with_keyless = true -- nobody is asked
  local snapshot = watched.open(arguments):snapshot()
  if not arguments.names[1] then
    leave_unknown_out(snapshot)
  end
  if snapshot.problem then
    output.say(snapshot.problem)
  end
  if not snapshot.accounts[1] then
    say_nothing_is_known(snapshot)
  end
  data.write(write(arguments, snapshot))
  return stop.status[snapshot.problem and "unknown" or "fine"]
end

return _M

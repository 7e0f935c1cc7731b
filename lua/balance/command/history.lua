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

--- Runs it.
-- @tparam table arguments
-- @treturn integer the exit status
function _M.run(arguments)
  if not states.exists(arguments.state) then
    stop.with("unknown", "nothing is remembered yet",
      "run `balance watch`, or `balance get` now and then")
  end
  local snapshot = watched.open(arguments):snapshot()
  if snapshot.problem then
    stop.with("unknown", snapshot.problem, "`balance doctor` looks at it")
  end
  data.write(write(arguments, snapshot))
  return stop.status.fine
end

return _M
